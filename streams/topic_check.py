"""How the topics on a broker differ from what topics.py declares, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from streams.text import printable
from streams.topic_kinds import Topic

# Without these lookstream would lose lists, embeddings or pictures. The rest is tuning.
_VITAL = ("cleanup.policy", "max.message.bytes")


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the broker has it. `config` holds only what the broker tells."""

    partitions: int
    replication_factor: int
    config: Mapping[str, str]


HIDDEN = Found(0, 0, {})
"""A topic that may be there: we have no right to see it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a topic is not as declared, and what to do about it.

    `vital`: lookstream doesn't work right with it. Otherwise it is a choice one may have made.
    """

    topic: str
    what: str
    remedy: str
    vital: bool = True
    config: tuple[str, str] | None = None
    """Name and wanted value, where `topics create --fix` can set it."""


def differences(
    topics: Iterable[Topic],
    found: Mapping[str, Found],
    *,
    partitions: int,
    replication_factor: int,
    kafka: str = "HOST:PORT",
) -> list[Difference]:
    """Everything in which `found` is not what `topics` and the settings say."""
    listed: list[Difference] = []
    for topic in topics:
        have = found.get(topic.name)
        if have is None:
            remedy = "Run `lookstream topics create`."
            listed.append(Difference(topic.name, "is missing", remedy))
            continue
        if have is HIDDEN:
            remedy = "Look with a user who may describe it: deploy/kafka/acls.sh has an operator."
            listed.append(Difference(topic.name, "is hidden from us", remedy, vital=False))
            continue
        listed += _partitions(topic, have.partitions, topic.partitions or partitions)
        if have.replication_factor < replication_factor:
            listed.append(
                Difference(
                    topic.name,
                    f"is kept {have.replication_factor} times, "
                    f"not {replication_factor} (LOOKSTREAM_REPLICATION_FACTOR)",
                    "Reassign its partitions with kafka-reassign-partitions, or change the "
                    "setting.",
                    vital=False,
                )
            )
        listed += _configs(topic, have.config, kafka)
    return listed


def _partitions(topic: Topic, have: int, want: int) -> Iterator[Difference]:
    if have == want:
        return
    if topic.partitions is not None:
        yield Difference(
            topic.name, f"has {have} partitions, not {want}", f"Create it again with {want}."
        )
        return
    yield Difference(
        topic.name,
        f"has {have} partitions, not {want} (LOOKSTREAM_PARTITIONS)",
        f"If {have} is what you want, set LOOKSTREAM_PARTITIONS={have}. "
        f"Before you change the topic: {topic.repartition}",
        vital=have < want,  # topics may well differ; then the setting says the least of them
    )


def _configs(topic: Topic, have: Mapping[str, str], kafka: str) -> Iterator[Difference]:
    for name, want in topic.config.items():
        value = have.get(name)
        if value is None or _suffices(name, value, want):
            continue
        why = topic.why.get(name)
        yield Difference(
            topic.name,
            f"has {name}={printable(value)}, not {want}" + (f": {why}" if why else ""),
            "Run `lookstream topics create --fix`, or kafka-configs.sh --bootstrap-server "
            f"{kafka} --alter --entity-type topics --entity-name {topic.name} "
            f"--add-config {name}={want}",
            vital=name in _VITAL,
            config=(name, want),
        )


def _suffices(name: str, have: str, want: str) -> bool:
    """Larger messages than needed are fine; anything else is to be as declared."""
    if name == "max.message.bytes" and have.isdecimal():
        return int(have) >= int(want)
    if _is_number(have) and _is_number(want):
        return float(have) == float(want)
    return have == want


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal()
