# SPDX-License-Identifier: Apache-2.0
"""The one error that a user sees."""


class UserError(Exception):
    """Bad input or a missing tool: one clear line for the user, never a traceback.

    The message names the file, the key or tool, the value found, and what would be accepted.
    """
