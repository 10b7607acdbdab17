# SPDX-License-Identifier: Apache-2.0
"""The computer at the other end of the board's serial cable: the only room that imports pyserial and COBS."""
