# SPDX-License-Identifier: Apache-2.0
"""The parser of Quartus' reports, on hand-made fixtures and their mutilations, and on real reports where they are."""

import re
import shutil
from pathlib import Path

import pytest

from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import ROOT
from xnorfpga.synth.quartus import figures as quartus

FIXTURE = Path(__file__).parent / "fixtures" / "quartus"  # form of 18.1, invented figures
REAL = ROOT.parent / "shared" / "quartus" / "reports"  # real reports of nine versions, which are not ours to publish


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
    result = quartus.parse(FIXTURE, clock="CLOCK_50")
    assert result["version"] == "18.1.0 Build 625 09/12/2018 SJ Lite Edition"
    assert (result["revision"], result["top"]) == ("De1SocTop", "De1SocTop")
    assert (result["family"], result["device"]) == ("Cyclone V", "5CSEMA5F31C6")
    assert all(result["stages"][name]["ok"] for name in ("map", "fit", "asm", "sta", "pow"))
    assert result["stages"]["fit"]["time"] == "2026-03-03T10:20:30"
    assert (result["alms"], result["alms_in_final_placement"]) == (5120, 5632)
    assert (result["ffs"], result["m10k"], result["dsps"]) == (7447, 43, 0)
    assert (result["memory_bits"], result["pins"], result["plls"]) == (104448, 22, 0)
    assert result["aluts"] == {"7": 3, "6": 1210, "5": 2008, "4": 1300, "<=3": 3500}
    assert result["available"]["alms"] == 32070 and result["available"]["m10k"] == 397
    assert result["fits"] is True
    assert result["fmax_mhz"] == 95.02  # the slower corner
    clock = result["clocks"]["CLOCK_50"]
    assert (clock["restricted_fmax_mhz"], clock["period_ns"]) == (90.0, 20.0)
    assert (clock["setup_slack_ns"], clock["hold_slack_ns"], clock["constrained"]) == (9.476, 0.181, True)
    power = result["power"]
    assert (power["core_dynamic_mw"], power["core_static_mw"]) == (130.25, 412.05)
    assert (power["io_mw"], power["total_mw"]) == (18.0, 560.3)
    assert (power["method"], power["toggle_mtps"]) == ("vectorless estimation", 4.25)
    assert power["by_block_mw"]["M10K"] == 55.0 and power["by_clock_mw"]["CLOCK_50"] == 130.2
    assert power["confidence"].startswith("Low")
    assert any("215050" in caution for caution in result["cautions"])
    assert result["reasons"] == {"logic_elements": "Cyclone V is made of ALMs"}
    assert quartus.main_report(FIXTURE)["alms"] == 5120


@pytest.mark.parametrize("where", ["De1SocTop", ".", "parent"])
def test_reports_are_found_by_directory_output_directory_and_prefix(where: str, reports: Path, tmp_path: Path) -> None:
    if where == "parent":
        reports.rename(tmp_path / "output_files")
    path = {"De1SocTop": reports / "De1SocTop", ".": reports, "parent": tmp_path}[where]
    assert quartus.parse(path)["alms"] == 5120


def test_reports_are_known_by_their_first_line_whatever_their_name(reports: Path) -> None:
    for path in list(reports.iterdir()):
        path.rename(path.with_name(path.name.replace("De1SocTop.", "run_3_")))
    result = quartus.parse(reports, clock="CLOCK_50")
    assert (result["alms"], result["fmax_mhz"], result["power"]["core_dynamic_mw"]) == (5120, 95.02, 130.25)


def test_windows_line_ends_latin_1_and_blank_first_lines_change_nothing(reports: Path) -> None:
    expected = quartus.parse(reports)
    for path in reports.iterdir():
        text = "\n" + path.read_text().replace("Info: Peak", "Info: 85 °C, Peak")
        path.write_bytes(text.replace("\n", "\r\n").encode("latin-1"))
    assert quartus.parse(reports) == expected


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
    expected = quartus.parse(reports)
    for path in reports.iterdir():
        text = path.read_text().replace("Quartus Prime", program)
        text = re.sub(r"(?<!Legacy )Timing Analyzer", timing, text).replace("Power Analyzer", power)
        path.write_text(text)
    assert quartus.parse(reports) == expected


