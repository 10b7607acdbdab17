# SPDX-License-Identifier: Apache-2.0
"""The simulated board's pseudo-terminal; what the board does is in verif/test_board.py."""

import os
from pathlib import Path

import pytest

from xnorfpga.base.errors import UserError
from xnorfpga.rtl import board


def test_bytes_pass_unchanged_in_both_directions(tmp_path):
    """Every value, delimiters and control characters too; `cat` stands for the simulator."""
    echo = tmp_path / "echo"
    echo.write_text("#!/bin/sh\nexec cat\n")
    echo.chmod(0o755)
    with board.simulated(echo, tmp_path) as simulation:
        port = os.open(simulation.port, os.O_RDWR | os.O_NOCTTY)
        os.write(port, bytes(range(256)))
        came = b""
        while len(came) < 256:
            came += os.read(port, 256)
        os.close(port)
        assert came == bytes(range(256))
    assert simulation.process.poll() is not None, "the simulator is still there"


def test_a_simulator_that_breaks_down_is_told(tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho '%Error: w_0.bin not found' >&2\nexit 3\n")
    broken.chmod(0o755)
    told = r"broken: the simulator ended with exit code 3: %Error: w_0\.bin not found"
    with pytest.raises(UserError, match=told), board.simulated(broken, tmp_path) as simulation:
        simulation.wait()


def test_a_simulator_that_is_not_there(tmp_path):
    told = "absent: cannot run: No such file"
    with pytest.raises(UserError, match=told), board.simulated(Path(tmp_path / "absent"), tmp_path):
        pass
