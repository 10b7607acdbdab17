# SPDX-License-Identifier: Apache-2.0
"""The suite's library: what drives and checks hardware, what is drawn at random, and what a run has met."""