def test_the_summaries_alone_and_the_reports_alone_say_what_they_know(reports: Path) -> None:
    for path in reports.glob("*.rpt"):
        path.unlink()
    result = quartus.parse(reports, clock="CLOCK_50")
    assert (result["alms"], result["m10k"], result["alms_in_final_placement"]) == (5120, 43, None)
    assert result["fmax_mhz"] is None and "sta.rpt" in result["reasons"]["fmax_mhz"]
    assert result["clocks"]["CLOCK_50"]["setup_slack_ns"] == 9.476
    assert result["power"]["core_dynamic_mw"] == 130.25
    shutil.copytree(FIXTURE, reports, dirs_exist_ok=True)
    for path in reports.glob("*.summary"):
        path.unlink()
    result = quartus.parse(reports, clock="CLOCK_50")
    assert (result["alms"], result["m10k"], result["fmax_mhz"]) == (5120, 43, 95.02)
    assert result["power"]["core_dynamic_mw"] == 130.25


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
    assert quartus.tables(text) == [quartus.Table("Title", ["a", "b"], [["x;y", "12"]])]


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
    assert quartus.number(text) == value
    assert quartus.available(text) == total


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
    assert quartus.quantity(text, unit) == value


# Meaning: a missing figure is None with a reason, never 0 ------------------------------------------------------------


def test_a_missing_line_is_none_with_a_reason_and_taken_from_the_report_where_that_has_it(reports: Path) -> None:
    edit(reports, "*.fit.summary", (r"Total RAM Blocks.*\n", ""))
    edit(reports, "*.fit.rpt", (r"; Total RAM Blocks .*\n", ""))
    assert quartus.parse(reports)["m10k"] == 43  # of the row "M10K blocks", as in 14.0
    (reports / "De1SocTop.fit.rpt").unlink()
    result = quartus.parse(reports)
    assert result["m10k"] is None and "there is no fit.rpt" in result["reasons"]["m10k"]
    assert result["alms"] == 5120


def test_a_figure_that_is_no_number_is_none(reports: Path) -> None:
    (reports / "De1SocTop.fit.rpt").unlink()
    edit(reports, "*.fit.summary", (r"5,120 / 32,070 \( 16 % \)", "N/A until Partition Merge"))
    result = quartus.parse(reports)
    assert result["alms"] is None and "'N/A until Partition Merge' is no number" in result["reasons"]["alms"]


def test_without_a_fit_nothing_is_known_of_the_resources(reports: Path) -> None:
    for path in reports.glob("*.fit.*"):
        path.unlink()
    result = quartus.parse(reports)
    for figure in ("alms", "ffs", "m10k", "dsps", "aluts", "fits"):
        assert result[figure] is None and result["reasons"][figure] == "there is no fitter report"
    assert result["power"]["core_dynamic_mw"] == 130.25  # the power report itself shows that there is logic
    assert any("no fitter report" in caution for caution in result["cautions"])


def test_a_summary_and_a_report_of_two_runs_are_not_mixed(reports: Path) -> None:
    edit(reports, "*.fit.summary", (r"5,120 / 32,070 \( 16 % \)", "6,000 / 32,070 ( 19 % )"))
    result = quartus.parse(reports)
    assert result["alms"] is None and "of two runs" in result["reasons"]["alms"]


def test_a_fit_that_failed_or_overflows_does_not_fit(reports: Path) -> None:
    edit(reports, "*.fit.*", (r"5,120 / 32,070 \( ?16 % \)", "34,000 / 32,070 ( 106 % )"))
    assert quartus.parse(reports)["fits"] is False
    shutil.copytree(FIXTURE, reports, dirs_exist_ok=True)
    edit(reports, "*.fit.*", (r"Successful - ", "Failed - "))
    result = quartus.parse(reports)
    assert result["fits"] is False and result["stages"]["fit"]["ok"] is False
    assert result["power"] is None and "the fit did not succeed" in result["reasons"]["power"]


