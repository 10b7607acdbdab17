# SPDX-License-Identifier: Apache-2.0
"""Training and export: the only room that imports torch."""
