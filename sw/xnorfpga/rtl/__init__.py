# SPDX-License-Identifier: Apache-2.0
"""From a design to Verilog and through its simulation: the only room that imports cocotb."""
