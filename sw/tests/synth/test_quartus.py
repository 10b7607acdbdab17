# SPDX-License-Identifier: Apache-2.0
"""The reader of Quartus' reports, on fixtures written by hand in their form, and on these mutilated."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from xnorfpga import __main__ as cli
from xnorfpga.artefacts.synthesis import Clock
from xnorfpga.base.errors import UserError
from xnorfpga.synth.quartus import tables
from xnorfpga.synth.quartus.figures import QuartusFigures
from xnorfpga.synth.quartus.read import read

FIXTURES = Path(__file__).parent / "fixtures"
FIXTURE = FIXTURES / "quartus"  # form of 18.1, invented figures
PRO = FIXTURES / "quartus_pro"  # form of 24.1 Pro, invented figures


def nulls(value: Any, place: str = "") -> Iterator[str]:
    """Yield the place of each figure that is None, as the keys of `reasons` name them."""
    if value is None:
        yield place
    elif isinstance(value, Clock):
        for key, each in value:
            yield from nulls(each, f"clocks.{value.name}.{key}")
    elif isinstance(value, BaseModel):
        for key, each in value:
            yield from nulls(each, f"{place}.{key}" if place else key)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from nulls(each, f"{place}.{key}")
    elif isinstance(value, tuple):
        for each in value:
            yield from nulls(each, place)


def parse(path: Path, clock: str | None = None, clock_mhz: float | None = None) -> QuartusFigures:
    """Read, and hold that every figure that is missing has its reason."""
    figures = read(path, clock, clock_mhz)
    assert set(nulls(figures)) == set(figures.reasons) - {"clocks"}
    return figures


def clock_of(figures: QuartusFigures, name: str = "CLOCK_50") -> Clock:
    return next(clock for clock in figures.clocks if clock.name == name)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A copy of the fixture to mutilate."""
    return Path(shutil.copytree(FIXTURE, tmp_path / "reports"))


def edit(reports: Path, name: str, *replacements: tuple[str, str]) -> None:
    """Replace text, all of which must be there, in one or more (glob) reports."""
    for path in reports.glob(name):
        text = path.read_text()
        for old, new in replacements:
            assert re.search(old, text), f"{path.name} has no {old}"
            text = re.sub(old, new, text)
        path.write_text(text)


# Form ----------------------------------------------------------------------------------------------------------------


def test_every_figure_of_the_fixture() -> None:
    result = parse(FIXTURE, clock="CLOCK_50")
    assert result.version == "18.1.0 Build 625 09/12/2018 SJ Lite Edition"
    assert (result.revision, result.top) == ("De1SocTop", "De1SocTop")
    assert (result.family, result.device) == ("Cyclone V", "5CSEMA5F31C6")
    assert all(result.stages[name].ok for name in ("map", "fit", "asm", "sta", "pow"))
    assert result.stages["fit"].time == "2026-03-03T10:20:30"
    assert (result.alms, result.alms_in_final_placement) == (5120, 5632)
    assert (result.ffs, result.m10k, result.dsps) == (7447, 43, 0)
    assert (result.memory_bits, result.pins, result.plls) == (104448, 22, 0)
    assert result.aluts == {"7": 3, "6": 1210, "5": 2008, "4": 1300, "<=3": 3500}
    assert result.available["alms"] == 32070 and result.available["m10k"] == 397
    assert result.fits is True
    assert result.fmax_mhz == 95.02  # the slower corner
    clock = clock_of(result)
    assert (clock.restricted_fmax_mhz, clock.period_ns, clock.constrained) == (90.0, 20.0, True)
    assert clock.fmax_by_corner_mhz == {"Slow 1100mV 85C": 96.14, "Slow 1100mV 0C": 95.02}
    assert (clock.setup_slack_ns, clock.hold_slack_ns) == (9.476, 0.181)
    assert (clock.recovery_slack_ns, clock.removal_slack_ns, clock.pulse_width_slack_ns) == (14.5, 0.702, 8.828)
    assert [entity.path for entity in result.entities] == ["|De1SocTop", "|De1SocTop|Accelerator:accelerator"]
    unit = result.entities[1]
    assert unit.total == {"alms": 5107.5, "aluts": 8000, "ffs": 7407, "memory_bits": 104448, "m10k": 43, "dsps": 0}
    assert unit.own == {"alms": 3.0, "aluts": 5, "ffs": 7}
    power = result.power
    assert (power.core_dynamic_mw, power.core_static_mw) == (130.25, 412.05)
    assert (power.io_mw, power.total_mw) == (18.0, 560.3)
    assert (power.method, power.toggle_mtps) == ("vectorless estimation", 4.25)
    assert power.by_block_mw["M10K"] == 55.0 and power.by_clock_mw["CLOCK_50"] == 130.2
    assert power.confidence.startswith("Low")
    assert any("215050" in caution for caution in result.cautions)
    assert {key for key in result.reasons if not key.startswith("clocks.")} == {"logic_elements", "m20k"}
    assert result.reasons["logic_elements"] == "Cyclone V is made of ALMs"
    assert QuartusFigures.model_validate_json(result.model_dump_json()) == result


