"""What a topic is, and how compacted ones are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
MIB = 1024 * 1024

Direction = Literal["in", "out", "internal"]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `config` holds what Kafka is told, by Kafka's names; `why` says what for."""

    name: str
    direction: Direction
    what: str
    written_by: str
    read_by: str
    key: str
    value: str
    config: Mapping[str, str]
    why: Mapping[str, str] = field(default_factory=dict)
    partitions: int | None = None
    """Partitions this topic always has. None: as many as the operator's setting says."""
    repartition: str = ""
    """What happens when somebody adds partitions later."""

    @property
    def compacted(self) -> bool:
        """Whether Kafka keeps the newest record of each key, for ever."""
        return self.config["cleanup.policy"] == "compact"

    @property
    def max_message_bytes(self) -> int:
        """The largest record batch that the topic takes."""
        return int(self.config["max.message.bytes"])


# A segment is compacted only after it was closed, and closes only when it is full or old. With
# Kafka's defaults (1 GiB, 7 days) a small compacted topic would be read whole at every start.
COMPACTION = {
    "cleanup.policy": "compact",
    "segment.bytes": str(64 * MIB),
    "segment.ms": str(HOUR_MS),
    "min.cleanable.dirty.ratio": "0.2",
    "max.compaction.lag.ms": str(DAY_MS),
    "delete.retention.ms": str(DAY_MS),
}
WHY_COMPACTION = {
    "cleanup.policy": "the newest record of each key is kept, for ever",
    "segment.bytes": "only closed segments are compacted, so they are kept small",
    "segment.ms": "and closed every hour, full or not",
    "min.cleanable.dirty.ratio": "compact when a fifth is outdated: what is read at a start "
    "stays close to what is needed",
    "max.compaction.lag.ms": "and within a day in any case",
    "delete.retention.ms": "a reader that is at most this late still sees what was deleted",
}
