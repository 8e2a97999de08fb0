"""The codes of refused pictures are the reasons of dead letters."""

from __future__ import annotations

from typing import TypeVar

import pytest

from inference import errors
from inference.errors import ModelError, PictureError
from streams.errors import Reason

E = TypeVar("E", bound=Exception)
PICTURE_REASONS = {
    Reason.NOT_A_PICTURE,
    Reason.FORMAT_NOT_ALLOWED,
    Reason.TRUNCATED_PICTURE,
    Reason.BROKEN_PICTURE,
    Reason.EMPTY_PICTURE,
    Reason.TOO_MANY_BYTES,
    Reason.TOO_MANY_PIXELS,
    Reason.TOO_MANY_FRAMES,
    Reason.DECOMPRESSION_BOMB,
}


def descendants(root: type[E]) -> list[type[E]]:
    """Every subclass, in the order in which the file defines them."""
    return [kind for child in root.__subclasses__() for kind in (child, *descendants(child))]


@pytest.mark.parametrize("kind", descendants(PictureError))
def test_every_picture_error_carries_a_dead_letter_reason(kind: type[PictureError]) -> None:
    assert Reason(kind.code) in PICTURE_REASONS


def test_every_picture_reason_has_exactly_one_class() -> None:
    codes = sorted(kind.code for kind in descendants(PictureError))
    assert codes == sorted(PICTURE_REASONS)


@pytest.mark.parametrize("root", [PictureError, ModelError])
def test_the_tree_at_the_top_of_the_file_names_every_class(root: type[Exception]) -> None:
    drawn = (errors.__doc__ or "").split()
    names = [kind.__name__ for kind in (root, *descendants(root))]
    assert [name for name in names if name not in drawn] == []


def test_the_detail_of_a_picture_error_is_its_message() -> None:
    refused = errors.TooManyBytes("11 bytes, at most 10 are read")
    assert refused.detail == str(refused) == "11 bytes, at most 10 are read"
