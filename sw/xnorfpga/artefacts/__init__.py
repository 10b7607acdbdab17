# SPDX-License-Identifier: Apache-2.0
"""The files between two stages, one strict class each, used by the stage that writes it and by all that read it."""
