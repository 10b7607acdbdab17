# SPDX-License-Identifier: Apache-2.0
"""Networks that come from elsewhere and go elsewhere, as integer models."""
