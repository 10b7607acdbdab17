# SPDX-License-Identifier: Apache-2.0
"""Generator of verified XNOR neural-network accelerators.

A room (sub-package) answers one question and imports only the rooms below it: see docs/architecture.md.
"""
