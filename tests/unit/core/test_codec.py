"""A profile as bytes."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.codec import VERSION, ProfileCorrupt, decode, encode, without_residual
from streams.core.profile import ClickFact, KeyMemory, Profile
from streams.core.rules import KINDS, TasteRules
from tests.unit.core.histories import histories
from tests.unit.core.worlds import NOW_S, World, visit

WORLD = World()
HEAD_BYTES = struct.calcsize("<2sBB7HBIId")


@given(histories)
def test_what_was_decoded_encodes_to_the_same_bytes(history):
    stored = encode(visit(WORLD, history))
    assert encode(decode(stored)) == stored


def test_an_empty_profile_has_a_form_too():
    assert encode(decode(encode(Profile()))) == encode(Profile())


@pytest.mark.parametrize(("id_bytes", "most"), [(12, 5_800), (20, 6_144)])
def test_a_full_profile_takes_6_kb(id_bytes, most):
    model_id = "resnet50-thin@0123456789ab/256"
    long_ids = World(dim=256, per_taste=400, id_bytes=id_bytes, model_id=model_id)
    rng = np.random.default_rng(1)
    profile = visit(
        long_ids,
        [
            ClickFact(long_ids.ids[n], KINDS[i % len(KINDS)], NOW_S + i, dwell_s=30.0)
            for i, n in enumerate(rng.permutation(2400))
        ],
    )
    assert (len(profile.interests), len(profile.repelled)) == (5, 2)
    assert (len(profile.recent), len(profile.seen), len(profile.hidden)) == (40, 300, 64)
    profile.residual = bytes(64)
    assert 5_500 < len(encode(profile)) <= most


@given(histories, st.data())
def test_a_cut_profile_is_refused(history, data):
    stored = encode(visit(WORLD, history[:5]))
    text_bytes = len(stored.split(b"model-1")[-1])
    cut = data.draw(st.integers(0, len(stored) - text_bytes - 1))
    with pytest.raises(ProfileCorrupt):
        decode(stored[:cut])


@given(st.binary(max_size=300))
def test_garbage_is_refused(garbage):
    with pytest.raises(ProfileCorrupt):
        decode(garbage)


@given(histories, st.data())
def test_a_changed_byte_is_refused_or_read_as_what_it_says(history, data):
    stored = bytearray(encode(visit(WORLD, history[:5])))
    at = data.draw(st.integers(0, len(stored) - 1))
    stored[at] ^= data.draw(st.integers(1, 255))
    try:
        profile = decode(bytes(stored))
    except ProfileCorrupt:
        return
    if stored[2] == VERSION:  # an older version becomes this one
        assert encode(profile) == bytes(stored)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1.0])
def test_a_weight_that_is_none_is_refused(weight):
    stored = bytearray(encode(visit(WORLD, [ClickFact("0/1", "like", NOW_S)])))
    at = HEAD_BYTES
    stored[at : at + 8] = struct.pack("<d", weight)
    with pytest.raises(ProfileCorrupt, match="negative or not finite"):
        decode(bytes(stored))


def test_whatever_is_in_the_place_of_a_vector_is_one():
    stored = bytearray(encode(visit(WORLD, [ClickFact("0/1", "like", NOW_S)])))
    at = HEAD_BYTES + struct.calcsize("<2d1q")
    stored[at : at + 8] = struct.pack("<4h", -(2**15), 2**15 - 1, 0, 1)
    profile = decode(bytes(stored))
    assert profile.interests.vectors[0, :4].tolist() == [-2.0, 2.0 - 2**-14, 0.0, 2**-14]
    assert encode(profile) == bytes(stored)


def test_another_version_is_refused_by_its_number():
    stored = bytearray(encode(Profile()))
    stored[2] = 9
    with pytest.raises(ProfileCorrupt, match="version 9"):
        decode(bytes(stored))


@given(histories)
def test_a_profile_of_the_version_before_is_read(history):
    new = visit(WORLD, history)
    new.likes, new.liked = KeyMemory(), 0
    stored = encode(new)
    magic, _, _, *counts, _, _, events, clock_s = struct.unpack_from("<2sBB7HBIId", stored)
    old = struct.pack("<2sBx7HId", magic, 1, *counts, events, clock_s) + stored[HEAD_BYTES:]
    assert encode(decode(old)) == stored


@given(histories)
def test_without_its_residual_a_profile_follows_from_her_events(history):
    profile = visit(WORLD, history)
    stored = encode(profile)
    profile.residual = np.arange(32, dtype="<f2").tobytes()
    learned = encode(profile)
    assert decode(learned).residual == profile.residual
    assert len(learned) == len(stored) + 64
    assert without_residual(learned) == without_residual(stored) == stored


def test_a_residual_that_is_no_number_is_refused():
    profile = Profile(residual=np.full(32, np.nan, "<f2").tobytes())
    with pytest.raises(ProfileCorrupt, match="residual"):
        decode(encode(profile))


def test_a_profile_of_wider_rules_is_narrowed_at_the_next_click():
    profile = decode(encode(visit(WORLD, [ClickFact(f"{i}/{i}", "like", NOW_S) for i in range(5)])))
    narrow = TasteRules(interests=2, repelled=1, recent=3, pending=1, seen=3, hidden=1)
    visit(WORLD, [ClickFact("5/5", "like", NOW_S)], profile, narrow)
    assert (len(profile.interests), len(profile.recent), len(profile.seen)) == (2, 3, 3)
