# SPDX-License-Identifier: Apache-2.0
"""One thread for torch in each test process: on shared cores its threads wait for each other more than they work."""

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell starts what it runs in the background deaf to Ctrl-C, and tests of Ctrl-C would fail there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
