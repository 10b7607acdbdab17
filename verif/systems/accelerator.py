# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of a whole accelerator. The testbench wires; the tests say what happens."""

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from cocotb.utils import get_sim_steps, get_sim_time

from bench import configurations, coverage
from bench.accelerator import Testbench
from bench.clock import PERIOD_NS
from bench.job import NETWORKS, SEED
from bench.streams import random_pause, sometimes


@cocotb.test()
async def initial_memory_content_works_without_a_load(dut) -> None:
    """The `$readmemb` images hold a whole model: that of `VERIF_SEED`. First, while the memories still hold it."""
    bench = Testbench(dut, "initial")
    await bench.start()
    vectors = bench.random_images()
    bench.expect(configurations.initial_network(bench.hardware, SEED), vectors)
    await bench.send_all(vectors)
    await bench.drain()
    coverage.sample("load.first", "initial content")


@cocotb.test()
async def networks_follow_each_other_under_random_pauses(dut) -> None:
    """Models are loaded between and during images; no image is lost, and none meets half a model."""
    bench = Testbench(dut, "networks")
    rng, pauses = bench.rng, [bench.random.of(f"{port} pauses") for port in ("images", "load", "results")]
    await bench.start()
    for k in range(NETWORKS):
        bench.pause(*map(random_pause, pauses))
        model = bench.random_network()
        # Often while images of the last model are still inside: the load has to wait for them, and images for the load.
        loader = cocotb.start_soon(bench.load_model(model))
        await RisingEdge(bench.load.valid)
        if rng.random() < 0.5:
            await loader
        # A load empties the accelerator, so only a long queue fills it, up to neurons that stall half summed.
        queue = k % 5 == 4
        if queue:
            bench.pause(results=sometimes(pauses[2], 0.9))
        vectors = bench.random_images(more=20 if queue else 0)
        bench.expect(model, vectors)
        drained = k == NETWORKS - 1 or rng.random() < 0.3
        flush = 1.0 if queue else rng.choice((0.0, 0.3))
        await bench.send_all(vectors, flush=flush, flush_last=drained or rng.random() < 0.5)
        await loader
        if drained:
            await bench.drain()
    assert bench.scoreboard.checked > 0
    coverage.sample("load.first", "loaded")
    for point, bin in configurations.bins(bench.hardware):
        coverage.sample(point, bin)
    coverage.count("networks", NETWORKS)
    coverage.count("images", bench.scoreboard.checked)
    coverage.count("transactions", bench.transactions)


@cocotb.test()
async def a_load_waits_for_every_image_inside(dut) -> None:
    """With nobody taking results, images fill every buffer; a load that comes then waits until the last has left."""
    bench = Testbench(dut, "full")
    pauses = bench.random.of("results pauses")
    bench.pause(results=sometimes(pauses, 1.0))
    await bench.start()
    old, new = bench.random_network(), bench.random_network()
    await bench.load_model(old)
    vectors = bench.draw_images(200)

    async def send_alone() -> None:
        for vector in vectors:
            if full:
                return
            bench.expect(old, vector[None])
            await bench.send(vector, last=True)

    full = False
    sender = cocotb.start_soon(send_alone())
    before = -1
    while bench.images.transfers > before:
        before = bench.images.transfers
        await ClockCycles(dut.clk, bench.prediction.latency_cycles + bench.prediction.interval_cycles)
    full = True
    inside, begun = divmod(bench.images.transfers, bench.manifest["input"]["words"])
    if not bench.maps:
        assert begun == 0, "stopped in the middle of an image"
    if begun == 0:
        sender.cancel()
        bench.withdraw()  # what could not enter never will
        dut.images_valid.value = 0
    assert 0 < inside < len(vectors), "the accelerator is not full"
    assert inside == bench.sent
    loader = cocotb.start_soon(bench.load_model(new))
    await ClockCycles(dut.clk, 20)
    coverage.sample("load.while_busy", "full to the last place")
    bench.pause(results=sometimes(pauses, 0.9))  # any number of images is inside for some cycles
    while bench.scoreboard.expected:
        assert bench.load.transfers == bench.manifest["load_words"], "the load did not wait"
        await FallingEdge(dut.clk)
    await bench.drain()
    await loader
    bench.expect(new, vectors[:1])
    await bench.send_all(vectors[:1])
    await bench.drain()


