# SPDX-License-Identifier: Apache-2.0
"""Which pictures, and how they are split."""