def test_a_report_whose_messages_say_unsuccessful_is_not_ok(reports: Path) -> None:
    edit(reports, "*.sta.rpt", (r"was successful\. 0 errors", "was unsuccessful. 2 errors"))
    assert quartus.parse(reports)["stages"]["sta"]["ok"] is False


# Fmax by the name of the clock ---------------------------------------------------------------------------------------


def test_fmax_is_that_of_the_clock_named_not_of_the_first_row(reports: Path) -> None:
    assert quartus.parse(reports, clock="CLOCK_50")["fmax_mhz"] == 95.02
    assert quartus.parse(reports, clock="accelerator|latched")["fmax_mhz"] == 80.0
    assert quartus.parse(reports, clock_mhz=50)["fmax_mhz"] == 95.02
    assert quartus.parse(reports)["fmax_mhz"] == 95.02  # the other is a latch's, which no one constrained
    result = quartus.parse(reports, clock="CLOCK2_50")
    assert result["fmax_mhz"] is None and "there are" in result["reasons"]["fmax_mhz"]


def test_with_two_constrained_clocks_one_must_be_named(reports: Path) -> None:
    edit(reports, "*.sta.rpt", (r".*\(332105\): create_clock.*\n", ""))
    result = quartus.parse(reports)
    assert result["fmax_mhz"] is None and "2 clocks constrained by the user" in result["reasons"]["fmax_mhz"]


def test_no_paths_to_report_is_no_fmax(reports: Path) -> None:
    edit(
        reports,
        "*.sta.rpt",
        (r"(?s)\+-+\+\n; (Slow \S+ \S+ Model Fmax Summary) .*?\nThis panel[^\n]*", r"; \1 ;\nNo paths to report."),
    )
    result = quartus.parse(reports, clock="CLOCK_50")
    assert result["fmax_mhz"] is None and "no paths to report" in result["reasons"]["fmax_mhz"]


def test_timing_older_than_the_fit_is_refused(reports: Path) -> None:
    edit(reports, "*.sta.rpt", (r"Tue Mar 03 10:21:10 2026", "Tue Mar 03 09:00:00 2026"))
    result = quartus.parse(reports, clock="CLOCK_50")
    assert result["fmax_mhz"] is None and "older than the fit" in result["reasons"]["fmax_mhz"]


# Traps of power reports ----------------------------------------------------------------------------------------------


def refused(reports: Path) -> str:
    """The reason for which the power figure is refused; nothing else may be lost."""
    result = quartus.parse(reports, clock="CLOCK_50")
    assert result["power"] is None
    assert result["fmax_mhz"] == 95.02
    return result["reasons"]["power"]


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
    assert quartus.parse(reports)["power"]["method"] == "simulation file images.vcd"


# Bad input -----------------------------------------------------------------------------------------------------------


def test_no_reports_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no Quartus report"):
        quartus.parse(tmp_path)
    with pytest.raises(UserError, match="no Quartus report"):
        quartus.parse(tmp_path / "absent" / "prefix")
    (tmp_path / "notes.rpt").write_text("nothing of Quartus\n")
    with pytest.raises(UserError, match="no file begins as a Quartus report"):
        quartus.parse(tmp_path)


def test_two_revisions_in_one_directory_must_be_told_apart(reports: Path) -> None:
    shutil.copy(reports / "De1SocTop.fit.summary", reports / "other.fit.summary")
    with pytest.raises(UserError, match=r"two fit reports, De1SocTop\.fit\.summary and other\.fit\.summary"):
        quartus.parse(reports)
    assert quartus.parse(reports / "other")["alms"] == 5120


@pytest.mark.parametrize("cut", [0, 1, 100, 1000, 3000])
def test_a_truncated_report_gives_no_wrong_figure(cut: int, reports: Path) -> None:
    expected = quartus.parse(reports)
    for path in reports.glob("*.rpt"):
        path.write_bytes(path.read_bytes()[:cut])
    result = quartus.parse(reports)
    for figure in ("alms", "ffs", "m10k", "dsps", "pins", "alms_in_final_placement"):
        assert result[figure] in (expected[figure], None)


# Real reports --------------------------------------------------------------------------------------------------------

