# SPDX-License-Identifier: Apache-2.0
"""From Verilog to resources and speed: Quartus, or Yosys' estimate."""
