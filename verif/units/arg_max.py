# SPDX-License-Identifier: Apache-2.0
"""ArgMax alone: scores of a group go in class by class, results come out image by image."""

import cocotb

from bench.configurations import Configuration, Parameters, rows
from bench.unit import NUMBERS, TIMEOUT, StreamUnit, lanes


def simulators(drawn: Configuration) -> dict[str, Parameters]:
    """Return of each simulator the parameters of its instances."""
    shapes = ((1, 1, 1), (1, 4, 3), (2, 1, 2), (3, 5, 1), (10, 8, 2), (10, 3, 3), (7, 1, 3))
    return {"arg_max": rows("classes score_bits copies", *shapes)}


class Bench(StreamUnit):
    """Scores are often drawn from two neighbouring values, so that many tie."""

    output_payload = ("payload_label", "payload_scores")

    async def send(self, full: bool) -> None:
        """Send the scores of a group."""
        classes, bits, copies = (self.facts[key] for key in ("classes", "score_bits", "copies"))
        images = self.images(full)
        best = self.rng.randrange(1 << bits)
        lowest = max(0, best - self.rng.choice((0, 1, 1, best)))
        scores = self.numpy_rng.integers(lowest, best + 1, (copies, classes))
        for image in scores[:images].tolist():
            ties, label = image.count(max(image)), image.index(max(image))
            met = [
                ("argmax.best", "alone" if ties == 1 else "all tie" if ties == classes else "some tie"),
                ("argmax.label", "first" if label == 0 else "last" if label == classes - 1 else "between"),
                ("argmax.lanes", "full" if images == copies else "some"),
            ]
            self.scoreboard.expect(label, sum(score << (k * bits) for k, score in enumerate(image)), met=met)
        for row in scores.T.tolist():
            await self.input.send(lanes(images), *row)


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def every_image_gets_its_label_in_order(dut, k: int) -> None:
    """Under random pauses and resets each image's result comes once; at a tie it is the lowest index."""
    await Bench(dut, k).rounds()


@cocotb.test(**TIMEOUT)
@cocotb.parametrize(k=NUMBERS)
async def unhindered_a_group_takes_a_cycle_a_class_and_image(dut, k: int) -> None:
    """The next group's scores wait only for the last image to leave."""
    bench = Bench(dut, k)
    await bench.start()
    await bench.unhindered(bench.facts["classes"] + bench.facts["copies"])
