# SPDX-License-Identifier: Apache-2.0
"""The simulator's processes: Ctrl-C ends them, as any tool of ours, and stays what it was for whatever comes after."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from xnorfpga.base import process
from xnorfpga.rtl import verilator


@pytest.fixture
def simulator(tmp_path):
    return verilator._Simulator(toplevel="top", module="", verilog_sources=[], sim_build=str(tmp_path))


def test_the_handlers_of_signals_stay_as_they_were(simulator):
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_ctrl_c_ends_the_simulator_and_what_it_started(simulator, tmp_path):
    child = tmp_path / "child"

    def press() -> None:
        while not child.exists() or not child.read_text():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    simulator.set_env()
    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        simulator.execute([["sh", "-c", "sleep 300 & echo $! > child; echo started; wait"]])
    status = Path(f"/proc/{child.read_text().strip()}/status")
    for _ in range(50):
        if not status.exists() or "\nState:\tZ" in status.read_text():
            return
        time.sleep(0.1)
    pytest.fail("what the simulator started is still there")


def test_what_the_simulator_says_and_its_failure_are_kept(simulator, caplog):
    simulator.set_env()
    with caplog.at_level("INFO", "cocotb"), pytest.raises(process.Failed, match="sh ended with exit code 3"):
        simulator.execute([["sh", "-c", "echo said; echo cried >&2; exit 3"]])
    assert caplog.messages[1:] == ["said", "cried"]
