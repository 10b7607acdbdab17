# SPDX-License-Identifier: Apache-2.0
"""Generator of verified XNOR neural-network accelerators: one module a stage, in the order of the flow.

design → train → export → elaborate → simulate → synth → report
"""
