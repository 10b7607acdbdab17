# SPDX-License-Identifier: Apache-2.0
"""Sweeps: many trainings, foldings and syntheses from one file, and one table of what came of them.

`spec` reads the file, `trial` does one trial in a process of its own, `run` hands them out, `results` keeps the table.
"""
