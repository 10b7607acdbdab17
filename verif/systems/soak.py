# SPDX-License-Identifier: Apache-2.0
"""cocotb test of a long run: VERIF_IMAGES images under random pauses, then some unhindered, on a clock count."""

import cocotb
import numpy as np
from cocotb.utils import get_sim_steps, get_sim_time

from bench.accelerator import Testbench
from bench.clock import PERIOD_NS
from bench.job import DIRECTORY, IMAGES, SEED
from bench.streams import never, random_pause
from xnorfpga.base.files import write_json

CHUNK = 500  # images under the same pauses
UNHINDERED = 2000


@cocotb.test()
async def not_an_image_in_a_hundred_thousand_is_wrong(dut) -> None:
    """Under pauses every result is right and in order; without, every group comes in exactly the predicted cycles."""
    bench = Testbench(dut, "soak")
    rng = bench.rng
    await bench.start()
    model = bench.random_network()
    await bench.load_model(model)
    begin, period = get_sim_time(), get_sim_steps(PERIOD_NS, "ns")
    for _ in range(0, IMAGES, CHUNK):
        bench.pause(images=random_pause(rng), results=random_pause(rng))
        vectors = bench.draw_images(CHUNK)
        bench.expect(model, vectors)
        await bench.send_all(vectors, flush=rng.choice((0.0, 0.0, 0.1)), flush_last=False)
        if rng.random() < 0.1:  # load another model while images are inside
            model = bench.random_network()
            await bench.load_model(model)
    if bench.lanes:
        await bench.load_model(model)  # sends the last group on
    await bench.drain()
    hindered, cycles = bench.scoreboard.checked, (get_sim_time() - begin) // period

    bench.pause(never(), never(), never())
    bench.result_times.clear()
    vectors = bench.draw_images(UNHINDERED * bench.manifest["copies"])
    bench.expect(model, vectors)
    await bench.send_all(vectors)
    await bench.drain()
    intervals = np.diff(bench.result_times[:: bench.manifest["copies"]][2:]) / period
    write_json(
        DIRECTORY / "soak.json",
        {
            "images": hindered,
            "mismatches": bench.sent - bench.scoreboard.checked,  # a wrong result would have ended the test
            "cycles": int(cycles),
            "stalled_cycles": bench.results.stalled_cycles,
            "unhindered_images": bench.scoreboard.checked - hindered,
            "interval_cycles": sorted({int(interval) for interval in intervals}),
            "predicted_interval_cycles": bench.prediction.interval_cycles,
            "seed": SEED,
        },
    )
    assert set(intervals) == {bench.prediction.interval_cycles}
