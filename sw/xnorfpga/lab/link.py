# SPDX-License-Identifier: Apache-2.0
"""Images through the serial line of a design's simulated board while the line damages what goes through it."""

import random
import time

import numpy as np
from tqdm import tqdm

from xnorfpga.base import paths
from xnorfpga.base.errors import UserError
from xnorfpga.base.strict import Artefact
from xnorfpga.data.load import load_dataset
from xnorfpga.design import designs
from xnorfpga.flow import board
from xnorfpga.host.accelerator import Accelerator, open_port
from xnorfpga.host.faults import FaultyLine
from xnorfpga.network import golden, package

FAULTS_OF_EXCHANGE = 2.0  # of a request and its answer, on average: most need several attempts
WHOLE_FRAMES = 0.05  # the share of requests that carry as many images as they can; the others carry one
ATTEMPTS = 500
PATIENCE_S = 0.02


class LinkFigures(Artefact):
    """What came of it.

    images: different ones. sent: how many were classified in all, until there were faults enough. faults: bytes that
    were flipped, dropped, inserted or duplicated, in both directions. wrong: images whose class or scores are not the
    golden model's. lost: images that were never answered. repeated: results that the board gave beyond one an image.
    retries: requests that were sent again. damaged_at_board, damaged_at_host: frames that arrived so. silent: requests
    after which nothing came in time.
    """

    design: str
    seed: int
    images: int
    sent: int
    faults: int
    flipped: int
    dropped: int
    inserted: int
    duplicated: int
    wrong: int
    lost: int
    repeated: int
    requests: int
    retries: int
    damaged_at_board: int
    damaged_at_host: int
    silent: int
    seconds: float


def table(figures: LinkFigures) -> str:
    """Return the figures, a line each."""
    return "\n".join(f"{name:18} {value}" for name, value in figures.model_dump().items())


def measure(name: str, faults: int, images: int, seed: int = 1) -> LinkFigures:
    """Classify images on the simulated board of a design until every image was and there were so many faults.

    Raises UserError where the board cannot be built.
    """
    design = designs.load(name)
    split = load_dataset(design.network.dataset, published=design.published).measured(design.published)
    with board.simulated(name) as simulation:
        model = package.load(paths.BUILD / design.name)
        bits = model.encode(np.resize(split.images, (images, *split.images.shape[1:])))
        expected = golden.infer(model, bits, hidden=0)
        return _classify(design.name, simulation.port, model.sent(bits), expected, faults, seed)


def _classify(
    name: str, port: str, bits: np.ndarray, expected: golden.Inference, faults: int, seed: int
) -> LinkFigures:
    rng = random.Random(seed)
    line = FaultyLine(open_port(port), seed)
    accelerator = Accelerator(line, attempts=ATTEMPTS, patience_s=PATIENCE_S)
    identity, before = accelerator.identity, accelerator.counters()
    sent = wrong = lost = 0
    started = time.monotonic()
    with tqdm(total=faults, desc=f"faults on the line of {name}", unit="fault", disable=None) as bar:
        while sent < len(bits) or line.faults.total() < faults:
            start = sent % len(bits)
            part = bits[start : start + (identity.images_per_frame if rng.random() < WHOLE_FRAMES else 1)]
            request = 2 * 4 + len(part) * identity.image_bytes
            answer = 10 + len(part) * (identity.label_bytes + identity.classes * identity.score_bytes)
            line.rate = FAULTS_OF_EXCHANGE / (request + answer) if faults else 0.0
            try:
                came = accelerator.run(part, with_scores=True)
                here = slice(start, start + len(part))
                assert came.scores is not None
                other = np.any(came.scores != expected.scores[here], axis=1)
                wrong += int(np.count_nonzero(other | (came.classes != expected.classes[here])))
            except UserError:
                lost += len(part)
            sent += len(part)
            bar.update(line.faults.total() - bar.n)
    line.rate = 0.0
    counted = accelerator.counters().since(before)
    statistics = accelerator.statistics
    return LinkFigures(
        design=name,
        seed=seed,
        images=len(bits),
        sent=sent,
        faults=line.faults.total(),
        **line.faults,
        wrong=wrong,
        lost=lost,
        repeated=counted.images - (sent - lost),
        requests=statistics.requests,
        retries=statistics.retries,
        damaged_at_board=counted.damaged,
        damaged_at_host=statistics.damaged,
        silent=statistics.silent,
        seconds=round(time.monotonic() - started, 1),
    )
