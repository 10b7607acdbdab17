# SPDX-License-Identifier: Apache-2.0
"""The stages, each described in one place: what it reads, writes and depends on, and how it is run and remembered."""
