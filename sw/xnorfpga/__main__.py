# SPDX-License-Identifier: Apache-2.0
"""The command line: `python -m xnorfpga --help`."""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from xnorfpga.base import paths, process, tables, terminal
from xnorfpga.base.errors import UserError
from xnorfpga.base.strict import check
from xnorfpga.design import designs
from xnorfpga.design.schema import GOALS, Goal
from xnorfpga.flow import run as flow
from xnorfpga.flow import stages

EPILOG = """examples:
  doit                                          everything for mnist_small, up to the report
  python -m xnorfpga doctor                     are all tools there?
  python -m xnorfpga list                       the designs
  python -m xnorfpga fold mnist                 its folding, and what others there are, in seconds
  python -m xnorfpga fold 784-512-10 --max      the fastest folding that fits, ready to paste
  python -m xnorfpga simulate smoke --images 20 a quick look (the next doit simulates in full again)
  python -m xnorfpga import NET.onnx            a network that was trained elsewhere becomes a design
  python -m xnorfpga export mnist --onnx        its integer model, for other tools
  python -m xnorfpga simulate mnist --load OTHER  OTHER's model through the load port of mnist's RTL
  python -m xnorfpga sweep sw/sweeps/mnist_methods.toml  many trainings from one file, and a table of them
  python -m xnorfpga bench --designs            what the designs reached, one row each
  python -m xnorfpga bench --accuracy           how well the published networks do, method by method
  python -m xnorfpga bench --paper              the paper's figures and claims beside ours
  python -m xnorfpga bench --tools mnist        how long each tool takes on mnist
  python -m xnorfpga demo                       draw a digit on a page, and the RTL says what it is
  python -m xnorfpga board-sim smoke            the board's top level, simulated, behind a serial port
  python -m xnorfpga classify --port /dev/ttyUSB0 --design mnist digits.png   on a board, or a simulated one
  python -m xnorfpga bench --link smoke         a thousand images through a serial line full of faults
  python -m xnorfpga seeds mnist                Quartus' fitter with five seeds, for the best timing
  python -m xnorfpga program mnist              the bitstream into the board
  python -m xnorfpga quartus-report output_files/   figures of any Quartus project's reports

`doit` runs the stages in order and only what has changed; the commands here run one stage on what lies in build/NAME.
The environment: XNORFPGA_DATA, a directory with MNIST's idx files or CIFAR-10; XNORFPGA_BUILD, instead of build/;
JAVA_HOME and QUARTUS_ROOTDIR, instead of what is found."""

IMPORT_EPILOG = """examples:
  python -m xnorfpga import TFC_1W1A.onnx                   writes sw/designs/TFC_1W1A.toml and sw/models/TFC_1W1A.npz
  python -m xnorfpga import net.onnx --pixel-max 255        a network that takes pixels of 0 to 255
  python -m xnorfpga import net.npz --name mine --replace   weights0, thresholds0, weights1, …: docs/interchange.md

An .onnx is read where it is a chain of binary layers (QONNX, as Brevitas and FINN write it); `pip install -c
constraints.txt -e '.[onnx]'` brings the reader."""

SWEEP_EPILOG = """examples:
  python -m xnorfpga sweep sw/sweeps/mnist_methods.toml                 as many trials at once as there are cores
  python -m xnorfpga sweep sw/sweeps/mnist_methods.toml --workers 1     one at a time
  python -m xnorfpga sweep mine.toml --scheduler tcp://10.0.0.1:8786    on a Dask cluster

The same command goes on after an interruption: finished trials stay, a training goes on where it was saved. A trial
that fails is a row with its error; the others go on. Each trial's folder and log are in build/sweeps/SPEC, and
results.sqlite, the table, is beside them. `pip install -c constraints.txt -e '.[sweep]'` brings Dask."""

CLASSIFY_EPILOG = """examples:
  python -m xnorfpga classify --port /dev/ttyUSB0 --design mnist digits.png   the cable's port on Linux
  python -m xnorfpga classify --port COM3 --design mnist images.npy           on Windows; uint8 [N, 28, 28]
  python -m xnorfpga classify --port /dev/pts/3 --design smoke --scores 7.png the port that board-sim printed

A picture is bright on dark, 28 × 28 pixels, or squares of that size in rows; the class of each is a line. With --design
the board must hold that design; without it, pixels of 128 and above are +1. docs/board.md has the rest."""

