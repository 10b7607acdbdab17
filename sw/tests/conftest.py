# SPDX-License-Identifier: Apache-2.0
"""One thread for torch in each test process: on shared cores its threads wait for each other more than they work."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
