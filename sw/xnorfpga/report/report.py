# SPDX-License-Identifier: Apache-2.0
"""The report stage: all figures of a design in `report.json`, on the terminal, and on one page with pictures."""

from pathlib import Path

from xnorfpga.artefacts.accelerator import Accelerator
from xnorfpga.artefacts.manifest import Manifest
from xnorfpga.artefacts.report import Report
from xnorfpga.base.errors import UserError
from xnorfpga.base.files import write_text
from xnorfpga.data.datasets import DATASETS
from xnorfpga.data.load import load_dataset
from xnorfpga.design.schema import Design
from xnorfpga.network import package
from xnorfpga.report import gather, page


def report(design: Design, build: Path) -> Report:
    """Write `report/report.json` and `report/index.html`, print the table, and return the figures.

    Raises UserError where a stage's result is absent, of another model or of other digits; an earlier report then
    stays as it was.
    """
    figures = gather.gather(design, build)
    exported = Accelerator.read(build / "accelerator.json")
    simulated = gather.simulation(build, exported)
    dataset = load_dataset(design.network.dataset, published=design.published)
    digits = dataset.find(simulated.data_digest)
    if digits is None or dataset.validation.digest != exported.data.validation_digest:
        raise UserError(f"{build}: measured on other digits than those at hand: run `doit report:{design.name}`")
    manifest = Manifest.read(build / "manifest.json")
    model = package.load(build) if manifest.layers[0].convolution else None
    names = DATASETS[design.network.dataset].names
    html = page.page(figures, simulated.labels, digits, names, manifest, gather.training(build), model)
    write_text(build / "report" / "index.html", html)
    figures.write(build / "report" / "report.json")
    print(page.markdown(figures))
    print(f"\n{build / 'report' / 'index.html'}")
    return figures