DEMO_DESIGN = "mnist_sfc"
DEMO_EPILOG = """examples:
  python -m xnorfpga demo                                     no hardware: the board's RTL is simulated
  python -m xnorfpga demo mnist_horq                          another design
  python -m xnorfpga demo mnist --port /dev/ttyUSB0           the board at the cable

Prints the page's address, which only this machine can open. The first start elaborates the design and builds a
simulator."""

BOARD_SIM_EPILOG = """examples:
  python -m xnorfpga board-sim smoke            prints the path of its serial port, and serves until Ctrl-C
  python -m xnorfpga classify --port /dev/pts/3 --design smoke digits.png   in another terminal"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code: 0, 1 (doctor found a tool missing), 2 (bad input) or 130 (Ctrl-C).

    SIGTERM and SIGHUP end the tools that run, and raise SystemExit.
    """
    terminal.replace_unknown_signs()
    try:
        with process.ended_by_signals(), terminal.readers_may_leave():
            return run(parser().parse_args(arguments))
        return 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; what was finished before is unchanged", file=sys.stderr)
        return 130
    except OSError as error:
        told = flow.of_disk(error)
        if not isinstance(told, UserError):
            raise
        print(f"error: {told}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m xnorfpga",
        description="XNOR neural networks on FPGAs: from a design file to verified, synthesized hardware.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    positive = _whole(1, 1_000_000_000)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, text: str, epilog: str | None = None) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    command("doctor", "name each tool, its version, where it was found, and what to do about a missing one")
    command("list", "list the designs")
    for stage in stages.STAGES:
        if stage.name == "fold":  # more than the stage: below
            continue
        sub = command(stage.name, stage.help)
        _design(sub)
        if stage.name == "export":
            sub.add_argument(
                "--onnx",
                type=Path,
                nargs="?",
                const=Path(),
                metavar="FILE",
                help="also write the integer model as QONNX (default of FILE: build/NAME/NAME.onnx)",
            )
        if stage.name == "simulate":
            sub.add_argument(
                "--images",
                type=_image_count,
                metavar="N|all",
                help="how many images, from the first (default: as the design says)",
            )
            sub.add_argument(
                "--final",
                action="store_true",
                help="the test digits of a network trained here, for the last measurement (default: the validation "
                "digits; a published or imported model is always measured on the test digits)",
            )
            sub.add_argument(
                "--load",
                metavar="OTHER",
                help="first send the model of another design of the same network through the load port; what comes is "
                "printed, and the result of NAME's own model stays as it is",
            )
    sub = command("publish", "write build/NAME's trained network as sw/models/NAME.npz, measured on the test set")
    _design(sub)
    sub.add_argument("--replace", action="store_true", help="even where another model is published under that name")
    sub.add_argument(
        "--among",
        type=Path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="build folders or models of the same training with other seeds; the best on validation digits alone is "
        "published; of a published design they join its record",
    )
    sub = command("import", "make a design of a binary network that was trained elsewhere", IMPORT_EPILOG)
    sub.add_argument("model", type=Path, metavar="MODEL", help="a file .onnx (QONNX) or .npz")
    sub.add_argument("--name", metavar="NAME", help="the design's name (default: that of the file)")
    sub.add_argument(
        "--pixel-max",
        type=float,
        choices=(1.0, 255.0),
        metavar="1|255",
        help="what a network in .onnx expects for white (default: 1)",
    )
    sub.add_argument("--board", metavar="NAME", help="a board of boards/ (default: de1soc)")
    sub.add_argument("--replace", action="store_true", help="even where a design or a model of that name is there")
    sub = command("fold", "fold a design as its file says, and print what foldings of a network fit a board")
    sub.add_argument("network", metavar="NETWORK", help="a design, a design file, or sizes such as 784-256-256-10")
    sub.add_argument("--board", metavar="NAME", help="a board of boards/ (default: the design's, or de1soc)")
    goal = sub.add_mutually_exclusive_group()
    goal.add_argument("--cycles-per-image", type=float, metavar="N", help="the smallest folding as fast as that")
    goal.add_argument("--images-per-second", type=float, metavar="N", help="the same, at the board's clock")
    goal.add_argument("--alms", type=int, metavar="N", help="the fastest folding of at most so many ALMs, by the model")
    goal.add_argument("--max", action="store_true", help="the fastest folding that fits")
    sub.add_argument(
        "--picture", type=Path, metavar="FILE.svg", help="where the front's picture goes (default: build/)"
    )
    sub = command("sweep", "train, fold and synthesize every combination that a file asks for", SWEEP_EPILOG)
    sub.add_argument("spec", type=Path, metavar="SPEC.toml", help="the sweep's file; examples are in sw/sweeps")
    sub.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster that sees this checkout (default: this machine)"
    )
    sub.add_argument(
        "--workers", type=_whole(1, 1024), metavar="N", help="trials at once on this machine (default: its cores)"
    )
    sub.add_argument("--publish", action="store_true", help="also write the results into docs/sweeps")
    sub.add_argument("--json", action="store_true", help="the results as JSON")
    command("calibrate", "synthesize some thirty small designs and fit the area model to them; ten minutes or more")
    sub = command("bench", "time the tools, or print what the designs of this checkout reached")
    what = sub.add_mutually_exclusive_group()
    what.add_argument("--tools", metavar="NAME", default="mnist", help="time each tool on this design (default: mnist)")
    what.add_argument(
        "--designs",
        action="store_true",
        help="what each design reached, by the reports in build/; into README too",
    )
    what.add_argument(
        "--accuracy", action="store_true", help="how well the published networks do, method by method, and in the RTL"
    )
    what.add_argument("--routings", action="store_true", help="synthesize one layer in each routing; some minutes")
    what.add_argument(
        "--paper", action="store_true", help="the paper's figures and claims beside ours; into docs and report too"
    )
    what.add_argument("--link", metavar="NAME", help="images through the faulty serial line of NAME's simulated board")
    sub.add_argument("--faults", type=positive, metavar="N", default=10_000, help="with --link (default: 10000)")
    sub.add_argument("--images", type=positive, metavar="N", default=1000, help="with --link (default: 1000)")
    sub.add_argument("--seed", type=positive, metavar="N", default=1, help="with --link (default: 1)")
    sub.add_argument("--json", action="store_true", help="the figures as JSON, with their origin")
    sub = command("board-sim", "simulate a design's board, behind a serial port, until Ctrl-C", BOARD_SIM_EPILOG)
    _design(sub)
    sub = command("demo", "serve a page where a drawn digit goes through a simulated or a real board", DEMO_EPILOG)
    sub.add_argument("design", metavar="NAME", nargs="?", default=DEMO_DESIGN, help=f"default: {DEMO_DESIGN}")
    sub.add_argument("--port", metavar="PORT", help="of a board's serial cable (default: a simulated board)")
    sub.add_argument(
        "--http-port", type=_whole(0, 65535), metavar="N", default=8000, help="of the page; 0: any (default: 8000)"
    )
    sub = command("classify", "have images classified by a board at a serial port", CLASSIFY_EPILOG)
    sub.add_argument("--port", required=True, metavar="PORT", help="of the serial cable, or what board-sim printed")
    sub.add_argument("--design", metavar="NAME", help="which design the board holds; it says how images become bits")
    sub.add_argument("--baud", type=positive, metavar="N", help="bits per second (default: the design's, or 1000000)")
    sub.add_argument("--scores", action="store_true", help="the scores of all classes beside each class")
    sub.add_argument("file", type=Path, metavar="FILE", help="a picture, or an .npy of uint8 [N, 28, 28]")
    sub = command("program", "load a design's bitstream into its board, with Quartus' programmer")
    _design(sub)
    sub.add_argument("--sof", type=Path, metavar="FILE", help="another bitstream, such as the one that `seeds` printed")
    sub = command("seeds", "fit a synthesized design with several of Quartus' seeds, for the best timing")
    _design(sub)
    sub.add_argument("--count", type=_whole(1, 100), metavar="N", default=5, help="seeds 1 to N (default: 5)")
    sub.add_argument("--json", action="store_true", help="the figures as JSON")
    sub = command("quartus-report", "print as JSON what the reports of a Quartus project say")
    sub.add_argument("directory", type=Path, metavar="DIR", help="where the .rpt files are, such as output_files")
    sub.add_argument("--clock", metavar="NAME", help="whose Fmax (default: the one clock that the user constrained)")
    return top


