# SPDX-License-Identifier: Apache-2.0
"""Quartus: writes a project and runs the tools, and reads what their reports say."""
