# SPDX-License-Identifier: Apache-2.0
"""The report stage: all figures of a design in `report.json`, on the terminal, and on one page with pictures."""

from pathlib import Path

from xnorfpga.artefacts.accelerator import Accelerator
from xnorfpga.artefacts.manifest import Manifest
from xnorfpga.artefacts.report import Report
from xnorfpga.base.files import write_text
from xnorfpga.data import mnist
from xnorfpga.design.designs import Design
from xnorfpga.report import gather, page


def report(design: Design, build: Path) -> Report:
    """Write `report/report.json` and `report/index.html`, print the table, and return the figures.

    Raises UserError where a stage's result is absent or of another model; an earlier report then stays as it was.
    """
    figures = gather.gather(design, build)
    simulated = gather.simulation(build, Accelerator.read(build / "accelerator.json"))
    dataset = mnist.load(design.network.dataset, published=design.published)
    manifest = Manifest.read(build / "manifest.json")
    html = page.page(figures, simulated.labels, dataset, manifest, gather.training(build))
    write_text(build / "report" / "index.html", html)
    figures.write(build / "report" / "report.json")
    print(page.markdown(figures))
    print(f"\n{build / 'report' / 'index.html'}")
    return figures
