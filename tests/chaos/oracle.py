"""The oracle: what one clean pass over the logs makes, by the same pure core, in one process."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from streams.core import codec
from streams.core.apply import apply
from streams.core.crowd import Crowd
from streams.core.learning.course import Course
from streams.core.learning.interaction import Interaction, decode_interaction
from streams.core.learning.learner import Learner
from streams.core.learning.weights_codec import encode_weights
from streams.core.lessons import interaction_of, popular_by
from streams.core.profile import ClickFact, Profile
from streams.embeddings import FactRecord, ViewRecord, WithdrawnRecord, decode
from streams.errors import EventError
from streams.events import parse_click, parse_image
from streams.records import Record
from streams.settings import Settings
from streams.stores.item_index import ItemIndex
from tests.chaos.journal import Place
from tests.chaos.load import REFUSED_HEADER

Lesson = tuple[int, int]
"""A click, by its partition and offset."""


@dataclass(slots=True)
class Event:
    """One record of an input topic. `who`: the user or item. `sent_s`: its timestamp, seconds, or
    when the broker acknowledged it, where that is known."""

    place: Place
    who: str
    bad: bool
    sent_s: float


@dataclass(slots=True)
class Expected:
    """What the clicks make. `popularity`: item -> decayed count as of the last click."""

    profiles: dict[str, bytes] = field(default_factory=dict)
    popularity: dict[str, float] = field(default_factory=dict)
    lessons: dict[Lesson, bytes] = field(default_factory=dict)
    """What each click teaches; without her residual, unless what was learned stands still."""
    reference: float = 0.0
    """The log2 by which counts are scaled: `2 ** (stored - reference)` compares with ours."""


def place_of(record: Record) -> Place:
    """Where it lies."""
    return record.topic, record.partition, record.offset


def click_events(records: Iterable[Record], settings: Settings) -> list[Event]:
    """The log of clicks, and which of them are bad."""
    limits = settings.event_limits()
    events = []
    for record in records:
        try:
            who, bad = parse_click(record, limits).user_id, False
        except EventError:
            who, bad = (record.key or b"").decode(), True
        events.append(Event(place_of(record), who, bad, record.timestamp / 1000))
    return events


def image_events(records: Iterable[Record], settings: Settings) -> list[Event]:
    """The log of images. A picture that only its decoder refuses says so in a header."""
    limits = settings.event_limits()
    events = []
    for record in records:
        bad = any(name == REFUSED_HEADER for name, _ in record.headers)
        try:
            who = parse_image(record, limits).item_id
        except EventError:
            who, bad = (record.key or b"").decode(), True
        events.append(Event(place_of(record), who, bad, record.timestamp / 1000))
    return events


def expect(
    clicks: Iterable[Record],
    catalogue: ItemIndex,
    settings: Settings,
    crowd: Crowd | None = None,
) -> Expected:
    """Profiles and popularity after all of `clicks`, with what `catalogue` knows.

    clicks  in the order of the log: by partition, then offset.
    crowd   what had been learned before all of them, if it stands still: then residuals are
            expected too, in profiles and lessons.
    """
    rules, limits = settings.taste_rules(), settings.event_limits()
    profiles: defaultdict[str, Profile] = defaultdict(Profile)
    weights: defaultdict[str, list[float]] = defaultdict(list)
    lessons: dict[Lesson, bytes] = {}
    for record in clicks:
        try:
            click = parse_click(record, limits)
        except EventError:
            continue
        fact = ClickFact(click.item_id, click.kind, click.at_s, click.dwell_s)
        source = f"{record.topic}-{record.partition}"
        profile = profiles[click.user_id]
        told = interaction_of(profile, fact, record.partition, record.offset, rules)
        if profile.applied(source, record.offset):
            told = None
        weight = popular_by(profile, fact, rules)
        apply(profile, fact, source, record.offset, catalogue=catalogue, rules=rules)
        if told is not None:
            lessons[record.partition, record.offset] = lesson(told, whole=crowd is not None)
            if crowd is not None and told.liked:
                profile.residual = crowd.residual_after(told)
        if weight > 0.0:
            decayed = math.log2(weight) + click.at_s / settings.popularity_half_life_s
            weights[click.item_id].append(decayed)
    reference = max((max(each) for each in weights.values()), default=0.0)
    return Expected(
        {user: codec.encode(profile) for user, profile in profiles.items()},
        {
            item: math.fsum(2.0 ** (weight - reference) for weight in each)
            for item, each in weights.items()
        },
        lessons,
        reference,
    )


def lesson(told: Interaction, *, whole: bool) -> bytes:
    """An interaction as bytes; unless `whole`, but for her residual."""
    if not whole:
        told = replace(told, residual=np.zeros_like(told.residual))
    return told.encode()


def lessons_told(records: Iterable[Record], *, whole: bool) -> dict[Lesson, bytes]:
    """What was told of each click, the first time, as `lesson` has it."""
    first: dict[Lesson, bytes] = {}
    for record in records:
        told = decode_interaction(record.value or b"")
        first.setdefault((told.partition, told.offset), lesson(told, whole=whole))
    return first


def learn(records: Iterable[Record], settings: Settings) -> dict[bytes, bytes]:
    """What one clean pass over `interactions` teaches: by key, of both topics of the learner."""
    rules = settings.learning_rules()
    course = Course(Learner(rules), settings.learning_schedule())
    for record in records:
        event = decode_interaction(record.value or b"")
        if not course.knows(event):
            course.turn_to(record.timestamp)
            course.learn(event)
        course.passed(record.offset, record.timestamp)
    learner = course.learner
    found = {b"weights": encode_weights(learner.trainer.served(learner.events))}
    for key in learner.crowd.keys[: learner.size].tolist():
        # What has changed since it was published is copied as it is now. The rest stands as it was
        # published, though as one of those that were not chosen its factors may have moved since.
        item = learner.known(key) if key in learner.dirty else learner.table.item(key)
        if item is not None:
            found[b"%08x" % key] = item.encode()
    return found


Items = Mapping[str, Any]


def items_of(index: ItemIndex) -> dict[str, Any]:
    """Everything an index holds, comparable: facts, and each view's hash and vector.

    Without the time of the first picture: compaction may have removed the record that told it.
    """
    state = index.state
    found: dict[str, Any] = {}
    for number in range(len(state.table)):
        saved = state.saved(number)
        if saved is None:
            continue
        views = {
            view.name: (view.picture_hash, state.rows.vectors[view.row].tobytes())
            for view in saved.views
        }
        found[saved.item_id] = (saved.facts, views)
    return found


def stories_published(records: Iterable[Record], settings: Settings) -> dict[str, Any]:
    """What the log of images says of each item in the end: when its picture was sent, and facts."""
    limits = settings.event_limits()
    stories: dict[str, dict[str, Any]] = {}
    for record in records:
        if any(name == REFUSED_HEADER for name, _ in record.headers):
            continue
        try:
            event = parse_image(record, limits)
        except EventError:
            continue
        if event.withdrawn:
            stories[event.item_id] = {}
            continue
        story = stories.setdefault(event.item_id, {})
        if event.picture is not None:
            story["picture"] = record.timestamp
        story |= {name: value for name, value in event.facts.items() if value is not None}
    return {item: story for item, story in stories.items() if story}


def stale_items(records: Iterable[Record]) -> list[str]:
    """Items whose newest picture or withdrawal in the log was not the newest event, until the next.

    As far as compaction has left the records that show it.
    """
    newest: dict[str, int] = {}
    current: dict[str, int] = {}
    found = []
    for record in records:
        match decode(record.key, record.value):
            case ViewRecord(item_id=item, at_ms=at_ms) | WithdrawnRecord(item, at_ms):
                if at_ms > newest.get(item, -1):
                    if current.get(item, -1) != newest.get(item, -1):
                        found.append(f"{item}: {current[item]} after {newest[item]}, until {at_ms}")
                    newest[item] = at_ms
                current[item] = at_ms
    return found


def stories_embedded(records: Iterable[Record]) -> dict[str, Any]:
    """The same, as the log of `item-embeddings` tells it."""
    stories: dict[str, dict[str, Any]] = {}
    for record in records:
        match decode(record.key, record.value):
            case ViewRecord() as view:
                stories.setdefault(view.item_id, {})["picture"] = view.at_ms
            case FactRecord() as fact if fact.value is not None:
                stories.setdefault(fact.item_id, {})[fact.name] = fact.value
            case WithdrawnRecord() as gone:
                stories[gone.item_id] = {}
    return {item: story for item, story in stories.items() if story}
