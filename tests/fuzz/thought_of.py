"""What hypothesis thinks of: records for the parsers, from its own strategies, by a seed.

Hypothesis draws them a block at a time; which ones follows from the seed, the block, and the
version of hypothesis.
"""

from __future__ import annotations

import base64
import json
from functools import lru_cache

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.case import CLICKS, IMAGES, MARK, NOW_MS, Case

BLOCK = 40

_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(
        ["", "*", "1.0", "dwell", "2026-11-23T10:30:60Z", "true", MARK, "\x1b" + MARK]
    )
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
_names = st.sampled_from(
    [
        "user_id",
        "item_id",
        "kind",
        "at",
        "id",
        "dwell_s",
        "list_id",
        "view",
        "labels",
        "group",
        "title",
        "available",
        "specversion",
        "data",
        "data_base64",
        "datacontenttype",
        "subject",
        "time",
        "picture",
        "base64",
        "uri",
    ]
)
_objects = st.recursive(
    st.dictionaries(_names, _values),
    lambda inner: st.dictionaries(_names, inner | _values),
    max_leaves=5,
)
# ASCII with escapes, so that lone surrogates pass, and NaN, as Python writes them
_json = _objects.map(lambda value: json.dumps(value).encode())
_bodies = (
    st.binary(max_size=300)
    | _json
    | _objects.map(lambda o: json.dumps({"specversion": "1.0", "data": o}).encode())
    | st.binary(max_size=60).map(
        lambda b: json.dumps(
            {"specversion": "1.0", "data_base64": base64.b64encode(b).decode()}
        ).encode()
    )
    | st.binary(max_size=60).map(lambda b: b'{"item_id":"' + b + b'"}')
    | _objects.map(lambda o: json.dumps({"item_id": MARK, **o}).encode())
)
_header_names = (
    st.sampled_from(
        [
            "view",
            "labels",
            "group",
            "title",
            "available",
            "content-type",
            "ce_specversion",
            "ce_subject",
            "ce_time",
            "ce_id",
            "ce_labels",
            "CE_TITLE",
        ]
    ).map(str.encode)
    | st.text(max_size=12).map(str.encode)
    | st.binary(max_size=12)
)
_header_values = (
    st.none()
    | st.binary(max_size=30)
    | st.sampled_from(
        (b"1.0", b"application/json", b"application/cloudevents+json", b'["', b"\xff")
    )
)
_cases = st.builds(
    Case,
    kind=st.just("hypothesis"),
    topic=st.sampled_from((IMAGES, CLICKS)),
    key=st.none() | st.binary(max_size=30) | st.just(MARK.encode()),
    value=st.none() | _bodies,
    headers=st.lists(st.tuples(_header_names, _header_values), max_size=6).map(tuple),
    timestamp_ms=st.just(NOW_MS) | st.integers(-(2**63), 2**63 - 1),
)


def thought_of(run_seed: int, number: int) -> Case:
    """The case of that number: the next of a block for the next number."""
    block = _block(run_seed, number // BLOCK)
    return block[number % len(block)]


@lru_cache(maxsize=2)
def _block(run_seed: int, block: int) -> list[Case]:
    found: list[Case] = []

    @seed(run_seed * 1_000_003 + block)
    @settings(
        max_examples=BLOCK,
        database=None,
        derandomize=False,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_cases)
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found
