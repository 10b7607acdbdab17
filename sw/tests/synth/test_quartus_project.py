# SPDX-License-Identifier: Apache-2.0
"""The synth stage: the Quartus project, the run of Quartus (a stand-in that writes fixtures' reports), synth.json."""

import json
import os
import re
import shlex
import stat
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from xnorfpga.artefacts.hardware import Hardware
from xnorfpga.artefacts.manifest import Manifest, Port
from xnorfpga.artefacts.synthesis import Seeds, Synthesis
from xnorfpga.base.errors import UserError
from xnorfpga.base.paths import BOARDS
from xnorfpga.design import designs, folding
from xnorfpga.design.schema import Board, Capacity, Clock
from xnorfpga.synth import netlist, synthesize, yosys
from xnorfpga.synth.quartus import program, seeds, steps
from xnorfpga.synth.quartus import project as quartus_project

FIXTURES = Path(__file__).parent / "fixtures"
BOARD = Board(
    name="de1soc",
    title="DE1-SoC",
    clock_mhz=50,
    device="5CSEMA5F31C6",
    family="Cyclone V",
    clock=Clock(name="CLOCK_50", oscillator_mhz=50, unregistered_ram_mhz=60),
    capacity=Capacity(alms=32070, m10k=397, m10k_bits=10240, m10k_max_width=40, dsps=87),
)
PORTS = [
    Port(name="CLOCK_50", direction="in", width=1),
    Port(name="KEY", direction="in", width=4),
    Port(name="LEDR", direction="out", width=10),
    Port(name="GPIO_0_UART_RX", direction="in", width=1),
    Port(name="GPIO_0_UART_TX", direction="out", width=1),
]
LAYER = {
    "index": 3, "mw": 8, "mh": 8, "pe": 8, "simd": 1, "routing": "diagonal", "synapse_fold": 8, "neuron_fold": 1,
    "cycles": 8, "step_to_output_cycles": 5, "fifo_depth": 2, "margin_bits": 5, "coefficients": (1,),
    "convolution": None, "windows": 1, "map_memories": (),
    "output_planes": 1, "weights": "binary", "level_bits": 0,
    "counting": "plain", "input_buffer": "ring", "threshold": "preset", "threshold_digit_bits": 0,
}  # fmt: skip

FAKE = """\
#!{python}
import os, shutil, sys
from pathlib import Path
tool = Path(sys.argv[0]).name
if tool == "quartus_sh":
    print("Quartus Prime Shell\\nVersion 18.1.0 Build 625 09/12/2018 SJ Lite Edition")
    sys.exit()
stage = tool.removeprefix("quartus_")
with open({calls!r}, "a") as calls:
    calls.write(" ".join([tool, *sys.argv[1:]]) + "\\n")
assert Path("De1SocTop.qsf").is_file() and sys.argv[-2:] == ["-c", "De1SocTop"]
print("Info: Running Quartus Prime", stage)
if os.environ.get("FAKE_FAILS") == stage:
    print("Error (12006): Node instance \\"layer\\" instantiates undefined entity File: A.v Line: 3")
    print("Error: Quartus Prime was unsuccessful. 1 error, 0 warnings")
    print("    Error: Peak virtual memory: 900 megabytes")
    sys.exit(3)
for report in Path({reports!r}).glob("*." + stage + ".*"):
    Path("output_files").mkdir(exist_ok=True)
    if os.environ.get("FAKE_FORGETS") != stage:
        shutil.copy(report, "output_files")
if stage == "asm":
    Path("output_files/De1SocTop.sof").write_text("bits")
"""