def run(options: argparse.Namespace) -> int:
    """Run the chosen command; return the exit code.

    Raises UserError for bad input and missing tools.
    """
    if options.command != "quartus-report":
        paths.check_checkout()
    match options.command:
        case "doctor":
            from xnorfpga import doctor

            return doctor.main()
        case "list":
            list_designs()
        case "publish":
            from xnorfpga.learn import publish

            chosen = designs.load(options.design)
            print(publish.publish(chosen, paths.build_folder(chosen.name), options.replace, options.among))
        case "import":
            from xnorfpga.interchange import importing

            print(importing.bring(options.model, options.name, options.pixel_max, options.board, options.replace))
        case "fold":
            print(fold(options))
        case "sweep":
            print(sweep(options))
        case "calibrate":
            from xnorfpga.lab import calibrate

            print(calibrate.calibrate())
        case "bench":
            print(bench(options))
        case "board-sim":
            board_sim(options.design)
        case "demo":
            demo(options)
        case "classify":
            print(classify(options))
        case "program":
            from xnorfpga.synth.quartus.program import program

            chosen = designs.load(options.design)
            print(program(chosen, paths.build_folder(chosen.name), options.sof))
        case "seeds":
            print(seeds(options))
        case "quartus-report":
            return quartus_report(options.directory, options.clock)
        case stage:
            asked = {}
            if stage == "simulate" and options.images is not None:
                asked["images"] = None if options.images == "all" else options.images
            if stage == "simulate" and options.final:
                asked["final"] = True
            if stage == "simulate" and options.load:
                print(load(options.design, options.load, asked))
                return 0
            flow.run(stage, options.design, asked)
            if stage == "export" and options.onnx is not None:
                print(export_onnx(options.design, options.onnx))
    return 0


