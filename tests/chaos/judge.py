"""The judge: from what was seen to a list of differences. Pure; an empty list is a clean run.

What "exactly once" means here. A worker stores, publishes, and only then commits; it can be killed
between any two of these. Its journal's last line for a batch comes after the publishing. So:

- Every event of the log is finished at least once: applied, duplicate or dead-lettered.
- No event is finished as *applied* twice by recommenders. The store decides that: whoever comes
  second finds the offset in the profile.
- An event that was never finished as applied, only as a duplicate, must have a delivery that came
  to no end (killed, or let go): there it was stored, and the process died before it could say so.
  That its effect then exists exactly once is proven by the profile, which equals the oracle's.
- No event is both applied and dead-lettered, and it is dead-lettered if and only if the oracle
  refuses it too.
- The dead-letter topic holds each refused event once; a second copy is allowed only where the
  event was delivered again (at-least-once, as documented).
- The embedder keeps no state: what is delivered again is applied again. Its effect is judged by
  the end of each item's story: as the log of images tells it, and as item-embeddings does.

"Deliveries" are records handed to a handler. Each of them was finished, let go, or cut off by the
death of its process, and only one batch of a process can be cut off.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.journal import CUT_OFF, Account, Delivery, Place, finishes
from tests.chaos.oracle import Event, Expected, Lesson
from tests.chaos.slots import Life
from tests.chaos.stalls import Stall

APPLIED, DUPLICATE, DEAD = "applied", "duplicate", "dead-lettered"
POPULARITY_TOLERANCE = 1e-9


@dataclass(slots=True)
class Evidence:
    """All that was seen. See collect.py for where it comes from.

    lists     (key, list id) as they lie in the topic, by partition and offset.
    letters   place of the original -> copies in the dead-letter topic.
    stored    user -> bytes in the store, None where there are none; without the residual, unless
              what was learned stood still. `stored_popularity` by item, scaled as the expected one.
    lessons   what was told of each click, the first time; `copies_of_lessons` how many there are.
    learned   the newest records of the learner's topics; `to_be_learned`: of one clean pass, or
              what stood there before a learner that is frozen.
    indexes   worker -> its items, of all that were stopped in order at the end.
    """

    clicks: list[Event]
    images: list[Event]
    expected: Expected
    lives: list[Life] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    lists: list[tuple[str, str]] = field(default_factory=list)
    letters: Mapping[Place, int] = field(default_factory=dict)
    stored: Mapping[str, bytes | None] = field(default_factory=dict)
    stored_popularity: Mapping[str, float] = field(default_factory=dict)
    items: Mapping[str, Any] = field(default_factory=dict)
    indexes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    published_stories: Mapping[str, Any] = field(default_factory=dict)
    embedded_stories: Mapping[str, Any] = field(default_factory=dict)
    stale_items: Sequence[str] = ()
    compacted_away: int = 0
    lessons: Mapping[Lesson, bytes] = field(default_factory=dict)
    copies_of_lessons: int = 0
    learned: Mapping[bytes, bytes] = field(default_factory=dict)
    to_be_learned: Mapping[bytes, bytes] = field(default_factory=dict)
    learner_topic: str = ""
    stalls: Sequence[Stall] = ()
    stall_limit_s: float = 60.0
    undrained: Sequence[str] = ()
    orphans: Sequence[str] = ()
    unpublished: Sequence[str] = ()


@dataclass(slots=True)
class Difference:
    """One thing that is not as it must be: how often, and the first of whom it concerns."""

    what: str
    whom: list[str]

    def __str__(self) -> str:
        shown = "; ".join(self.whom[:5])
        more = f"; and {len(self.whom) - 5} more" if len(self.whom) > 5 else ""
        return f"{self.what} ({len(self.whom)}): {shown}{more}"


def judge(seen: Evidence) -> list[Difference]:
    """Every difference; none if all promises were kept."""
    checks: Sequence[Callable[[Evidence], Iterable[Difference]]] = (
        _drained,
        _profiles,
        _popularity,
        _outcomes,
        _deliveries,
        _letters,
        _lists,
        _items,
        _lessons,
        _learned,
        _stalls,
        _ends,
    )
    return [found for check in checks for found in check(seen) if found.whom]


def text(place: Place) -> str:
    """A place as people write it."""
    return "{}-{}@{}".format(*place)


def _drained(seen: Evidence) -> Iterable[Difference]:
    yield Difference("not worked off at the end", list(seen.undrained))
    yield Difference("the producer could not publish", list(seen.unpublished))


def _profiles(seen: Evidence) -> Iterable[Difference]:
    expected = seen.expected.profiles
    wrong = [user for user in sorted(expected) if seen.stored.get(user) != expected[user]]
    last = {event.who: event for event in seen.clicks if not event.bad}
    whom = [
        f"user {user}, last click {text(last[user].place) if user in last else 'none'}"
        + (" (no profile)" if seen.stored.get(user) is None else "")
        for user in wrong
    ]
    yield Difference("profiles that differ from one clean pass over the log", whom)


def _popularity(seen: Evidence) -> Iterable[Difference]:
    expected, stored = seen.expected.popularity, seen.stored_popularity
    whom = [
        f"item {item}: {stored.get(item, 0.0):.12g}, not {expected.get(item, 0.0):.12g}"
        for item in sorted(expected.keys() | stored.keys())
        if abs(stored.get(item, 0.0) - expected.get(item, 0.0))
        > POPULARITY_TOLERANCE * max(expected.get(item, 0.0), 1e-300)
    ]
    yield Difference("popularity that differs from one clean pass over the log", whom)


def _outcomes(seen: Evidence) -> Iterable[Difference]:
    deliveries = [delivery for account in seen.accounts for delivery in account.deliveries]
    outcomes: defaultdict[Place, Counter[str]] = defaultdict(Counter)
    for place, outcome, _ in finishes(deliveries):
        outcomes[place][outcome] += 1
    unfinished = {place for each in deliveries if each.ended for place in each.places}
    lost, twice, both, wrong, unproven = [], [], [], [], []
    clicks = {event.place for event in seen.clicks}
    for event in (*seen.clicks, *seen.images):
        found = outcomes.get(event.place)
        name = text(event.place)
        if not found:
            lost.append(name)
            continue
        if found[APPLIED] > 1 and event.place in clicks:
            twice.append(name)
        if found[DEAD] and (found[APPLIED] or found[DUPLICATE]):
            both.append(name)
        elif bool(found[DEAD]) != event.bad:
            wrong.append(f"{name} is {'bad' if event.bad else 'good'}, and was {dict(found)}")
        elif not found[DEAD] and not found[APPLIED] and event.place not in unfinished:
            unproven.append(name)
    known = {event.place for event in (*seen.clicks, *seen.images)}
    yield Difference("events never finished", lost)
    yield Difference("events applied twice", twice)
    yield Difference("events applied and dead-lettered", both)
    yield Difference("events with the wrong outcome", wrong)
    yield Difference("events taken for duplicates that nobody had applied", unproven)
    strange = [
        text(place) for place in outcomes if place not in known and place[0] != seen.learner_topic
    ]
    yield Difference("events finished that are not in the log", strange)


def _deliveries(seen: Evidence) -> Iterable[Difference]:
    lives = {life.name: life for life in seen.lives}
    uncounted, left_open = [], []
    for account in seen.accounts:
        cut_off = [each for each in account.deliveries if each.ended == CUT_OFF]
        life = lives.get(account.worker)
        killed = life is not None and life.code != 0
        if len(cut_off) > int(killed):
            left_open.append(f"{account.worker}: {len(cut_off)} batches")
        uncounted += [_shown(each) for each in account.deliveries if not _sums_up(each)]
    yield Difference("deliveries without exactly one outcome", uncounted)
    yield Difference("workers that lost sight of a batch", left_open)


def _sums_up(delivery: Delivery) -> bool:
    if delivery.ended:
        return not delivery.outcomes
    known = {APPLIED, DUPLICATE, DEAD}
    return len(delivery.outcomes) == len(delivery.places) and set(delivery.outcomes) <= known


def _shown(delivery: Delivery) -> str:
    return f"{delivery.worker} from {text(delivery.places[0])}"


def _letters(seen: Evidence) -> Iterable[Difference]:
    bad = {event.place for event in (*seen.clicks, *seen.images) if event.bad}
    times: Counter[Place] = Counter()
    for account in seen.accounts:
        for delivery in account.deliveries:
            times.update(place for place in delivery.places if place in bad)
    missing = [text(place) for place in sorted(bad) if not seen.letters.get(place)]
    strange = [text(place) for place in sorted(seen.letters) if place not in bad]
    copies = [
        f"{text(place)}: {seen.letters[place]} copies of {times[place]} deliveries"
        for place in sorted(bad)
        if seen.letters.get(place, 0) > max(times[place], 1)
    ]
    yield Difference("bad events without a dead letter", missing)
    yield Difference("dead letters of good events", strange)
    yield Difference("more dead letters than deliveries", copies)


def _lists(seen: Evidence) -> Iterable[Difference]:
    good = [event for event in seen.clicks if not event.bad]
    published = set(seen.lists)
    wanted = {(event.who, "{}-{}-{}".format(*event.place)): event for event in good}
    missing = [text(event.place) for pair, event in wanted.items() if pair not in published]
    strange = [f"{key}: {name}" for key, name in published if (key, name) not in wanted]
    last_event = {event.who: "{}-{}-{}".format(*event.place) for event in good}
    last_list = dict(seen.lists)
    late = [
        f"user {user}: {last_list[user]} after {name}"
        for user, name in sorted(last_event.items())
        if user in last_list and last_list[user] != name
    ]
    yield Difference("clicks whose list was never published", missing)
    yield Difference("lists that follow from no click", sorted(strange))
    yield Difference("users whose last list is not that of their last click", late)
    yield Difference("lists older than one before them, until the next click", stale_lists(seen))


def stale_lists(seen: Evidence) -> list[str]:
    """Lists that were the newest in the topic until the user's next click, though they followed
    from an older click than one before them: published by a stale owner."""
    newest: dict[str, int] = {}
    current: dict[str, int] = {}
    found = []
    for user, name in seen.lists:
        offset = int(name.rsplit("-", 1)[1])
        if offset > newest.get(user, -1):
            if current.get(user, -1) != newest.get(user, -1):
                found.append(f"user {user}: {current[user]} after {newest[user]}, until {offset}")
            newest[user] = offset
        current[user] = offset
    return found


def _lessons(seen: Evidence) -> Iterable[Difference]:
    told, wanted = seen.lessons, seen.expected.lessons
    named = {place: f"{place[0]}@{place[1]}" for place in sorted(told.keys() | wanted.keys())}
    missing = [named[place] for place in named if place not in told]
    strange = [named[place] for place in named if place not in wanted]
    other = [named[p] for p in named if p in told and p in wanted and told[p] != wanted[p]]
    yield Difference("clicks that the learner was never told of", missing)
    yield Difference("lessons that follow from no click", strange)
    yield Difference("lessons that say something else than the clicks before them", other)


def _learned(seen: Evidence) -> Iterable[Difference]:
    learned, wanted = seen.learned, seen.to_be_learned
    wrong = [
        key.decode()
        for key in sorted(learned.keys() | wanted.keys())
        if learned.get(key) != wanted.get(key)
    ]
    yield Difference("signals and weights that differ from one clean pass", wrong)


def _items(seen: Evidence) -> Iterable[Difference]:
    for worker, items in sorted(seen.indexes.items()):
        yield Difference(f"items of {worker} that differ from the topic", _apart(items, seen.items))
    stories = _apart(seen.embedded_stories, seen.published_stories)
    yield Difference("items whose embeddings tell another story than their images", stories)
    stale = list(seen.stale_items)
    yield Difference("embeddings older than one before them, until the next event", stale)


def _apart(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [
        item for item in sorted(found.keys() | wanted.keys()) if found.get(item) != wanted.get(item)
    ]


def _stalls(seen: Evidence) -> Iterable[Difference]:
    long = [str(stall) for stall in seen.stalls if stall.for_s > seen.stall_limit_s]
    yield Difference(f"partitions that stood still longer than {seen.stall_limit_s:g} s", long)


def _ends(seen: Evidence) -> Iterable[Difference]:
    listens = {account.worker for account in seen.accounts if account.listens}
    late, ungraceful, died = [], [], []
    for life in seen.lives:
        said = f"{life.name}: exit code {life.code}"
        if life.ended_by == "term":
            # Before it listens to SIGTERM there is nothing to stop in order.
            early = life.code == -15 and life.name not in listens
            if life.late:
                late.append(
                    f"{life.name}: killed {life.ended_s - life.asked_s:.1f} s after SIGTERM"
                )
            elif life.code != 0 and not early:
                ungraceful.append(said)
        elif life.ended_by == "":
            died.append(said if life.code is not None else f"{life.name}: still there")
    yield Difference("stops that took too long", late)
    yield Difference("stops with an exit code that is not 0", ungraceful)
    yield Difference("workers that ended by themselves", died)
    yield Difference("processes left behind", list(seen.orphans))