@pytest.fixture
def fake_quartus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts a stand-in for Quartus on PATH; returns the file that lists its calls."""
    programs, calls = tmp_path / "bin", tmp_path / "calls.txt"
    programs.mkdir()
    for tool in ("quartus_sh", *quartus_project.TOOLS):
        script = programs / tool
        script.write_text(FAKE.format(python=sys.executable, calls=str(calls), reports=str(FIXTURES / "quartus")))
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    return calls


@pytest.fixture
def no_quartus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUARTUS_ROOTDIR", raising=False)
    places = os.environ["PATH"].split(os.pathsep)
    kept = [place for place in places if not (Path(place) / "quartus_sh").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(kept))


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """What the elaborate stage would leave, of a small design."""
    directory = tmp_path / "build"
    (directory / "rtl").mkdir(parents=True)
    (directory / "rtl" / "Layered.v").write_text((FIXTURES / "blocks.v").read_text())
    manifest = {
        "design": "layered",
        "clock_mhz": 50,
        "copies": 2,
        "ports": [],
        "input": {"word_bits": 8, "words": 1},
        "output": {"classes": 8, "class_bits": 3, "score_bits": 4},
        "load_word_bits": 40,
        "load_words": 1,
        "link": {
            "baud": 1_000_000,
            "protocol": 1,
            "digest": "0badcafe",
            "images_per_frame": 7,
            "memories": [{"width": 8, "depth": 1024}],
            "stored": {"images": 16, "width": 8, "depth": 16, "column_width": 40, "files": ["board_images_0.bin"]},
        },
        "top": "Layered",
        "files": ["rtl/Layered.v"],
        "layers": [LAYER],
        "board_top": "De1SocTop",
        "board_ports": [port.model_dump() for port in PORTS],
        "memories": [  # 40 and 2 blocks, and one of the board's own: the fixture's 43
            {
                "name": name,
                "layer": 0,
                "kind": "weights",
                "width": width,
                "depth": depth,
                "column_width": 40,
                "files": files,
            }
            for name, width, depth, files in (
                ("w", 1600, 256, ["w_0.bin"]),
                ("t", 80, 2, ["t_0.bin", "t_1.bin"]),
                ("registers", 64, 1, []),
            )
        ],
    }
    (directory / "manifest.json").write_text(json.dumps(manifest))
    layer = {"mw": 8, "mh": 8, "routing": "stationary", "pe": 2, "simd": 8}
    memory = {"block_bits": 10240, "max_width": 40}
    hardware = {"design": "layered", "clock_mhz": 50, "input_word_bits": 8, "copies": 2, "layers": [layer]}
    (directory / "hardware.json").write_text(json.dumps(hardware | {"memory": memory}))
    return directory


DESIGN: Any = SimpleNamespace(board=BOARD, name="layered")
STEPS = (steps.write, steps.synthesize, steps.fit, steps.assemble, steps.time, steps.power)


def compile_all(build: Path) -> None:
    """Run the stages of Quartus in the order of the flow."""
    for step in STEPS:
        step(DESIGN, build)


def run(build: Path) -> dict[str, Any]:
    """Synthesize, after Quartus' own stages where it is there."""
    if quartus_project.installed():
        compile_all(build)
    result = synthesize.synthesize(DESIGN, build)
    assert Synthesis.read(build / "synth.json") == result
    return result.model_dump()


# Without Quartus -----------------------------------------------------------------------------------------------------


