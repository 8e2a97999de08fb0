"""What is published of clicks, items and weights, as bytes: nobody's bytes are trusted."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.learning.interaction import Interaction, InteractionCorrupt, decode_interaction
from streams.core.learning.learner import Learner
from streams.core.learning.ranker import RankerWeights
from streams.core.learning.rules import BARRED, FACTORS
from streams.core.learning.signals import ItemSignals, SignalsCorrupt, decode_signals
from streams.core.learning.weights_codec import WeightsCorrupt, decode_weights, encode_weights
from tests.unit.core.learning.clicks import RULES, Clicker, history, keys


def an_interaction() -> Interaction:
    user = Clicker(lately=[1, 2, 3], likes=[2, 3], residual=np.arange(FACTORS, dtype=np.float32))
    return user.clicks(7, 12345, at_s=1.5e9)


def some_signals() -> ItemSignals:
    learner = Learner(RULES)
    for event in history(1, 2, 3):
        learner.learn(event)
    return learner.publish()[0]


def weights() -> RankerWeights:
    return RankerWeights(events=12, likes=7)


STORED: dict[str, tuple[bytes, Callable[[bytes], object], type[ValueError]]] = {
    "interaction": (an_interaction().encode(), decode_interaction, InteractionCorrupt),
    "signals": (some_signals().encode(), decode_signals, SignalsCorrupt),
    "weights": (encode_weights(weights()), decode_weights, WeightsCorrupt),
}


def test_an_interaction_comes_back_as_it_was():
    told = an_interaction()
    back = decode_interaction(told.encode())
    assert (back.partition, back.offset, back.item, back.at_s) == (0, 12345, 7, 1.5e9)
    assert (back.liked, back.first, back.liked_before) == (True, True, 2)
    assert (back.since_s, back.touched_before) == (60.0, 3)
    assert back.lately.tolist() == [3, 2, 1]
    assert back.likes.tolist() == [3, 2]
    assert back.residual.tolist() == told.residual.tolist()


@pytest.mark.parametrize("form", STORED)
def test_what_was_decoded_encodes_to_the_same_bytes(form):
    stored, decode, _ = STORED[form]
    back = decode(stored)
    assert (encode_weights(back) if isinstance(back, RankerWeights) else back.encode()) == stored


@pytest.mark.parametrize("form", STORED)
@given(data=st.data())
def test_cut_and_lengthened_bytes_are_refused(form, data):
    stored, decode, corrupt = STORED[form]
    cut = data.draw(st.integers(0, len(stored) - 1))
    with pytest.raises(corrupt):
        decode(stored[:cut])
    with pytest.raises(corrupt):
        decode(stored + b"\0")


@pytest.mark.parametrize("form", STORED)
@given(garbage=st.binary(max_size=2_100))
def test_garbage_is_refused(form, garbage):
    _, decode, corrupt = STORED[form]
    with pytest.raises(corrupt):
        decode(garbage)


@pytest.mark.parametrize("form", STORED)
@given(data=st.data())
def test_a_changed_byte_is_refused_or_gives_numbers_that_can_be_used(form, data):
    stored, decode, corrupt = STORED[form]
    at, byte = data.draw(st.integers(0, len(stored) - 1)), data.draw(st.integers(0, 255))
    changed = stored[:at] + bytes([byte]) + stored[at + 1 :]
    try:
        back = decode(changed)
    except corrupt:
        return
    for name in back.__slots__:
        value = np.asarray(getattr(back, name), np.float64)
        assert (np.isfinite(value) | (name == "since_s") & (value > 0.0)).all()


def test_no_record_makes_room_for_more_than_it_may_name():
    stored = bytearray(an_interaction().encode())
    stored[40:44] = bytes([255] * 4)
    with pytest.raises(InteractionCorrupt, match="65535"):
        decode_interaction(bytes(stored))


def test_a_negative_weight_is_refused():
    stored = bytearray(some_signals().encode())
    stored[-2:] = struct.pack("<H", 0xBC00)  # -1.0
    with pytest.raises(SignalsCorrupt, match="weight"):
        decode_signals(bytes(stored))


def test_an_interaction_with_full_lists_is_small():
    user = Clicker(lately=list(range(BARRED)), likes=list(range(50)))
    assert len(user.clicks(999, 0).encode()) == 1_988
    assert keys([1]).dtype == np.uint32