CYCLONE_V = {  # directory: version, ALMs, FFs, M10K, DSPs, block memory bits, pins
    "q14.0_5CSEMA5_MorseCode": ("14.0.0", 91, 33, 0, 0, 0, 45),
    "q17.0_5CSEMA5_RISCV-CORE": ("17.0.0", 4222, 1595, 256, 0, 2097152, 63),
    "q17.0_5CSEMA5_NN_digits": ("17.0.0", 2646, 2431, 54, 33, 363183, 209),
    "q18.1_5CSEMA5_super_cpu_plus_POWER_VCD": ("18.1.0", 1, 0, 0, 0, 0, 2),
    "q21.1_5CSEMA5_MNIST_accel": ("21.1.0", 798, 921, 40, 1, 322416, 342),
    "q24.1_5CSEMA5_DE1_SoC_Computer": ("24.1std.0", 9851, 13030, 375, 0, 3032588, 309),
}


def real(name: str) -> Path:
    if not (REAL / name).is_dir():
        pytest.skip("the real reports are not on this machine")
    return REAL / name


@pytest.mark.parametrize("name", CYCLONE_V)
def test_real_cyclone_v(name: str) -> None:
    result = quartus.parse(real(name))
    version, *figures = CYCLONE_V[name]
    assert result["version"].split()[0] == version
    assert [result[key] for key in ("alms", "ffs", "m10k", "dsps", "memory_bits", "pins")] == figures
    assert result["device"] == "5CSEMA5F31C6" and result["fits"] is True
    assert result["available"]["alms"] == 32070 and result["available"]["dsps"] == 87
    assert set(result["aluts"]) == {"7", "6", "5", "4", "<=3"}
    assert not [caution for caution in result["cautions"] if "two runs" in caution]


def test_real_fmax() -> None:
    assert quartus.parse(real("q17.0_5CSEMA5_RISCV-CORE"))["fmax_mhz"] == 186.29
    assert quartus.parse(real("q14.0_5CSEMA5_MorseCode"), clock="CLOCK_50")["fmax_mhz"] == 224.62
    result = quartus.parse(real("q17.0_5CSEMA5_NN_digits"), clock="CLOCK_50")
    assert result["fmax_mhz"] == 26.16
    assert result["clocks"]["CLOCK_50"]["setup_slack_ns"] == -18.233
    latch = result["clocks"]["top:my_top|network:neiroset|memorywork:block|step[0]"]
    assert (latch["fmax_mhz"], latch["constrained"]) == (74.88, False)
    assert quartus.parse(real("q18.1_5CSEMA5_super_cpu_plus_POWER_VCD"), clock="clk")["fmax_mhz"] is None


def test_real_power() -> None:
    power = quartus.parse(real("q20.1_5CSEBA6_TinySign_POWER"))["power"]
    assert (power["core_dynamic_mw"], power["core_static_mw"], power["total_mw"]) == (150.04, 413.52, 578.77)
    assert power["toggle_mtps"] == 3.145
    result = quartus.parse(real("q18.1_5CSEMA5_super_cpu_plus_POWER_VCD"))
    assert result["power"] is None
    for trap in ("optimised away", "before the fit", "No clocks defined", "core_static_mw 411.22", "confidence High"):
        assert trap in result["reasons"]["power"]


@pytest.mark.parametrize(
    ("name", "dynamic", "doubt"),
    [
        ("q17.1_MAX10_blinky", 20.81, None),
        ("q19.1_CycloneIVE_CPU_PIPELINED", 12.9, None),
        ("q23.1_MAX10_ptmch", 24.77, None),
        ("q20.1.1_MAX10_mips", None, "no clock is constrained but altera_reserved_tck"),
        ("q13.0sp1_CycloneII_uart", None, "Top-level Entity Name is uart_test, in the fit uart_avalon"),
    ],
)
def test_real_power_of_other_families(name: str, dynamic: float | None, doubt: str | None) -> None:
    result = quartus.parse(real("other_power") / name)
    assert (result["power"] or {}).get("core_dynamic_mw") == dynamic
    assert doubt is None or doubt in result["reasons"]["power"]
    assert result["alms"] is None and "logic elements" in result["reasons"]["alms"]
    assert result["logic_elements"] > 0
