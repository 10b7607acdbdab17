# SPDX-License-Identifier: Apache-2.0
"""What is wanted, and what it will cost, before anything is built."""
