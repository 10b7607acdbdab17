# SPDX-License-Identifier: Apache-2.0
"""The network as integers and bits: the golden model and its files. No torch."""
