# SPDX-License-Identifier: Apache-2.0
"""What every room may use: paths, the one error, files, processes and tools. It knows nothing of networks."""
