# SPDX-License-Identifier: Apache-2.0
"""Runs a sweep: its trials go to the workers of a Dask cluster, their outcomes into one table.

Dask because the same few lines serve one machine and a cluster, and a lost worker is an error of its trial alone.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tomli_w
from tqdm import tqdm

from xnorfpga.artefacts.sweep import Outcome, Row, Sweep
from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import write_text
from xnorfpga.base.strict import check
from xnorfpga.lab.sweep import spec, trial
from xnorfpga.lab.sweep.results import Table
from xnorfpga.rtl import elaborate

try:
    from distributed import Client, LocalCluster, as_completed
except ModuleNotFoundError as error:
    missing = f"{error.name} is missing: pip install -c constraints.txt -e '.[sweep]'"
    raise UserError(missing) from None

CONNECTING = "10s"  # how long a scheduler may take to answer


def sweep(path: Path, scheduler: str | None = None, workers: int | None = None) -> Sweep:
    """Run the trials of a sweep that are not finished, and return all; the table is results.sqlite in its folder.

    path: its file. scheduler: of a Dask cluster whose workers see this checkout at the same place (None: this
    machine). workers: trials at once on this machine (None: one per core).

    Raises UserError for a mistake in the file, and where the scheduler does not answer. A trial that fails is a row.
    """
    file = spec.read(path)
    trials = spec.trials(file, path)
    folder = paths.build_folder("sweeps") / path.stem
    if file.hardware == "synth":
        elaborate.classpath()  # once, before the workers ask
    for each in trials:
        write_text(folder / f"{each.name}.toml", tomli_w.dumps(each.tables))
    table = Table(folder / "results.sqlite")
    table.keep(each.name for each in trials)
    with _cluster(scheduler, workers) as client:
        futures = {
            client.submit(
                trial.start, str(folder / f"{each.name}.toml"), file.hardware, file.test, key=each.name, pure=False
            ): each
            for each in trials
        }
        with tqdm(total=len(trials), desc=f"sweep {path.stem}", unit="trial", disable=None) as progress:
            for future in as_completed(futures):
                each = futures[future]
                try:
                    found = check(Outcome, future.result(), each.name)
                except Exception as error:  # whatever happened on a worker is this trial's alone
                    found = Outcome(error=f"{type(error).__name__}: {error}".splitlines()[0])
                table.write(Row(trial=each.name, points=each.points, seed=each.seed, outcome=found))
                progress.update()
                progress.set_postfix_str(f"{each.name}: {_brief(found)}")
    return table.sweep(path.stem, file.title, [each.name for each in trials])


def _brief(found: Outcome) -> str:
    if found.error:
        return "failed"
    return "done" if found.accuracy_validation is None else f"{found.accuracy_validation:.2%}"


@contextmanager
def _cluster(scheduler: str | None, workers: int | None) -> Iterator[Client]:
    """Give the client of a cluster: the user's, or threads of this process, each of which waits for one trial's."""
    logging.getLogger("distributed").setLevel(logging.ERROR)  # it tells of each task that an interrupt cancels
    if scheduler:
        try:
            client = Client(scheduler, timeout=CONNECTING)
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"--scheduler {scheduler}: {reason}; accepted: such as tcp://host:8786") from None
        with client:
            yield client
        return
    threads = workers or len(os.sched_getaffinity(0))
    with (
        LocalCluster(n_workers=1, threads_per_worker=threads, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client