@cocotb.test()
async def a_reset_at_any_moment_leaves_nothing_behind(dut) -> None:
    """After a reset, of images anywhere inside or of half a load, the next images are right."""
    bench = Testbench(dut, "reset")
    rng, shares = bench.rng, {"images": 0.2, "load": 0.2, "results": 0.5}
    bench.pause(**{port: sometimes(bench.random.of(f"{port} pauses"), share) for port, share in shares.items()})
    await bench.start()
    model = bench.random_network()
    await bench.load_model(model)
    for _ in range(5):
        loading = rng.random() < 0.3
        if loading:
            work = cocotb.start_soon(bench.load_model(bench.random_network()))
            cycles = bench.manifest["load_words"]
        else:
            vectors = bench.random_images()
            bench.expect(model, vectors)
            work = cocotb.start_soon(bench.send_all(vectors, flush_last=rng.random() < 0.5))
            cycles = 2 * bench.prediction.interval_cycles + bench.prediction.latency_cycles
        begun = bench.load.transfers
        await ClockCycles(dut.clk, rng.randint(1, cycles + 10))
        words = bench.manifest["input"]["words"]
        moments = {
            "collecting": bench.images.transfers % words > 0,
            "filling": bench.lanes > 0,
            "computing": bench.sent - bench.lanes > bench.scoreboard.checked,
            "leaving": bool(dut.results_valid.value),
            "loading": bench.load.transfers > begun and bench.loading,
        }
        for moment in [moment for moment, there in moments.items() if there] or ["idle"]:
            coverage.sample("reset.moment", moment)
        work.cancel()
        await bench.reset()
        if loading:  # half of another model may be in the memories
            model = bench.random_network()
            await bench.load_model(model)
        vectors = bench.random_images()
        bench.expect(model, vectors)
        await bench.send_all(vectors)
        await bench.drain()


@cocotb.test()
async def unhindered_it_takes_the_predicted_cycles(dut) -> None:
    """Latency of a lone image and distance of groups in a row are those of the folding model; a load's words enter
    one a cycle, at once.
    """
    bench = Testbench(dut, "cycles")
    await bench.start()
    for _ in range(4):
        model = bench.random_network()
        await ClockCycles(dut.clk, bench.rng.randint(1, 4))
        await bench.load_model(model)
    assert bench.load.stalled_cycles == 0, "a load waited for nothing"
    copies = bench.manifest["copies"]
    prediction = bench.prediction
    await ClockCycles(dut.clk, max(layer.cycles for layer in prediction.layers))  # idle: serial thresholds are in place

    vectors = bench.draw_images(1 + (8 + prediction.pace.settling) * copies)
    bench.expect(model, vectors[:1])
    begin = get_sim_time()
    await bench.send_all(vectors[:1])
    await bench.drain()
    period = get_sim_steps(PERIOD_NS, "ns")
    assert (bench.result_times[0] - begin) // period == bench.latency_cycles
    bench.expect(model, vectors[1:])
    await bench.send_all(vectors[1:])
    await bench.drain()
    groups = bench.result_times[1::copies]
    steady = np.diff(groups[2 + prediction.pace.settling :])
    assert steady.tolist() == [bench.interval_cycles * period] * len(steady) and len(steady) > 4
    bounds = {
        "images": copies * bench.manifest["input"]["words"],
        "layer": max(layer.engine_cycles for layer in prediction.layers),
        "results": bench.manifest["output"]["classes"] + copies,
        "map": max(layer.map_cycles for layer in prediction.layers),
    }
    assert max(bounds.values()) == prediction.slowest_cycles
    met = [unit for unit, cycles in bounds.items() if cycles == prediction.interval_cycles]
    for unit in met or ["more than one"]:
        coverage.sample("interval.bound", unit)