def test_without_quartus_there_is_an_estimate_and_one_line_that_says_what_is_lost(
    build: Path, no_quartus: None, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(build)
    assert (result["tool"], result["kind"]) == ("Yosys", "estimate")
    assert re.fullmatch(r"quartus_sh .* Fmax, power and a bitstream need Quartus.*\n", capsys.readouterr().err)
    # By hand: 32 registers, two MLABs of 10 ALMs; 16 XNORs and 16 multiplexers of the ring are half an ALM each
    assert (result["ffs"], result["m10k"], result["mlabs"], result["alms"]) == (32, 0, 2, 20 + 16)
    assert result["fits"] is True and result["over"] == {"alms": 0, "m10k": 0, "dsps": 0}
    assert result["share"]["alms"] == round(36 / 32070, 4)
    assert result["device"] == {"name": "5CSEMA5F31C6", "alms": 32070, "m10k": 397, "dsps": 87}
    assert (result["logic_levels"], result["carry_hops"]) == (1, 0) and len(result["longest_path"]) == 3
    assert result["connections"] == ({"layer": 3, "routing": "diagonal", "used": 16, "full_direct": 64},)
    assert "ALUT6" in result["alm_formula"] and result["alm_band"] == (0.64, 2.66)
    assert result["fmax_mhz"] is None and result["power"] is None and set(result["reasons"]) == {"fmax_mhz", "power"}


@pytest.mark.parametrize("larger", ["borders_kept", "flattened"])
def test_both_mappings_are_told_and_the_larger_is_judged(
    larger: str, build: Path, no_quartus: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Adder takes fewer of all than Logic, so either can stand for the mapping that is larger."""
    blocks = [FIXTURES / "blocks.v"]
    small, large = (yosys.synthesize(blocks, top, tmp_path / top).flattened for top in ("Adder", "Logic"))
    pair = (large, small) if larger == "borders_kept" else (small, large)
    monkeypatch.setattr(yosys, "synthesize", lambda *_: yosys.Mapped(*pair))
    alms = netlist.count(large).alms
    for has, fits in ((alms, True), (alms - 1, False)):
        board = BOARD.model_copy(update={"capacity": BOARD.capacity.model_copy(update={"alms": has})})
        result = synthesize.synthesize(SimpleNamespace(board=board), build)  # type: ignore[arg-type]
        assert (result.alms, result.fits, result.over.alms) == (alms, fits, not fits)
        told = Synthesis.read(build / "synth.json")
        assert (told.borders_kept.alms, told.flattened.alms) == tuple(netlist.count(each).alms for each in pair)
        judged = {"borders_kept": told.borders_kept, "flattened": told.flattened}[larger]
        assert (told.logic_levels, told.carry_hops) == (judged.logic_levels, judged.carry_hops)
        assert told.longest_path == judged.longest_path and told.ffs == judged.ffs


def test_a_design_that_does_not_fit_says_by_how_much(
    build: Path, no_quartus: None, capsys: pytest.CaptureFixture[str]
) -> None:
    small = BOARD.model_copy(update={"capacity": BOARD.capacity.model_copy(update={"alms": 30})})
    result = synthesize.synthesize(SimpleNamespace(board=small), build)  # type: ignore[arg-type]
    assert result.fits is False and result.over.model_dump() == {"alms": 6, "m10k": 0, "dsps": 0}
    assert result.share.model_dump() == {"alms": 1.2, "m10k": 0.0, "dsps": 0.0}
    said = "does not fit 5CSEMA5F31C6 by Yosys' estimate, which is over by 6 ALMs"
    assert said in result.notes and said in capsys.readouterr().err


def test_a_failing_yosys_leaves_the_earlier_result(build: Path, no_quartus: None) -> None:
    (build / "synth.json").write_text("earlier")
    (build / "rtl" / "Layered.v").write_text("module Layered(; endmodule")
    with pytest.raises(UserError, match=r"Yosys failed: .*syntax error"):
        run(build)
    assert (build / "synth.json").read_text() == "earlier"


@pytest.mark.parametrize("key", ["top", "files", "layers"])
def test_a_manifest_lacking_a_key_is_named(key: str, build: Path) -> None:
    manifest = json.loads((build / "manifest.json").read_text())
    del manifest[key]
    (build / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match=rf"manifest\.json: {key} is missing; needed"):
        run(build)


# With Quartus --------------------------------------------------------------------------------------------------------


def test_with_quartus_the_figures_are_fitted(build: Path, fake_quartus: Path) -> None:
    result = run(build)
    assert (result["tool"], result["kind"], result["top"]) == ("Quartus", "fitted", "De1SocTop")
    assert result["version"] == "18.1.0 Build 625 09/12/2018 SJ Lite Edition"
    assert (result["alms"], result["ffs"], result["m10k"], result["dsps"]) == (5120, 7447, 43, 0)
    assert result["share"]["m10k"] == round(43 / 397, 4) and result["fits"] is True
    assert result["fmax_mhz"] == 95.02  # of the 50 MHz clock, not of the latch
    assert result["power"]["core_dynamic_mw"] == 130.25
    assert result["clocks"][0]["fmax_by_corner_mhz"] == {"Slow 1100mV 85C": 96.14, "Slow 1100mV 0C": 95.02}
    assert Synthesis.read(build / "synth.json").m10k == 43
    assert result["connections"][0]["used"] == 16 and "Yosys" in result["paths_origin"]
    assert result["estimate"]["alms"] == result["flattened"]["alms"] == 36
    assert (build / result["bitstream"]).read_text() == "bits"
    calls = [call.split() for call in fake_quartus.read_text().splitlines()]
    assert [call[0] for call in calls] == ["quartus_map", "quartus_fit", "quartus_asm", "quartus_sta", "quartus_pow"]
    assert all("--write_settings_files=off" in call for call in calls if call[0] != "quartus_sta")


@pytest.mark.parametrize("stage", ["map", "fit", "asm", "sta", "pow"])
def test_a_failing_quartus_shows_its_own_error_and_leaves_the_earlier_result(
    stage: str, build: Path, fake_quartus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (build / "synth.json").write_text("earlier")
    kept = build / "synth" / "De1SocTop.sof"
    kept.parent.mkdir(parents=True)
    kept.write_text("earlier bits")
    monkeypatch.setenv("FAKE_FAILS", stage)
    with pytest.raises(UserError) as error:
        run(build)
    message = str(error.value)
    assert message.startswith(f'quartus_{stage} failed, exit code 3: Error (12006): Node instance "layer"')
    assert "Peak virtual memory" not in message and "\n" not in message
    assert (build / "synth.json").read_text() == "earlier" and kept.read_text() == "earlier bits"


def test_a_quartus_that_gives_no_report_is_no_success(
    build: Path, fake_quartus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FORGETS", "fit")
    with pytest.raises(UserError, match=r"quartus_fit left no report in .*output_files, though it gave no error"):
        run(build)
    assert not (build / "synth.json").exists()


@pytest.mark.parametrize("stage", ["map", "fit", "asm", "sta", "pow"])
def test_no_figures_without_each_tool_s_report(stage: str, build: Path, fake_quartus: Path) -> None:
    compile_all(build)
    for report in (build / steps.FOLDER / quartus_project.OUTPUT).glob(f"*.{stage}.*"):
        report.unlink()
    with pytest.raises(UserError, match=f"no successful report of {stage}"):
        synthesize.synthesize(DESIGN, build)
    assert not (build / "synth.json").exists()


def test_a_fit_that_is_older_than_its_netlist_is_not_believed(build: Path, fake_quartus: Path) -> None:
    """As where map ran again, by hand, and fit did not."""
    compile_all(build)
    for report in (build / steps.FOLDER / quartus_project.OUTPUT).glob("*.map.*"):
        report.write_text(re.sub(r"(\w{3} \w{3} +\d+ [\d:]{8}) 20\d\d", r"\1 2042", report.read_text()))
    with pytest.raises(UserError, match="Quartus' reports lack alms"):
        synthesize.synthesize(DESIGN, build)


def test_memories_that_became_something_else_are_no_success(build: Path, fake_quartus: Path) -> None:
    manifest = json.loads((build / "manifest.json").read_text())
    manifest["memories"][0]["width"] = 1601
    (build / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="Quartus placed 43 M10K blocks, the manifest's memories take 44"):
        run(build)
    assert not (build / "synth.json").exists() and not (build / "synth" / "De1SocTop.sof").exists()


def test_a_quartus_that_does_not_tell_its_version_is_no_success(
    build: Path, fake_quartus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quartus_project, "VERSION_TIMEOUT_S", 0.3)
    (tmp_path / "bin" / "quartus_sh").write_text("#!/bin/sh\nexec sleep 20\n")
    with pytest.raises(UserError, match=r"quartus_sh --version: no answer in 0\.3 s"):
        run(build)
    assert not (build / "synth.json").exists()


@pytest.mark.parametrize("step", STEPS[1:], ids=lambda step: step.__name__)
def test_a_stage_of_quartus_without_quartus_says_so(step: Any, build: Path, no_quartus: None) -> None:
    with pytest.raises(UserError, match=r"quartus_sh is neither on PATH .* this needs Quartus"):
        step(DESIGN, build)


def test_the_project_is_written_from_nothing(build: Path, fake_quartus: Path) -> None:
    """Reports of another netlist must not lie beside it."""
    compile_all(build)
    steps.write(DESIGN, build)
    assert not (build / steps.FOLDER / quartus_project.OUTPUT).exists()
    assert (build / steps.FOLDER / "De1SocTop.qsf").is_file()


def test_seeds_are_fitted_apart_and_the_fastest_gets_a_bitstream(build: Path, fake_quartus: Path) -> None:
    """The stand-in's reports are the same for each seed, so the first is the fastest."""
    compile_all(build)
    before = {path: path.read_bytes() for path in (build / steps.FOLDER).rglob("*") if path.is_file()}
    fake_quartus.write_text("")
    found = seeds.sweep(DESIGN, build, range(1, 4))
    assert [row.seed for row in found.seeds] == [1, 2, 3]
    assert {row.fmax_mhz for row in found.seeds} == {95.02} and {row.alms for row in found.seeds} == {5120}
    assert found.best == 1 and (build / found.bitstream).read_text() == "bits"
    assert Seeds.read(build / "synth" / "seeds.json") == found
    calls = [call.split()[0] for call in fake_quartus.read_text().splitlines()]
    assert calls == ["quartus_fit", "quartus_sta"] * 3 + ["quartus_asm"]
    for seed in (1, 2, 3):
        folder = build / "synth" / f"quartus_seed_{seed}"
        assert [line[3] for line in settings(folder / "De1SocTop.qsf") if line[2] == "SEED"] == [str(seed)]
    assert before == {path: path.read_bytes() for path in before}  # the design's own project is as it was


def test_seeds_need_a_netlist(build: Path, fake_quartus: Path) -> None:
    steps.write(DESIGN, build)
    with pytest.raises(UserError, match="not synthesized yet: run `doit map:layered` first"):
        seeds.sweep(DESIGN, build, range(1, 2))


# The programmer ------------------------------------------------------------------------------------------------------

PROGRAMMER = """\
#!{python}
import os, sys
with open({calls!r}, "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if os.environ.get("FAKE_FAILS") == "pgm":
    print("Error (213013): Programming hardware cable not detected")
    sys.exit(3)
"""


@pytest.fixture
def programmer(fake_quartus: Path, tmp_path: Path) -> Path:
    """Puts a stand-in programmer beside the stand-in Quartus; returns the file that lists its calls."""
    script, calls = tmp_path / "bin" / "quartus_pgm", tmp_path / "programmed.txt"
    script.write_text(PROGRAMMER.format(python=sys.executable, calls=str(calls)))
    script.chmod(0o755)
    return calls


def test_the_bitstream_of_the_figures_is_loaded_into_the_fpga_behind_the_processor(
    build: Path, programmer: Path
) -> None:
    run(build)
    board = BOARD.model_copy(update={"jtag_device": 2})
    assert "DE1-SoC" in program.program(SimpleNamespace(board=board, name="layered"), build)  # type: ignore[arg-type]
    assert programmer.read_text().split() == ["-m", "JTAG", "-o", f"p;{build / 'synth' / 'De1SocTop.sof'}@2"]


def test_an_estimate_cannot_be_loaded(build: Path, no_quartus: None) -> None:
    run(build)
    with pytest.raises(UserError, match=r"synth\.json: an estimate has no bitstream: run `doit synth:layered`"):
        program.program(DESIGN, build)


def test_a_board_that_is_not_there_is_the_programmer_s_own_line(
    build: Path, programmer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(build)
    monkeypatch.setenv("FAKE_FAILS", "pgm")
    with pytest.raises(UserError, match=r"quartus_pgm failed, exit code 3: Error \(213013\): .* cable not detected"):
        program.program(DESIGN, build)


def test_without_a_programmer_or_a_file_it_says_so(build: Path, fake_quartus: Path, tmp_path: Path) -> None:
    run(build)
    with pytest.raises(UserError, match="quartus_pgm: not found; Quartus, or its programmer alone, brings it"):
        program.program(DESIGN, build)
    with pytest.raises(UserError, match=r"other\.sof: not found"):
        program.program(DESIGN, build, tmp_path / "other.sof")


@pytest.mark.parametrize("key", ["board_top", "memories"])
def test_quartus_needs_the_board_top_before_anything_runs(key: str, build: Path, fake_quartus: Path) -> None:
    manifest = json.loads((build / "manifest.json").read_text())
    del manifest[key]
    (build / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match=f"{key} is missing; needed"):
        run(build)
    assert not (build / "synth").exists()


def test_a_quartus_without_one_of_its_programs_is_named(fake_quartus: Path, tmp_path: Path) -> None:
    (tmp_path / "bin" / "quartus_pow").unlink()
    with pytest.raises(UserError, match="quartus_pow: not found beside quartus_sh"):
        quartus_project.find()


def test_quartus_is_found_by_its_root_directory(
    no_quartus: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "quartus" / "bin"
    programs.mkdir(parents=True)
    assert quartus_project.find() is None
    monkeypatch.setenv("QUARTUS_ROOTDIR", str(tmp_path / "quartus"))
    assert quartus_project.find() is None
    for tool in ("quartus_sh", *quartus_project.TOOLS):
        (programs / tool).touch()
    assert quartus_project.find() == programs


def test_a_quartus_that_does_not_run_is_one_line(tmp_path: Path) -> None:
    script = tmp_path / "quartus_sh"
    with pytest.raises(UserError, match="quartus_sh: cannot run"):
        quartus_project.version(tmp_path)
    script.write_text("#!/bin/sh\necho 'error while loading shared libraries' >&2\nexit 127\n")
    script.chmod(0o755)
    with pytest.raises(UserError, match="--version failed, exit code 127: error while loading shared libraries"):
        quartus_project.version(tmp_path)


# The project ---------------------------------------------------------------------------------------------------------


def settings(path: Path) -> list[list[str]]:
    """Lines of a .qsf or .sdc as words."""
    return [shlex.split(line, comments=True) for line in path.read_text().splitlines() if line and line[0] != "#"]


def write(
    directory: Path,
    ports: list[Port] = PORTS,
    contents: list[Path] | None = None,
    board: Board = BOARD,
    trace: quartus_project.Trace | None = None,
) -> Path:
    project = directory / "project"
    files = [directory / "rtl" / "A.v", directory / "rtl" / "B.sv"]
    quartus_project.write_project(project, board, files, "De1SocTop", ports, contents or [], trace)
    return project


def test_the_project_names_device_files_and_every_pin(tmp_path: Path) -> None:
    project = write(tmp_path)
    assignments = settings(project / "De1SocTop.qsf")
    named = {line[2]: line[3] for line in assignments if line[0] == "set_global_assignment"}
    assert (named["FAMILY"], named["DEVICE"]) == ("Cyclone V", "5CSEMA5F31C6")
    assert (named["TOP_LEVEL_ENTITY"], named["PROJECT_OUTPUT_DIRECTORY"]) == ("De1SocTop", "output_files")
    assert (named["VERILOG_FILE"], named["SYSTEMVERILOG_FILE"]) == ("../rtl/A.v", "../rtl/B.sv")
    assert named["VERILOG_MACRO"] == "NO_MEMORY_CONTENT=1"  # no images: the RTL must not ask for them
    assert named["ALLOW_ANY_RAM_SIZE_FOR_RECOGNITION"] == "ON"
    assert (named["POWER_USE_PVA"], named["POWER_DEFAULT_INPUT_IO_TOGGLE_RATE"]) == ("ON", "12.5 %")
    pins = {line[3]: line[1] for line in assignments if line[0] == "set_location_assignment"}
    assert len(pins) == 1 + 4 + 10 + 1 + 1
    assert (pins["CLOCK_50"], pins["KEY[0]"], pins["LEDR[9]"]) == ("PIN_AF14", "PIN_AA14", "PIN_Y21")
    assert (pins["GPIO_0_UART_TX"], pins["GPIO_0_UART_RX"]) == ("PIN_AC18", "PIN_Y17")
    standards = {line[4] for line in assignments if line[:3] == ["set_instance_assignment", "-name", "IO_STANDARD"]}
    assert standards == {"-to"} and {line[3] for line in assignments if line[2:3] == ["IO_STANDARD"]} == {"3.3-V LVTTL"}
    assert "PROJECT_REVISION = De1SocTop" in (project / "De1SocTop.qpf").read_text()


def test_the_power_analysis_reads_the_trace_of_the_window(build: Path, fake_quartus: Path) -> None:
    """Of four groups of two images."""
    steps.write(DESIGN, build)
    assignments = settings(build / steps.FOLDER / "De1SocTop.qsf")
    named = {line[2]: line[3:] for line in assignments if line[2].startswith("POWER_")}
    interval = folding.predict_hardware(Hardware.read(build / "hardware.json")).interval_cycles
    assert named == {
        "POWER_USE_PVA": ["ON"],  # of what the trace does not tell
        "POWER_DEFAULT_INPUT_IO_TOGGLE_RATE": ["12.5 %"],
        "POWER_USE_INPUT_FILES": ["ON"],
        "POWER_INPUT_FILE_NAME": ["../../sim/activity.vcd", "-section_id", "activity"],
        "POWER_INPUT_FILE_TYPE": ["VCD", "-section_id", "activity"],
        "POWER_VCD_FILE_START_TIME": ["0 ns", "-section_id", "activity"],
        "POWER_VCD_FILE_END_TIME": [f"{4 * interval * 20} ns", "-section_id", "activity"],
        "POWER_READ_INPUT_FILE": ["activity", "-to", "Layered:board_accelerator"],
    }
    kinds = {line[2]: line[0] for line in assignments}
    assert kinds["POWER_READ_INPUT_FILE"] == "set_instance_assignment"


def test_a_long_window_is_written_out(tmp_path: Path) -> None:
    trace = quartus_project.Trace(tmp_path / "a.vcd", "A:a", 1_160_320.0)
    assert 'POWER_VCD_FILE_END_TIME "1160320 ns"' in (write(tmp_path, trace=trace) / "De1SocTop.qsf").read_text()


def test_the_constraints_name_the_clock_and_free_what_has_none(tmp_path: Path) -> None:
    text = (write(tmp_path) / "De1SocTop.sdc").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines == [
        "create_clock -name {CLOCK_50} -period 20.000 [get_ports {CLOCK_50}]",
        "derive_pll_clocks",
        "derive_clock_uncertainty",
        "set_false_path -from [get_ports {KEY[*]}]",
        "set_false_path -to [get_ports {LEDR[*]}]",
        "set_false_path -from [get_ports {GPIO_0_UART_RX}]",
        "set_false_path -to [get_ports {GPIO_0_UART_TX}]",
    ]


def test_with_a_pll_the_base_clock_stays_the_oscillators(tmp_path: Path) -> None:
    """What the PLL makes of it is derived by Quartus, from the counters that it chose."""
    fast = BOARD.model_copy(update={"clock_mhz": 110})
    texts = [
        (write(tmp_path / name, board=board) / "De1SocTop.sdc").read_text()
        for name, board in (("a", BOARD), ("b", fast))
    ]
    assert texts[0] == texts[1] and "-period 20.000" in texts[1] and "\nderive_pll_clocks\n" in texts[1]


def test_memory_images_lie_beside_the_project(tmp_path: Path, build: Path) -> None:
    manifest = Manifest.read(build / "manifest.json")
    (build / "mem").mkdir()
    for name in ("w_0.bin", "t_0.bin", "board_images_0.bin"):
        (build / "mem" / name).write_text("01\n")
    assert steps.images(manifest, build / "mem") == []  # one is missing: rather none than some
    (build / "mem" / "t_1.bin").write_text("10\n")
    images = steps.images(manifest, build / "mem")
    assert [image.name for image in images] == ["w_0.bin", "t_0.bin", "t_1.bin", "board_images_0.bin"]
    project = write(tmp_path, contents=images)
    assert (project / "t_1.bin").read_text() == "10\n"
    assert "NO_MEMORY_CONTENT" not in (project / "De1SocTop.qsf").read_text()


@pytest.mark.parametrize(
    ("port", "complaint"),
    [
        (Port(name="VGA_R", direction="out", width=8), r"VGA_R has no pin; boards/de1soc/pins\.toml has CLOCK_50"),
        (Port(name="SW", direction="in", width=11), "SW is 11 wide; the board has 10 pins"),
        (Port(name="SW", direction="in", width=0), "SW is 0 wide"),
        (Port(name="GPIO_0", direction="out", width=2), r"GPIO_0\[.\] and GPIO_0_UART_.X are both on pin"),
    ],
)
def test_a_port_that_the_board_does_not_have_is_refused(port: Port, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=complaint):
        write(tmp_path, [*PORTS, port])


def test_a_constraints_template_with_an_unknown_word_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quartus_project, "TIMING", tmp_path / "timing.sdc")
    (tmp_path / "timing.sdc").write_text("create_clock $frequency\n")
    with pytest.raises(UserError, match=r"timing\.sdc: cannot fill in 'frequency'; accepted .* clock, period_ns"):
        quartus_project._constraints(BOARD, PORTS)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "not found"),
        ("pins = [", "not valid TOML"),
        ("[pins]\nA = 'B1'\n", "io_standard is missing"),
        ("io_standard = 'x'\npin = 3\n[pins]\n", "pin = 3: unknown key; accepted: io_standard, absent, pins"),
        ("io_standard = 'x'\n[pins]\nA = 3\n", r"pins\.A = 3: accepted: a pin"),
        ("io_standard = 'x'\n[pins]\nA = []\n", r"pins\.A = \[\]: accepted: a pin"),
        ("io_standard = 'x'\n[pins]\nA = ['B1', 'C-2']\n", r"pins\.A = .*: accepted: a pin"),
    ],
)
def test_a_wrong_pin_file_is_one_line(
    text: str | None, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quartus_project, "BOARDS", tmp_path)
    (tmp_path / "toy").mkdir()
    if text is not None:
        (tmp_path / "toy" / "pins.toml").write_text(text)
    with pytest.raises(UserError, match=complaint):
        quartus_project.load_pins("toy")