def test_every_figure_of_pro() -> None:
    result = parse(PRO)
    assert (result.family, result.device, result.version) == (
        "Agilex 7", "AGFB014R24A2I2V", "24.1.0 Build 115 03/21/2024 SC Pro Edition",
    )  # fmt: skip
    assert {name: stage.status for name, stage in result.stages.items()} == dict.fromkeys(
        ("map", "fit", "sta"), "Successful"
    )  # and not "Preliminary", which is the device's
    assert (result.alms, result.ffs, result.m20k, result.dsps, result.plls) == (4210, 9014, 16, 3, 1)
    assert result.aluts == {"8": 20, "7": 0, "6": 400, "5": 380, "4": 2500, "<=3": 3000}
    assert result.fits is True and result.m10k is None
    assert result.reasons["m10k"] == "Agilex 7 has no M10K blocks"
    assert [entity.total["m20k"] for entity in result.entities] == [16, 16]
    clock = clock_of(result, "sys_clk")
    assert (result.fmax_mhz, clock.fmax_by_corner_mhz) == (301.5, {"Slow vid2 100C": 301.5})
    assert (clock.setup_slack_ns, clock.hold_slack_ns, clock.recovery_slack_ns) == (-0.317, 0.011, 1.571)
    assert (clock.removal_slack_ns, clock.pulse_width_slack_ns) == (0.153, 0.74)
    assert "timing is not met: setup slack -0.884 ns of v" in result.cautions


def test_the_summary_of_pro_alone_tells_slack_and_registers(tmp_path: Path) -> None:
    for path in PRO.glob("*.summary"):
        shutil.copy(path, tmp_path)
    result = parse(tmp_path)
    assert (result.ffs, result.m20k) == (9014, 16)
    assert clock_of(result, "sys_clk").pulse_width_slack_ns == 0.74


def test_a_family_of_four_input_tables(reports: Path) -> None:
    edit(
        reports,
        "*.fit.*",
        (r"Logic utilization \(in ALMs\)( *[:;]) 5,120 / 32,070", r"Total logic elements\1 5,120 / 49,760"),
        (r"Total DSP Blocks ( *[:;] 0 / 87)", r"Embedded Multiplier 9-bit elements\1"),
    )
    edit(
        reports,
        "*.fit.rpt",
        (r"(?m)^; .*ALMs .*\n", ""),
        (r"-- 7 input functions(.*)\n", r"-- <=2 input functions\1\n"),
    )
    edit(reports, "*.fit.*", (r"Cyclone V", "MAX 10"))
    result = parse(reports)
    assert (result.logic_elements, result.alms, result.fits) == (5120, None, True)
    assert result.aluts["<=2"] == 3 and result.aluts["4"] == 1300
    assert result.reasons["dsps"] == "MAX 10 has embedded multipliers, no DSP blocks"
    assert result.reasons["alms"] == "MAX 10 is made of logic elements, not ALMs"


@pytest.mark.parametrize("where", ["De1SocTop", ".", "parent"])
def test_reports_are_found_by_directory_output_directory_and_prefix(where: str, reports: Path, tmp_path: Path) -> None:
    if where == "parent":
        reports.rename(tmp_path / "output_files")
    path = {"De1SocTop": reports / "De1SocTop", ".": reports, "parent": tmp_path}[where]
    assert parse(path).alms == 5120


def test_reports_are_known_by_their_first_line_whatever_their_name(reports: Path) -> None:
    for path in list(reports.iterdir()):
        path.rename(path.with_name(path.name.replace("De1SocTop.", "run_3_")))
    result = parse(reports, clock="CLOCK_50")
    assert (result.alms, result.fmax_mhz, result.power.core_dynamic_mw) == (5120, 95.02, 130.25)


