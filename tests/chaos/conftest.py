"""What the harness needs on this machine; without it, it is skipped loudly."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.kafka import KafkaMissing, fetch_libraries
from tests.support.valkey import ValkeyMissing, find_server


@pytest.fixture
def servers(not_tested: Callable[[str, str], None]) -> None:
    """A real Kafka and a real store can be run here."""
    try:
        fetch_libraries()
        find_server()
    except (KafkaMissing, ValkeyMissing) as missing:
        not_tested("the fault harness", str(missing))
        pytest.skip(str(missing))