@pytest.mark.parametrize("name", designs.boards())
def test_the_top_level_s_ports_have_pins_on_every_board_or_are_told_absent(name: str, tmp_path: Path) -> None:
    """The ports as the generator makes them; a board is data, so each of boards/ is in this test."""
    board = designs.board(name)
    ports = [*PORTS, Port(name="HEX0", direction="out", width=7)]
    quartus_project.write_project(tmp_path, board, [], "De1SocTop", ports, [])
    assignments = settings(tmp_path / "De1SocTop.qsf")
    located = {line[3] for line in assignments if line[0] == "set_location_assignment"}
    virtual = {line[5] for line in assignments if line[2:4] == ["VIRTUAL_PIN", "ON"]}
    bits = {f"{port.name}[{k}]" if port.width > 1 else port.name for port in ports for k in range(port.width)}
    assert located | virtual == bits and not located & virtual
    assert {board.clock.name, "KEY[0]", "LEDR[0]", "GPIO_0_UART_RX", "GPIO_0_UART_TX"} <= located
    constraints = (tmp_path / "De1SocTop.sdc").read_text()
    assert ("HEX0" in constraints) == any(bit.startswith("HEX0") for bit in located)
    assert [line[3] for line in assignments if line[2:3] == ["DEVICE"]] == [board.device]


