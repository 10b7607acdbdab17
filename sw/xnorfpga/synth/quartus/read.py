# SPDX-License-Identifier: Apache-2.0
"""Puts all figures of one revision's reports together."""

from pathlib import Path

from xnorfpga.synth.quartus import power, reports, resources, timing
from xnorfpga.synth.quartus.figures import Identity, QuartusFigures, StageState

ORDER = ("fit", "map", "merge", "pow", "sta", "asm", "flow")  # whose word on the design's identity comes first


def read(path: Path, clock: str | None = None, clock_mhz: float | None = None) -> QuartusFigures:
    """Read the Quartus reports of one revision.

    `path` is a directory (or has them in its `output_files`), a prefix DIR/REVISION, or one file. `clock` or
    `clock_mhz` says which clock's Fmax is asked for: by its name, or as the one that the user constrained so.

    Raises UserError where there is no report, a file that is none, or more than one revision's.
    """
    run = reports.find(path)
    reasons: dict[str, str] = {}
    cautions = [note for stage in run.stages.values() for note in stage.notes]
    failed = [stage for stage in run.stages.values() if stage.ok is False]
    cautions += [f"the {reports.WORDS[stage.name]} did not succeed: {stage.status}" for stage in failed]
    identity = _identity(run, reasons, cautions)
    stages = {name: _state(stage, reasons) for name, stage in run.stages.items()}
    placed = resources.read(run, identity.family, reasons)
    clocks = timing.read(run, reasons, cautions)
    has_report = "sta" in run.stages and run.stages["sta"].has_report
    return QuartusFigures(
        **dict(placed),
        **dict(identity),
        path=str(path),
        stages=stages,
        clocks=clocks,
        fmax_mhz=timing.choose(clocks, clock, clock_mhz, has_report, reasons),
        power=power.read(run, placed, clocks, reasons, cautions),
        errors=tuple(line for stage in run.stages.values() for line in stage.errors),
        reasons=reasons,
        cautions=tuple(cautions),
    )


def _identity(run: reports.Run, reasons: dict[str, str], cautions: list[str]) -> Identity:
    stages = [run.stages[name] for name in ORDER if name in run.stages]
    result: dict[str, str | None] = {}
    for key in reports.IDENTITY:
        said = {stage.name: value for stage in stages if (value := stage.identity(key))}
        result[key] = next(iter(said.values()), None)
        if not said:
            reasons[key] = f"none of {', '.join(stage.where for stage in run.stages.values())} names it"
        elif len(set(said.values())) > 1:
            cautions.append(f"the reports differ in {key}: {', '.join(f'{k} {v}' for k, v in said.items())}")
    return Identity(**result)


def _state(stage: reports.Stage, reasons: dict[str, str]) -> StageState:
    time = stage.time.isoformat() if stage.time else None
    state = StageState(ok=stage.ok, status=stage.status, time=time, files=tuple(stage.files))
    why = "; ".join(stage.faults) or f"{stage.where} does not tell"
    reasons |= {f"stages.{stage.name}.{key}": why for key, value in state if value is None}
    return state