def load(name: str, other: str, asked: dict[str, Any]) -> str:
    """Simulate a design with another one's model in its load port; return the line that says what came."""
    found = flow.load(name, other, asked)
    return (
        f"{other} through the load port of {name}: the checksum is right, {found.images:,} images, {found.mismatches} "
        f"mismatches, {found.accuracy:.2%} of {found.data}, {found.cycles_per_image:.5g} cycles per image"
    )


def board_sim(name: str) -> None:
    """Serve a design's simulated board until Ctrl-C or SIGTERM, which end it as they should; print its port's path.

    Raises UserError where the simulator breaks down.
    """
    from xnorfpga.flow import board

    with board.simulated(name) as simulation, contextlib.suppress(KeyboardInterrupt):
        print(simulation.port, flush=True)
        simulation.wait()


def demo(options: argparse.Namespace) -> None:
    """Serve the page where a digit is drawn, until Ctrl-C or SIGTERM; print its address.

    Raises UserError where the board or the page's port is not as it should be.
    """
    from xnorfpga.artefacts.manifest import Manifest
    from xnorfpga.data.load import load_dataset
    from xnorfpga.flow import board
    from xnorfpga.host import demo
    from xnorfpga.host.accelerator import Accelerator
    from xnorfpga.network import package

    design = designs.load(options.design)
    build, title = paths.build_folder(design.name), design.board.title
    with contextlib.ExitStack() as stack:
        port = options.port or stack.enter_context(board.simulated(options.design)).port
        where = f"on the {title} at {port}" if options.port else f"on a simulated {title}"
        model, manifest = package.load(build), Manifest.read(build / "manifest.json")
        accelerator = stack.enter_context(Accelerator(port, design.board.baud, model))
        accelerator.check(manifest)
        digits = load_dataset(design.network.dataset, published=design.published).validation
        app = demo.application(accelerator, model, digits, demo.Shown(manifest, where, design.board.clock_mhz))
        address, serve = stack.enter_context(demo.served(app, options.http_port))
        print(f"draw a digit at {address} (Ctrl-C ends the demo)", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            serve()


def classify(options: argparse.Namespace) -> str:
    """Return the classes, a line each, that a board gives to the images of a file.

    Raises UserError where the file or the board is not as it should be.
    """
    from xnorfpga.artefacts.hardware import BAUD
    from xnorfpga.artefacts.manifest import Manifest
    from xnorfpga.host import pictures
    from xnorfpga.host.accelerator import Accelerator
    from xnorfpga.network import package

    images = pictures.read(options.file)
    design = designs.load(options.design) if options.design else None
    build = paths.build_folder(design.name) if design else None
    model = package.load(build) if build else None
    baud = options.baud or (design.board.baud if design else BAUD)
    with Accelerator(options.port, baud, model) as accelerator:
        if build:
            accelerator.check(Manifest.read(build / "manifest.json"))
        found = accelerator.run(images, with_scores=options.scores)
    if found.scores is None:
        return "\n".join(map(str, found.classes))
    return "\n".join(
        f"{label}  {' '.join(map(str, row))}" for label, row in zip(found.classes, found.scores, strict=True)
    )


def export_onnx(name: str, file: Path) -> Path:
    """Write a design's exported model as QONNX, by default beside it, and return the file."""
    from xnorfpga.interchange import to_qonnx
    from xnorfpga.network import package

    design = designs.load(name)
    build = paths.build_folder(design.name)
    path = build / f"{design.name}.onnx" if file == Path() else file
    to_qonnx.write(path, package.load(build))
    return path


def quartus_report(directory: Path, clock: str | None) -> int:
    """Print the figures as JSON; return 1, with Quartus' own error lines, where one of its tools failed."""
    from xnorfpga.synth.quartus.read import read

    figures = read(directory, clock)
    print(figures.model_dump_json(indent=2))
    failed = [name for name, stage in figures.stages.items() if stage.ok is False]
    if failed:
        said = " | ".join(figures.errors) or "the reports hold no error line"
        print(f"error: Quartus failed in {', '.join(failed)}: {said}", file=sys.stderr)
    return 1 if failed else 0


def seeds(options: argparse.Namespace) -> str:
    """Return the table, or JSON, of a sweep over the fitter's seeds."""
    from xnorfpga.synth.quartus import seeds as fitting

    chosen = designs.load(options.design)
    build = paths.build_folder(chosen.name)
    found = fitting.sweep(chosen, build, range(1, options.count + 1))
    if options.json:
        return found.model_dump_json(indent=2)
    rows = [(row.seed, row.alms, row.fmax_mhz, row.setup_slack_ns) for row in found.seeds]
    table = tables.terminal(("seed", "ALMs", "Fmax, MHz", "setup slack, ns"), rows)
    return f"{table}\n\nseed {found.best} is the fastest: {build / found.bitstream}"


def fold(options: argparse.Namespace) -> str:
    """Return what `fold` prints: the folding that a goal asks for, or a design's own folding and the front.

    A design's own folding is written to `folding.json` first, by the stage.
    """
    from xnorfpga.artefacts.folding import Folding
    from xnorfpga.design import explore
    from xnorfpga.design import fold as solving
    from xnorfpga.design.folding import ONE_BIT
    from xnorfpga.design.hardware import operands, predict
    from xnorfpga.report import charts

    sizes = explore.sizes(options.network)
    own = None if sizes else designs.load(options.network)
    network = solving.network_of(own) if own else solving.Network(sizes or ())
    board = own.board if own and not options.board else designs.board(options.board)
    multiplied = operands(own) if own else ONE_BIT
    goal = _goal(options)
    if goal:
        found = solving.solve(network, board, goal, multiplied)
        return f"{explore.folded(found, board)}\n\n{explore.toml(found)}"
    prediction = None
    if own:
        flow.run("fold", options.network)
        prediction = predict(own, Folding.read(paths.BUILD / own.name / "folding.json"))
    name = own.name if own else str(network)
    title = own.network.title if own else name
    solutions = solving.front(network, board, multiplied)
    picture = options.picture or paths.BUILD / "fold" / f"{name}.svg"
    charts.front(picture, f"{title} on {board.title}", solutions, prediction, board)
    return f"{explore.explore(title, board, prediction, solutions)}\n\n{picture}"


def sweep(options: argparse.Namespace) -> str:
    """Run the trials of a sweep, write its results, and return the table, or JSON."""
    from xnorfpga.artefacts.sweep import PUBLISHED
    from xnorfpga.lab.sweep.run import sweep as run_trials
    from xnorfpga.report import sweeps

    found = run_trials(options.spec, options.scheduler, options.workers)
    page = sweeps.keep(found, paths.BUILD / "sweeps" / found.name)
    if options.publish:
        page = sweeps.keep(found, PUBLISHED)
    if options.json:
        return found.model_dump_json(indent=2)
    return "\n".join([sweeps.table(found, aligned=True), *sweeps.failures(found), "", str(page)])


def _goal(options: argparse.Namespace) -> Goal | None:
    """Return the goal that the options of `fold` ask for, within what a design file may ask for; None without one."""
    if options.max:
        return "auto"
    given = {key: value for key in GOALS if (value := getattr(options, key)) is not None}
    return next((check(GOALS[key], {key: value}, "fold") for key, value in given.items()), None)


def bench(options: argparse.Namespace) -> str:
    """Return the table, or JSON, that the options of `bench` ask for."""
    from xnorfpga.lab import accuracy, benchmark, routings
    from xnorfpga.report.routings import table

    if options.link:
        from xnorfpga.lab import link

        came = link.measure(options.link, options.faults, options.images, options.seed)
        return came.model_dump_json(indent=2) if options.json else link.table(came)
    if options.paper:
        from xnorfpga.lab import paper as beside
        from xnorfpga.report import paper

        compared = beside.measure()
        return compared.model_dump_json(indent=2) if options.json else paper.table(compared)
    if options.routings:
        measured = routings.measure()
        return measured.model_dump_json(indent=2) if options.json else table(measured)
    if options.designs:
        reached = benchmark.reached()
        benchmark.publish(reached)
        return reached.model_dump_json(indent=2) if options.json else benchmark.table(reached)
    if options.accuracy:
        found = accuracy.accuracies()
        measured_by = "each is measured anew, in the RTL, by: doit report:DESIGN"
        return found.model_dump_json(indent=2) if options.json else f"{accuracy.table(found)}\n\n{measured_by}"
    times = benchmark.tools(options.tools)
    if options.json:
        return json.dumps(times, indent=2, ensure_ascii=False)
    headers = ("tool", "value", "unit", "ratio to a fixed loop in Python")
    return tables.terminal(headers, [(row["what"], row["value"], row["unit"], row["ratio"]) for row in times])


def _design(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("design", metavar="NAME", help="a design of sw/designs, or a design file (.toml)")


def _whole(low: int, high: int) -> Callable[[str], int]:
    """Return a reader of whole numbers in a range."""

    def read(text: str) -> int:
        if text.isdecimal() and low <= int(text) <= high:
            return int(text)
        raise argparse.ArgumentTypeError(f"{text!r}: accepted: a whole number, {low} to {high}")

    return read


def _image_count(text: str) -> int | str:
    if text == "all" or (text.isdecimal() and int(text)):
        return text if text == "all" else int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: accepted: all, or a whole number of at least 1")


def list_designs() -> None:
    """Print each design, its network and where its weights come from; one with a mistake says so and hides no other."""
    rows, mistakes = [], designs.misnamed()
    for name in designs.names():
        try:
            found = designs.load(name)
            rows.append((name, found.network.title, found.board.name, f"weights: {found.weights}"))
        except UserError as error:
            mistakes.append(str(error))
    print("\n".join([*([tables.terminal((), rows)] if rows else []), *(f"error: {line}" for line in mistakes)]))


if __name__ == "__main__":
    sys.exit(main())
