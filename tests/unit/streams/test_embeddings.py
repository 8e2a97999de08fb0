from __future__ import annotations

import struct

import numpy as np
import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from streams.embeddings import (
    FactRecord,
    ViewRecord,
    WithdrawnRecord,
    decode,
    encode_facts,
    encode_view,
    encode_withdrawal,
    partition_for,
)

MODEL = "resnet50-thin@0123456789ab"
AT_MS = 1_795_429_800_250


def unit(dim: int = 256, seed: int = 0) -> NDArray[np.float32]:
    vector = np.random.default_rng(seed).normal(size=dim).astype(np.float32)
    return vector / np.linalg.norm(vector)


def view(vector: NDArray[np.float32], **other: object) -> tuple[bytes, bytes]:
    said: dict[str, object] = {
        "item_id": "sku-1",
        "view": "main",
        "model_id": MODEL,
        "picture_hash": 2**64 - 1,
        "at_ms": AT_MS,
    }
    return encode_view(vector=vector, **(said | other))  # type: ignore[arg-type]


@pytest.mark.parametrize("dim", [1, 8, 256, 2048])
def test_a_view_comes_back_as_it_was(dim: int) -> None:
    vector = unit(dim)
    record = decode(*view(vector, item_id="靴", view="från sidan"))
    assert isinstance(record, ViewRecord)
    assert (record.item_id, record.view, record.model_id) == ("靴", "från sidan", MODEL)
    assert (record.picture_hash, record.at_ms) == (2**64 - 1, AT_MS)
    assert record.vector.dtype == np.float16
    np.testing.assert_array_equal(record.vector, vector.astype(np.float16))
    assert not record.vector.flags.writeable


def test_a_view_of_256_components_takes_less_than_600_bytes() -> None:
    key, value = view(unit(256))
    assert len(key) + len(value) < 600


def test_the_key_is_the_item_and_the_part_so_that_a_newer_picture_replaces_an_older() -> None:
    assert view(unit(seed=1))[0] == view(unit(seed=2))[0] == b"sku-1\0v:main"
    assert view(unit(), view="back")[0] == b"sku-1\0v:back"


@pytest.mark.parametrize(
    "vector",
    [
        np.zeros(8),
        np.full(8, np.nan),
        np.full(8, np.inf),
        np.array([0.99, 0, 0]),
        np.array([1.01, 0, 0]),
        np.ones((1, 1)),
        np.array([]),
    ],
)
def test_what_is_no_unit_vector_is_not_written(vector: NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match="vector"):
        view(vector)


@pytest.mark.parametrize("wrong", [{"model_id": ""}, {"model_id": "a" * 256}, {"item_id": ""}])
def test_what_could_not_be_read_back_is_not_written(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="id"):
        view(unit(), **wrong)
    with pytest.raises(ValueError, match="separator"):
        view(unit(), item_id="sku\0v:main")


def test_each_fact_is_a_record_of_its_own() -> None:
    changes = encode_facts(
        "sku-1", {"labels": ("a", "b"), "group": None, "title": "Größe", "available": False}
    )
    records = [decode(key, value) for key, value in changes]
    assert records == [
        FactRecord("sku-1", "labels", ("a", "b")),
        FactRecord("sku-1", "group", None),
        FactRecord("sku-1", "title", "Größe"),
        FactRecord("sku-1", "available", False),
    ]
    assert list(encode_facts("sku-1", {})) == []


def test_a_withdrawal_is_a_marker_that_stays_and_tombstones_for_what_is_known() -> None:
    (key, value), *tombstones = encode_withdrawal("sku-1", AT_MS)
    assert decode(key, value) == WithdrawnRecord("sku-1", AT_MS)
    assert all(decode(key, value) is None for key, value in tombstones)
    assert {key for key, _ in tombstones} == {
        view(unit())[0],
        *(key for key, _ in encode_facts("sku-1", {"labels": (), "group": None})),
        *(key for key, _ in encode_facts("sku-1", {"title": None, "available": True})),
    }


def changed(value: bytes, at: int, byte: int) -> bytes:
    return value[:at] + bytes((byte,)) + value[at + 1 :]


KEY, VALUE = view(unit(8))
NAN = struct.pack("<e", float("nan"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, VALUE),
        (b"", VALUE),
        (b"sku-1", VALUE),
        (b"\0v:main", VALUE),
        (b"\xff\0v:main", VALUE),
        (b"a" * 9_000 + b"\0v:main", VALUE),
        (b"sku-1\0v:", VALUE),
        (b"sku-1\0x", VALUE),
        (b"sku-1", None),
        (KEY, b""),
        (KEY, VALUE[:10]),
        (KEY, VALUE[:-1]),
        (KEY, VALUE + b"\0"),
        (KEY, changed(VALUE, 0, 2)),
        (KEY, changed(VALUE, 1, 7)),
        (KEY, changed(VALUE, 2, 255)),
        (KEY, changed(VALUE, 3, 0)),
        (KEY, VALUE[:-2] + NAN),
        (KEY, VALUE[:-16] + bytes(16)),
        (b"sku-1\0w", b"\x01"),
        (b"sku-1\0f:title", b"\x01"),
        (b"sku-1\0f:title", b"\x01{"),
        (b"sku-1\0f:title", b"\x013"),
        (b"sku-1\0f:labels", b'\x01"a"'),
        (b"sku-1\0f:labels", b"\x01[1]"),
        (b"sku-1\0f:labels", b"\x01null"),
        (b"sku-1\0f:available", b"\x010"),
        (b"sku-1\0f:colour", b'\x01"red"'),
    ],
)
def test_garbage_is_a_value_error_that_is_safe_to_show(
    key: bytes | None, value: bytes | None
) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        decode(key, value)
    assert str(caught.value).isprintable()


@given(
    st.sampled_from([b"s\0v:main", b"s\0w", b"s\0f:labels", b"s\0f:available"]) | st.binary(),
    st.binary(max_size=80) | st.binary(max_size=80).map(lambda b: b"\x01" + b),
)
def test_any_bytes_are_a_record_or_a_value_error(key: bytes, value: bytes) -> None:
    try:
        record = decode(key, value)
    except ValueError:
        return
    assert record is not None
    assert record.item_id


def test_an_items_records_lie_where_a_clients_partitioner_puts_its_id() -> None:
    for item_id in ("sku-1", "靴", "a" * 200, "", "21"):
        for partitions in (1, 3, 8, 100):
            everywhere = list(range(partitions))
            expected = DefaultPartitioner()(item_id.encode(), everywhere, everywhere)
            assert partition_for(item_id, partitions) == expected


def test_the_partition_is_that_of_the_java_client() -> None:
    # From Apache Kafka's UtilsTest.testMurmur2: murmur2("21") is -973932308, and "foobar" and
    # "a-little-bit-long-string" are -790332482 and -985981536; the sign bit is dropped.
    for text, murmur2 in (
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
    ):
        assert partition_for(text, 1_000_003) == (murmur2 & 0x7FFFFFFF) % 1_000_003
