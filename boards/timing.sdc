# SPDX-License-Identifier: Apache-2.0
# Timing constraints. A word with a dollar sign is filled in by xnorfpga.synth.quartus.project, from board.toml and the
# ports that the top level has. No base clock is made up: without the option -create_base_clocks, a clock that is not
# constrained here is told as such.
create_clock -name {$clock} -period $period_ns [get_ports {$clock}]
derive_pll_clocks
derive_clock_uncertainty

# Buttons, switches, lamps and the serial port know no clock: the design synchronizes what comes in.
$asynchronous