def test_windows_line_ends_latin_1_and_blank_first_lines_change_nothing(reports: Path) -> None:
    expected = parse(reports)
    for path in reports.iterdir():
        text = "\n" + path.read_text().replace("Info: Peak", "Info: 85 °C, Peak")
        path.write_bytes(text.replace("\n", "\r\n").encode("latin-1"))
    assert parse(reports) == expected


@pytest.mark.parametrize(
    ("program", "timing", "power"),
    [
        ("Quartus II 64-Bit", "TimeQuest Timing Analyzer", "PowerPlay Power Analyzer"),  # 13.0
        ("Quartus II", "TimeQuest Timing Analyzer", "PowerPlay Power Analyzer"),
        ("Quartus Prime", "TimeQuest Timing Analyzer", "Power Analyzer"),  # 17.0
        ("Quartus Prime", "Timing Analyzer", "Power Analyzer"),  # 18.1 to 25.1
    ],
)
def test_wordings_of_all_versions(program: str, timing: str, power: str, reports: Path) -> None:
    expected = parse(reports)
    for path in reports.iterdir():
        text = path.read_text().replace("Quartus Prime", program)
        text = re.sub(r"(?<!Legacy )Timing Analyzer", timing, text).replace("Power Analyzer", power)
        path.write_text(text)
    assert parse(reports) == expected


def test_the_summaries_alone_and_the_reports_alone_say_what_they_know(reports: Path) -> None:
    for path in reports.glob("*.rpt"):
        path.unlink()
    result = parse(reports, clock="CLOCK_50")
    assert (result.alms, result.m10k, result.alms_in_final_placement) == (5120, 43, None)
    assert result.fmax_mhz is None and "sta.rpt" in result.reasons["fmax_mhz"]
    assert clock_of(result).setup_slack_ns == 9.476 and clock_of(result).constrained is None
    assert any("bears no date" in caution for caution in result.cautions)
    assert result.power.core_dynamic_mw == 130.25
    shutil.copytree(FIXTURE, reports, dirs_exist_ok=True)
    for path in reports.glob("*.summary"):
        path.unlink()
    result = parse(reports, clock="CLOCK_50")
    assert (result.alms, result.m10k, result.fmax_mhz) == (5120, 43, 95.02)
    assert result.power.core_dynamic_mw == 130.25


def test_a_semicolon_in_a_cell_does_not_move_the_columns() -> None:
    text = [
        "+----------+",
        "; Title    ;",
        "+-----+----+",
        "; a   ; b  ;",
        "+-----+----+",
        "; x;y ; 12 ;",
        "+-----+----+",
    ]
    assert tables.tables(text) == [tables.Table("Title", ["a", "b"], [["x;y", "12"]])]


@pytest.mark.parametrize(
    ("text", "value", "total"),
    [
        ("1,234 / 32,070 ( 4 % )", 1234, 32070),
        ("91 / 32,070 ( < 1 % )", 91, 32070),
        ("857.5 (28.7)", 857.5, None),
        ("-18.233", -18.233, None),
        ("N/A", None, None),
        ("N/A until Partition Merge", None, None),
        ("--", None, None),
        ("< 1", None, None),
        ("", None, None),
        ("12abc", None, None),
    ],
)
def test_numbers(text: str, value: float | None, total: int | None) -> None:
    assert tables.number(text) == value
    assert tables.available(text) == total


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("130.25 mW", "mW", 130.25),
        ("1.5 W", "mW", 1500.0),
        ("250 uW", "mW", 0.25),
        ("224.62 MHz", "MHz", 224.62),
        ("1.2 GHz", "MHz", 1200.0),
        ("130.25", "mW", None),
        ("130.25 mA", "mW", None),
        ("--", "mW", None),
    ],
)
def test_quantities_keep_their_unit(text: str, unit: str, value: float | None) -> None:
    assert tables.quantity(text, unit) == value


# Meaning: a missing figure is None with a reason, never 0 ------------------------------------------------------------


def test_a_missing_line_is_none_with_a_reason_and_taken_from_the_report_where_that_has_it(reports: Path) -> None:
    edit(reports, "*.fit.summary", (r"Total RAM Blocks.*\n", ""))
    edit(reports, "*.fit.rpt", (r"; Total RAM Blocks .*\n", ""))
    assert parse(reports).m10k == 43  # of the row "M10K blocks", as in 14.0
    (reports / "De1SocTop.fit.rpt").unlink()
    result = parse(reports)
    assert result.m10k is None and "there is no fit.rpt" in result.reasons["m10k"]
    assert result.alms == 5120


