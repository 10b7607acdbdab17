# SPDX-License-Identifier: Apache-2.0
"""One trial, in a process of its own: it may be killed, run out of memory or crash, and is then a row with an error.

`python -m xnorfpga.lab.sweep.trial` is that process. It ends when whoever started it does, for its standard input is a
pipe that closes then; what was trained by then is there when the trial is started again.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, get_args

from xnorfpga.artefacts.folding import Folding
from xnorfpga.artefacts.sweep import Outcome
from xnorfpga.artefacts.synthesis import Synthesis
from xnorfpga.artefacts.training import Training
from xnorfpga.base import paths, process
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import read_json, write_json
from xnorfpga.base.strict import check
from xnorfpga.design import area, designs
from xnorfpga.design.hardware import predict
from xnorfpga.design.schema import Design
from xnorfpga.flow import run as flow
from xnorfpga.lab.sweep.spec import Hardware
from xnorfpga.network import package

SAID = 300  # characters of a crashed process' last line in a row


def outcome(design: Path, hardware: Hardware, test: bool) -> Outcome:
    """Do what a trial asks for, as far as it goes; stages that were done before are not done again."""
    found: dict[str, Any] = {}
    start = time.monotonic()
    try:
        chosen = designs.load(design)
        build = paths.build_folder(chosen.name)
        found |= {"network": chosen.network.layers, "weight_bits": chosen.weight_bits}
        found |= trained(chosen, build, test)
        if hardware != "none" and not chosen.reference:
            found |= folded(chosen, build)
            if hardware == "synth":
                found |= synthesized(chosen, build)
    except UserError as error:
        found["error"] = str(error).removeprefix(f"{design.parent}/")
    return Outcome(**found, seconds=time.monotonic() - start)


def trained(design: Design, build: Path, test: bool) -> dict[str, Any]:
    """Return a design's accuracies: of a training done here, or as a published model's record has them."""
    if design.published:
        published = package.read_record(design.model).published
        assert published is not None
        known = {"accuracy_validation": published.validation_accuracy, "accuracy_test": published.test_accuracy}
        return known if test else {"accuracy_validation": published.validation_accuracy}
    flow.ensure("train", str(design.path))
    from xnorfpga.learn import train  # loads torch

    found: dict[str, Any] = {
        "accuracy_validation": Training.read(build / "training.json").curves[-1].validation_accuracy
    }
    return found | ({"accuracy_test": train.test_accuracy(design, build)} if test else {})


def folded(design: Design, build: Path) -> dict[str, Any]:
    """Return what a design's folding takes, by the models."""
    flow.ensure("fold", str(design.path))
    prediction = predict(design, Folding.read(build / "folding.json"))
    return {
        "cycles_per_image": float(prediction.cycles_per_image),
        "m10k": prediction.m10k,
        "alms": area.alms(prediction),
        "alms_kind": "model",
    }


def synthesized(design: Design, build: Path) -> dict[str, Any]:
    """Return what a design takes once it is synthesized."""
    for stage in ("elaborate", "synth"):
        flow.ensure(stage, str(design.path))
    synthesis = Synthesis.read(build / "synth.json")
    return {"alms": synthesis.alms, "m10k": synthesis.m10k, "alms_kind": synthesis.kind}


def start(design: str, hardware: Hardware, test: bool) -> dict[str, Any]:
    """Run a trial in a process of its own and return its outcome as plain values; this is what a worker is sent.

    The folder of the design file is the build folder of the trial. What the process says goes to DESIGN.log there.
    """
    path = Path(design)
    result, log = path.with_suffix(".json"), path.with_suffix(".log")
    result.unlink(missing_ok=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "xnorfpga.lab.sweep.trial", design, hardware, *(["--test"] if test else [])]
    with log.open("wb") as file, subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT,
        env={**os.environ, "XNORFPGA_BUILD": str(path.parent)}, start_new_session=True,
    ) as child:  # fmt: skip
        code = child.wait()
    if code == 0:
        return check(Outcome, read_json(result), result).model_dump(mode="json")
    lines = log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").split("\n")
    said = next((line for line in reversed(lines) if line.strip()), "no word")[:SAID]
    ended = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return Outcome(error=f"{ended}: {said}", seconds=time.monotonic() - began).model_dump(mode="json")


def _end_with_parent() -> None:
    """Wait until standard input closes; then end this process, and with it the tools that it runs."""
    os.read(sys.stdin.fileno(), 1)  # not sys.stdin.read, whose lock Python wants when it ends
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run the trial of a design file and write its outcome beside it."""
    parser = argparse.ArgumentParser(prog="python -m xnorfpga.lab.sweep.trial", description=__doc__)
    parser.add_argument("design", type=Path)
    parser.add_argument("hardware", choices=get_args(Hardware))
    parser.add_argument("--test", action="store_true")
    asked = parser.parse_args()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with process.ended_by_signals():
        found = outcome(asked.design, asked.hardware, asked.test)
    write_json(asked.design.with_suffix(".json"), found.model_dump(mode="json"))


if __name__ == "__main__":
    main()