def test_the_de10_nano_has_neither_a_display_nor_four_buttons(tmp_path: Path) -> None:
    ports = [*PORTS, Port(name="HEX0", direction="out", width=7)]
    quartus_project.write_project(tmp_path, designs.board("de10nano"), [], "De1SocTop", ports, [])
    virtual = {line[5] for line in settings(tmp_path / "De1SocTop.qsf") if line[2:4] == ["VIRTUAL_PIN", "ON"]}
    assert virtual == {"KEY[2]", "KEY[3]", "LEDR[8]", "LEDR[9]", *(f"HEX0[{k}]" for k in range(7))}


@pytest.mark.parametrize("name", designs.boards())
def test_no_two_ports_of_a_board_share_a_pin_but_the_serial_port_on_the_header(name: str) -> None:
    pins = quartus_project.load_pins(name).pins
    flat = [pin for port, those in pins.items() if "UART" not in port for pin in those]
    assert len(flat) == len(set(flat))


def test_the_de1_soc_has_all_its_buttons_switches_lamps_digits_and_a_header() -> None:
    pins = tomllib.loads((BOARDS / "de1soc" / "pins.toml").read_text())["pins"]
    flat = [pin for name, v in pins.items() if "UART" not in name for pin in ([v] if isinstance(v, str) else v)]
    assert len(flat) == 1 + 4 + 10 + 10 + 42 + 36