def test_a_figure_that_is_no_number_is_none(reports: Path) -> None:
    (reports / "De1SocTop.fit.rpt").unlink()
    edit(reports, "*.fit.summary", (r"5,120 / 32,070 \( 16 % \)", "N/A until Partition Merge"))
    result = parse(reports)
    assert result.alms is None and "'N/A until Partition Merge' is no number" in result.reasons["alms"]


def test_without_a_fit_nothing_is_known_of_the_resources(reports: Path) -> None:
    for path in reports.glob("*.fit.*"):
        path.unlink()
    result = parse(reports)
    for figure in ("alms", "ffs", "m10k", "dsps", "aluts", "fits"):
        assert getattr(result, figure) is None and result.reasons[figure] == "there is no fitter report"
    assert result.power.core_dynamic_mw == 130.25  # the power report itself shows that there is logic
    assert any("no fitter report" in caution for caution in result.cautions)


def test_a_success_without_a_figure_shows_no_fit(reports: Path) -> None:
    (reports / "De1SocTop.fit.rpt").unlink()
    edit(reports, "*.fit.summary", (r"(?m)^Logic utilization.*\n", ""), (r"Total registers.*\n", ""))
    result = parse(reports)
    assert result.fits is None and "not how much logic was placed" in result.reasons["fits"]


def test_a_fit_that_failed_or_overflows_does_not_fit(reports: Path) -> None:
    edit(reports, "*.fit.*", (r"5,120 / 32,070 \( ?16 % \)", "34,000 / 32,070 ( 106 % )"))
    assert parse(reports).fits is False
    shutil.copytree(FIXTURE, reports, dirs_exist_ok=True)
    edit(reports, "*.fit.*", (r"Successful - ", "Failed - "))
    result = parse(reports)
    assert result.fits is False and result.stages["fit"].ok is False
    assert result.power is None and "the fit did not succeed" in result.reasons["power"]


def test_a_report_whose_messages_say_unsuccessful_is_not_ok(reports: Path) -> None:
    error = "Error (332000): ERROR: Clock not found\nError: "
    edit(reports, "*.sta.rpt", (r"Info: (Quartus.* was )successful\. 0 errors", error + r"\1unsuccessful. 2 errors"))
    result = parse(reports)
    assert result.stages["sta"].ok is False
    assert result.errors[0] == "Error (332000): ERROR: Clock not found"
    assert "the timing analysis did not succeed: Failed" in result.cautions


# Trust: whole files of one run ---------------------------------------------------------------------------------------


def test_a_summary_and_a_report_of_two_runs_are_not_mixed(reports: Path) -> None:
    edit(reports, "*.fit.summary", (r"5,120 / 32,070 \( 16 % \)", "6,000 / 32,070 ( 19 % )"))
    result = parse(reports)
    assert result.fits is None and result.ffs is None
    assert "are of two runs: Logic utilization" in result.reasons["alms"]


def test_slacks_of_two_runs_are_not_mixed(reports: Path) -> None:
    edit(reports, "*.sta.summary", (r"Slack : 0\.181", "Slack : 0.179"))
    result = parse(reports, clock="CLOCK_50")
    assert result.clocks == () and result.fmax_mhz is None
    assert "of two runs: they differ in the hold slack of CLOCK_50" in result.reasons["clocks"]


def test_slacks_in_one_of_two_files_are_of_two_runs(reports: Path) -> None:
    path = reports / "De1SocTop.sta.summary"
    path.write_text("\n".join([*path.read_text().splitlines()[:3], "", "-" * 60, ""]))
    assert "of two runs" in parse(reports).reasons["clocks"]


@pytest.mark.parametrize("status", ["Failed", "Successful"])
def test_a_fit_older_than_the_synthesis_is_not_believed(status: str, reports: Path) -> None:
    edit(reports, "*.map.summary", (r"Successful - Tue Mar 03 10:15:00", f"{status} - Tue Mar 03 12:00:00"))
    result = parse(reports, clock="CLOCK_50")
    assert (result.fits, result.alms, result.fmax_mhz, result.power) == (None, None, None, None)
    assert "before the synthesis of 2026-03-03 12:00:00" in result.reasons["alms"]
    assert (status == "Failed") == ("the synthesis did not succeed: Failed" in result.reasons["fits"])


