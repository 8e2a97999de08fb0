"""What the tests of the parsers share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from streams.errors import EventError, Reason


@contextmanager
def refused(reason: Reason, about: str = "") -> Iterator[None]:
    """The block refuses an event for `reason`; the detail says `about` and is safe to show."""
    with pytest.raises(EventError) as caught:
        yield
    assert caught.value.reason == reason, caught.value.detail
    assert about in caught.value.detail
    assert caught.value.detail.isprintable()
