# SPDX-License-Identifier: Apache-2.0
"""What the tests of design files share."""

import pytest

from xnorfpga.base.errors import UserError
from xnorfpga.design import designs


@pytest.fixture
def loads_or_says(tmp_path):
    """Return a check of a design file in which `old` became `new`.

    It is loaded where `accepted` is None; else one line begins with the key and says what is accepted.
    """

    def check(good: str, old: str, new: str, key: str, accepted: str | None) -> None:
        path = tmp_path / "bad.toml"
        assert old in good
        path.write_text(good.replace(old, new, 1))
        if accepted is None:
            designs.load(path)
            return
        with pytest.raises(UserError) as caught:
            designs.load(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: {key}"), message
        assert accepted in message
        assert "\n" not in message

    return check