@pytest.mark.parametrize("key", ["Revision Name", "Device Name"])
def test_timing_of_another_design_is_refused(key: str, reports: Path) -> None:
    edit(reports, "*.sta.rpt", (rf"({key} +;) \w+", r"\1 Another"))
    result = parse(reports, clock="CLOCK_50")
    assert result.fmax_mhz is None and "is Another, in the fit" in result.reasons["fmax_mhz"]


def test_a_failed_assembler_is_no_failed_fitter(reports: Path) -> None:
    """By its flow report, which counts only where no report of the fitter is there."""
    modules = (("Module Name", "Elapsed Time"), ("Analysis & Synthesis", "00:00:03"), ("Fitter", "00:00:29"))
    flow = reports / "De1SocTop.flow.rpt"

    def write(status: str, *rows: tuple[str, str]) -> QuartusFigures:
        table = "\n".join(f"; {a} ; {b} ;" for a, b in rows)
        text = (FIXTURE / "De1SocTop.fit.rpt").read_text().split("\n\n\n")[1].replace("Fitter", "Flow")
        rule = "+----+----+"
        flow.write_text(
            f"Flow report for De1SocTop\nTue Mar 03 10:20:51 2026\n\n\n{text.replace('Successful', status)}\n\n\n"
            f"+---------+\n; Flow Elapsed Time ;\n{rule}\n{table}\n{rule}\n\n\n------------\n; Flow Log ;\n"
        )
        return parse(reports)

    edit(reports, "*.asm.rpt", (r"Successful", "Failed"))
    result = parse(reports)
    assert result.fits is True and result.stages["fit"].ok and not result.stages["asm"].ok
    assert "the assembler did not succeed: Failed" in result.cautions
    for path in reports.iterdir():
        path.unlink()
    result = write("Assembler Failed", *modules, ("Assembler", "00:00:10"))
    assert (result.fits, result.alms) == (True, 5120)
    assert "the flow did not succeed: Assembler Failed" in result.cautions
    result = write("Fitter Failed", *modules)
    assert result.fits is None and "tells of no fit that ended: Fitter Failed" in result.reasons["fits"]
    result = write("Successful", *modules[:2])  # synthesis alone, whose figures are not placed ones
    assert result.fits is None and result.alms is None


LAST = {"fit.rpt": "closing message", "sta.rpt": "closing message", "pow.rpt": "closing message"}
LAST |= {"sta.summary": "closing line", "fit.summary": "last line", "pow.summary": "last line"}


@pytest.mark.parametrize("name", LAST)
def test_a_file_cut_anywhere_gives_no_wrong_figure(name: str, tmp_path: Path) -> None:
    """A file alone, cut in many places: each figure is that of the whole file or None, and never is there a fit."""
    whole = (FIXTURE / f"De1SocTop.{name}").read_text()
    (tmp_path / "whole").mkdir()
    cut = tmp_path / f"De1SocTop.{name}"
    shutil.copy(FIXTURE / f"De1SocTop.{name}", tmp_path / "whole")
    expected = dict(parse(tmp_path / "whole" / cut.name))
    end = whole.index("successful. 0 errors") if name.endswith("rpt") else len(whole) - 2
    line_ends = {i + 1 for i, sign in enumerate(whole) if sign == "\n"}
    cautions: set[str] = set()
    for length in sorted(set(range(90, end, 13)) | {i for i in line_ends if 90 < i < end}):
        cut.write_text(whole[:length])
        result = parse(cut)
        cautions.update(result.cautions)
        figures = {key: value for key, value in result if key not in ("path", "stages", "reasons", "cautions")}
        assert not {key: value for key, value in figures.items() if value and value != expected[key]}
        assert result.fits is None and not result.clocks and result.power is None
    assert any(LAST[name] in caution for caution in cautions)


def test_a_cut_report_leaves_what_a_whole_summary_says(reports: Path) -> None:
    path = reports / "De1SocTop.fit.rpt"
    path.write_text(path.read_text()[:3000])
    result = parse(reports)
    assert (result.alms, result.fits, result.aluts) == (5120, True, None)
    assert any(caution.startswith("De1SocTop.fit.rpt is cut off and left out") for caution in result.cautions)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\x7fELF\x00\x01", "is no text"),
        (b"Fitter\n", "begins with 'Fitter'"),
    ],
)
@pytest.mark.parametrize("name", ["De1SocTop.fit.rpt", "De1SocTop.sta.summary"])
def test_an_empty_or_binary_file_is_no_report(content: bytes, complaint: str, name: str, reports: Path) -> None:
    (reports / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: .*{complaint}"):
        parse(reports)
    with pytest.raises(UserError, match=complaint):
        parse(reports / name)


# Fmax by the name of the clock ---------------------------------------------------------------------------------------


def test_fmax_is_that_of_the_clock_named_not_of_the_first_row(reports: Path) -> None:
    assert parse(reports, clock="CLOCK_50").fmax_mhz == 95.02
    assert parse(reports, clock="accelerator|latched").fmax_mhz == 80.0
    assert parse(reports, clock_mhz=50).fmax_mhz == 95.02
    assert parse(reports).fmax_mhz == 95.02  # the other is a latch's, which no one constrained
    result = parse(reports, clock="CLOCK2_50")
    assert (
        result.fmax_mhz is None
        and "no clock named CLOCK2_50; accepted is one of CLOCK_50, " in result.reasons["fmax_mhz"]
    )


def test_with_two_constrained_clocks_one_must_be_named(reports: Path) -> None:
    edit(reports, "*.sta.rpt", (r".*\(332105\): create_clock.*\n", ""))
    result = parse(reports)
    assert result.fmax_mhz is None and "2 clocks that the user constrained" in result.reasons["fmax_mhz"]


def test_no_paths_to_report_is_no_fmax(reports: Path) -> None:
    edit(
        reports,
        "*.sta.rpt",
        (r"(?s)\+-+\+\n; (Slow \S+ \S+ Model Fmax Summary) .*?\nThis panel[^\n]*", r"; \1 ;\nNo paths to report."),
    )
    result = parse(reports, clock="CLOCK_50")
    assert result.fmax_mhz is None and "no paths to report" in result.reasons["fmax_mhz"]


def test_timing_older_than_the_fit_is_refused(reports: Path) -> None:
    edit(reports, "*.sta.rpt", (r"Tue Mar 03 10:21:10 2026", "Tue Mar 03 09:00:00 2026"))
    result = parse(reports, clock="CLOCK_50")
    assert result.fmax_mhz is None and "before the fit of 2026-03-03 10:20:30" in result.reasons["fmax_mhz"]


# Which clocks the user constrained ------------------------------------------------------------------------------------

NO_SDC = "Critical Warning (332012): Synopsys Design Constraints File file not found: 'De1SocTop.sdc'."
BY_PLL = "Info (332110): create_clock -period 20.000 -waveform {0.000 10.000} -name CLOCK_50 CLOCK_50"
BY_PLL_BRACED = "    Info (332110): create_clock -period 20.000 -name {CLOCK_50} {CLOCK_50}"


@pytest.mark.parametrize("message", [NO_SDC, "Info (332104): x\n" + BY_PLL, "Info (332104): x\n" + BY_PLL_BRACED])
def test_a_clock_that_quartus_made_up_is_not_constrained(message: str, reports: Path) -> None:
    """Without an SDC, or by `derive_pll_clocks -create_base_clocks`, whatever its period."""
    edit(reports, "*.sta.rpt", (r"Info \(332104\).*", message))
    result = parse(reports)
    assert clock_of(result).constrained is False
    assert result.fmax_mhz is None and "no clock that the user constrained" in result.reasons["fmax_mhz"]
    assert parse(reports, clock_mhz=50).fmax_mhz is None
    assert parse(reports, clock="CLOCK_50").fmax_mhz == 95.02
    assert any("no constraint of the user's on CLOCK_50" in caution for caution in result.cautions)


@pytest.mark.parametrize("made_up", [False, True])
def test_a_generated_clock_is_as_constrained_as_its_master(made_up: bool, reports: Path) -> None:
    clocks = (
        "; Clocks ;\n+---+\n; Clock Name ; Type ; Period ; Master ;\n+---+\n"
        "; CLOCK_50 ; Base ; 20.000 ; ;\n; pll|divclk ; Generated ; 10.000 ; CLOCK_50 ;\n+---+\n"
    )
    edit(reports, "*.sta.rpt", (r"; Clocks (?s:.*?)\+\n\n", clocks + "\n"))
    if made_up:
        edit(reports, "*.sta.rpt", (r"(Info \(332104\).*)", r"\1\n" + BY_PLL))
    assert clock_of(parse(reports), "pll|divclk").constrained is not made_up


COUNTER, VCO = "pll|general[0].gpll~PLL_OUTPUT_COUNTER|divclk", "pll|general[0].gpll~FRACTIONAL_PLL|vcoph[0]"


@pytest.fixture
def pll_reports(reports: Path) -> Path:
    """Reports of a board whose PLL makes 110 MHz of the oscillator, which then clocks no register itself."""
    clocks = (
        "; Clocks ;\n+---+\n; Clock Name ; Type ; Period ; Frequency ; Master ;\n+---+\n"
        "; CLOCK_50 ; Base ; 20.000 ; 50.0 MHz ; ;\n"
        f"; {VCO} ; Generated ; 1.515 ; 660.0 MHz ; CLOCK_50 ;\n"
        f"; {COUNTER} ; Generated ; 9.090 ; 110.0 MHz ; {VCO} ;\n+---+\n\n"
    )
    edit(
        reports,
        "*.sta.rpt",
        ("; CLOCK_50 ( *);", f"; {COUNTER} ;"),
        (r"; Clocks (?s:.*?)\+\n\n", clocks),
        (r".*accelerator\|latched.*\n", ""),
        ("95.02 MHz", "120.5 MHz"),
        ("96.14 MHz", "121.7 MHz"),
    )
    (reports / "De1SocTop.sta.summary").unlink()
    return reports


def test_the_plls_clock_is_the_one_that_is_asked_for(pll_reports: Path) -> None:
    """Derived from the clock that the SDC creates; the oscillator and the VCO are others, and have no Fmax."""
    result = parse(pll_reports, clock_mhz=110)
    assert [(each.name, each.constrained) for each in result.clocks] == [
        ("CLOCK_50", True),
        (VCO, True),
        (COUNTER, True),
    ]
    assert result.fmax_mhz == 120.5 == clock_of(result, COUNTER).fmax_mhz
    assert parse(pll_reports).fmax_mhz == 120.5
    near = parse(pll_reports, clock_mhz=109.5)
    assert near.fmax_mhz is None and "no clock constrained to 109.5 MHz" in near.reasons["fmax_mhz"]
    assert not any("timing" in caution for caution in result.cautions)


def test_the_plls_clock_is_not_the_users_where_quartus_made_up_its_base(pll_reports: Path) -> None:
    edit(pll_reports, "*.sta.rpt", (r"(Info \(332104\).*)", r"\1\n" + BY_PLL))
    result = parse(pll_reports, clock_mhz=110)
    assert result.fmax_mhz is None and not any(each.constrained for each in result.clocks)
    assert any(f"no constraint of the user's on CLOCK_50, {VCO}, {COUNTER}" in caution for caution in result.cautions)


def test_negative_slack_of_the_plls_clock_is_told(pll_reports: Path) -> None:
    edit(pll_reports, "*.sta.rpt", (r"9\.476", "-0.476"))
    assert f"timing is not met: setup slack -0.476 ns of {COUNTER}" in parse(pll_reports, clock_mhz=110).cautions


def test_negative_slack_of_each_kind_is_told(reports: Path) -> None:
    edit(reports, "*.sta.*", (r"14\.500", "-0.500"), (r"0\.702", "-0.200"), (r"8\.828", "-0.300"))
    cautions = parse(reports).cautions
    for kind, slack in (("recovery", "-0.5"), ("removal", "-0.2"), ("minimum pulse width", "-0.3")):
        assert f"timing is not met: {kind} slack {slack} ns of CLOCK_50" in cautions
    assert not any("setup" in caution for caution in cautions)  # only a clock that no one constrained fails


# Traps of power reports ----------------------------------------------------------------------------------------------


def refused(reports: Path) -> str:
    """The reason for which the power figure is refused; nothing else may be lost."""
    result = parse(reports, clock="CLOCK_50")
    assert result.power is None
    assert result.fmax_mhz == 95.02
    return result.reasons["power"]


def test_power_of_a_design_that_was_optimised_away_is_refused_however_high_its_confidence(reports: Path) -> None:
    edit(reports, "*.pow.*", (r"Low: user provided insufficient ", "High: user provided sufficient "))
    edit(reports, "*.fit.*", (r"5,120 / 32,070", "1 / 32,070"))
    edit(reports, "*.fit.rpt", (r"5,120  ", "1      "))
    assert "optimised away" in refused(reports)


def test_power_of_a_fit_without_registers_is_refused(reports: Path) -> None:
    edit(reports, "*.fit.*", (r"(Total registers +[:;]) 7447", r"\1 0   "))
    assert "optimised away" in refused(reports)


@pytest.mark.parametrize(
    "message",
    [
        "Warning (332068): No clocks defined in design.",
        'Info (332142): No user constrained base clocks found in the design. Calling "derive_clocks -period 1.0"',
    ],
)
def test_power_without_a_constrained_clock_is_refused(message: str, reports: Path) -> None:
    edit(reports, "*.pow.rpt", (r"Info \(332104\).*", message))
    assert "no clock is constrained" in refused(reports)


@pytest.mark.parametrize("clock", ["altera_reserved_tck; 10.00", "No clock domain    ; 0.00 "])
def test_power_with_only_the_jtag_clock_or_none_is_refused(clock: str, reports: Path) -> None:
    name, mhz = clock.split(";")
    edit(reports, "*.pow.rpt", (r"; CLOCK_50 +; 50.00 ", f"; {name} ;{mhz}"))
    assert "no clock is constrained" in refused(reports)


def test_power_of_an_earlier_fit_is_refused(reports: Path) -> None:
    edit(reports, "*.pow.*", (r"10:23:0", "10:03:0"))
    assert "before the fit of 2026-03-03 10:20:30" in refused(reports)


@pytest.mark.parametrize("key", ["Top-level Entity Name", "Revision Name", "Device"])
def test_power_of_another_design_is_refused(key: str, reports: Path) -> None:
    edit(reports, "*.pow.*", (rf"({key} +[:;]) \w+", r"\1 Another"))
    assert f"{key} is Another" in refused(reports)


def test_power_of_zero_is_refused(reports: Path) -> None:
    edit(reports, "*.pow.*", (r"130\.25 mW", "0.00 mW  "))
    assert "nothing toggles" in refused(reports)


def test_power_lacking_a_figure_is_refused_and_says_which(reports: Path) -> None:
    edit(reports, "*.pow.*", (r"; Core Static.*\n|Core Static.*\n", ""))
    reason = refused(reports)
    assert "core_static_mw" in reason and "core_dynamic_mw 130.25" in reason


def test_power_from_a_simulation_says_so(reports: Path) -> None:
    table = (
        "+----------------------+\n; Power Analyzer Simulation Files Read ;\n+---------+------------+\n"
        "; File ID ; File Name  ;\n+---------+------------+\n; f1      ; images.vcd ;\n+---------+------------+\n\n"
    )
    edit(reports, "*.pow.rpt", (r"\n(\+-+\+\n; Power Analyzer Settings)", "\n" + table + r"\1"))
    assert parse(reports).power.method == "simulation file images.vcd"


# Bad input -----------------------------------------------------------------------------------------------------------


def test_no_reports_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no Quartus report"):
        parse(tmp_path)
    with pytest.raises(UserError, match="no Quartus report"):
        parse(tmp_path / "absent" / "prefix")
    (tmp_path / "notes.rpt").write_text("nothing of Quartus\n")
    with pytest.raises(UserError, match="no file begins as a Quartus report"):
        parse(tmp_path)


def test_two_revisions_in_one_directory_must_be_told_apart(reports: Path) -> None:
    shutil.copy(reports / "De1SocTop.fit.summary", reports / "other.fit.summary")
    with pytest.raises(UserError, match=r"two fit reports, De1SocTop\.fit\.summary and other\.fit\.summary"):
        parse(reports)
    assert parse(reports / "other").alms == 5120


# The command ---------------------------------------------------------------------------------------------------------


def test_the_command_prints_json_for_the_clock_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["quartus-report", str(FIXTURE), "--clock", "accelerator|latched"]) == 0
    printed = QuartusFigures.model_validate_json(capsys.readouterr().out)
    assert printed.fmax_mhz == 80.0 and printed == parse(FIXTURE, clock="accelerator|latched")


def test_the_command_fails_with_the_error_lines_of_a_failed_compile(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "Error (170012): Fitter requires 3400 LABs\nError (171000): Can't fit design in device\n"
    edit(reports, "*.fit.*", (r"Successful - ", "Failed - "))
    edit(
        reports,
        "*.fit.rpt",
        (r"Info: (Quartus.*)was successful. 0 errors", lines + r"Error: \1was unsuccessful. 2 errors"),
    )
    assert cli.main(["quartus-report", str(reports)]) == 1
    printed = capsys.readouterr()
    assert QuartusFigures.model_validate_json(printed.out).fits is False
    assert printed.err == f"error: Quartus failed in fit: {' | '.join(lines.splitlines())}\n"


def test_the_command_refuses_an_empty_report(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (reports / "De1SocTop.fit.rpt").write_text("")
    assert cli.main(["quartus-report", str(reports)]) == 2
    assert "the file is empty" in capsys.readouterr().err
