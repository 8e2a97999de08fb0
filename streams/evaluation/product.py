"""lookstream itself: the log goes through the code that the workers run.

The same objects as in a recommender (agents/applying.py, agents/list_maker.py, agents/fallback.py,
the item index, the core), with the same settings, on a store in memory: every profile is encoded
and decoded as it would be stored, after each event. What is different:

- Lists are made when a method is asked, not when she clicks: with her profile as of her last click,
  as a worker would, but for now, and with what is popular and new by now. A worker's list is that
  of the moment after her click; after a pause she still has that one.
- They have LENGTH items at least, so that there is a rank to note beyond the default of 20.
- What is popular is read again when a second of the log's time has passed, the worker's pause.
- Vectors that are put off by the index are taken in at once (`tend`), so that what is found doesn't
  depend on how busy the machine is.
"""

from __future__ import annotations

import zlib
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from streams.agents.anybody import EVERY_S
from streams.agents.applying import ClickApplier
from streams.agents.fallback import FallbackItems
from streams.agents.learned_copies import IDLE_S
from streams.agents.list_maker import ListMaker, Wanted
from streams.agents.past import Past
from streams.agents.slices import Slices
from streams.agents.stages import Stages
from streams.core import codec
from streams.core.crowd import Crowd
from streams.core.learning.course import Course
from streams.core.learning.interaction import Interaction, decode_interaction
from streams.core.learning.learner import Learner
from streams.core.learning.ranker import RankerWeights
from streams.core.learning.rules import LearningRules
from streams.core.learning.schedule import Schedule
from streams.core.learning.signals import ItemSignals, decode_signals
from streams.core.learning.weights_codec import decode_weights, encode_weights
from streams.core.profile import Profile
from streams.delivery import Batch, Retry
from streams.embeddings import ViewRecord
from streams.evaluation.log import Log
from streams.evaluation.method import NOT_RETRIEVED, Event, Mask, Scores
from streams.evaluation.vectors import ItemPictures
from streams.events import Click
from streams.facts import DEFAULT_VIEW
from streams.records import RawRecord
from streams.settings import Settings
from streams.stores.item_index import ItemIndex
from streams.stores.memory_profiles import MemoryProfiles
from streams.stores.picture_likeness import PictureLikeness
from streams.stores.view_search import EXACT_ROWS

NAME = "lookstream"
ALL_SCORED = "all-scored"
LENGTH = 50

_TOPIC = "clicks"
_MOST_LISTED = 1_000
_MOST_CANDIDATES = 10_000
_NO_PICTURES_DIM = 512
_T = TypeVar("_T")


class Lookstream:
    """The product as one method among others.

    pictures   None where nothing is known of how items look: then each gets a random direction of
               its own, like which nothing looks, because what has no vector is no item to the
               workers. Otherwise items without a picture are not listed, as in life.
    score_all  look at all items (the 5,000 nearest to each interest, exactly, and as many from each
               source of the crowd's as its rules allow), and list up to 1,000, in place of what
               candidate retrieval brings up. What there is nothing true to say of stays out.
    learning   whether the clicks teach the crowd's learner, and what it has learned ranks; None: as
               the settings say.
    """

    def __init__(
        self,
        log: Log,
        pictures: ItemPictures | None,
        settings: Settings,
        *,
        name: str = NAME,
        score_all: bool = False,
        learning: bool | None = None,
    ) -> None:
        self.name = name
        self._log = log
        self._pictures = _without_pictures(log) if pictures is None else pictures
        items = len(log.item_ids)
        rules = settings.taste_rules()
        length = max(LENGTH, rules.list_length)
        if score_all:
            length = min(max(items, 1), _MOST_LISTED)
            # Twice as many: of those near an interest half are candidates where the crowd ranks.
            rules = replace(rules, candidates=min(max(2 * items, 1), _MOST_CANDIDATES))
        rules = replace(rules, list_length=length)
        self._index = ItemIndex(
            self._pictures.model_id,
            self._pictures.vectors.shape[1],
            max_items=settings.max_items,
            exact_rows=items + 1 if score_all else EXACT_ROWS,
        )
        users = len(log.user_ids)
        self._store = MemoryProfiles(max_profiles=users + 1, max_popular=settings.popular_items)
        past = Past(self._store, _WholeLog())
        unlimited = {"most": items} if score_all else {}
        self._fallback = FallbackItems(self._store, self._index, past.check, **unlimited)
        slices, stages = Slices(), Stages()
        learns = settings.learning if learning is None else learning
        learning_rules = settings.learning_rules()
        # Memory for no more than there are: it changes nothing.
        learning_rules = replace(learning_rules, items=max(min(items, learning_rules.items), 16))
        served_by = _unlimited(learning_rules) if score_all else learning_rules
        self._lessons = (
            Lessons(learning_rules, settings.learning_schedule(), self._index, served_by)
            if learns
            else None
        )
        self._applier = ClickApplier(
            catalogue=self._index,
            store=self._store,
            past=past,
            rules=rules,
            event_limits=settings.event_limits(),
            popularity_half_life_s=settings.popularity_half_life_s,
            stages=stages,
            slices=slices,
            measures=_Unmeasured(),
            teaching=self._lessons,
        )
        self._lists = ListMaker(
            index=self._index,
            fallback=self._fallback,
            rules=rules,
            remembered_searches=settings.remembered_searches,
            stages=stages,
            slices=slices,
            crowd=self._lessons.crowd if self._lessons else None,
        )
        self._retry = Retry()
        self._offset = 0
        self._refreshed_s = -np.inf
        self._numbers: dict[str, int] = {}
        self._scores: NDArray[np.float64] = np.empty(items)

    @property
    def likes(self) -> float | None:
        """Likes that have been learned, each counting as far as its user is trusted by then; None
        where nothing is learned from others. From `core.crowd.LEAST_LIKES` on they rank lists."""
        return None if self._lessons is None else self._lessons.crowd.table.all_likes

    def arrive(self, item: int, at_s: float) -> None:
        pictures, item_id = self._pictures, self._log.item_ids[item]
        self._numbers[item_id] = item
        if not pictures.has[item]:
            return
        vector = pictures.vectors[item].astype(np.float16)
        hash_ = int(pictures.hashes[item])
        self._index.apply(
            ViewRecord(item_id, DEFAULT_VIEW, pictures.model_id, vector, hash_, int(at_s * 1e3))
        )
        while self._index.tend(1.0):
            pass

    def rank(self, user: int, now_s: float, unseen: Mask) -> Scores:
        if self._lessons is not None:
            self._lessons.tend(now_s)
        if now_s >= self._refreshed_s + EVERY_S:
            _run(self._fallback.refresh())
            self._refreshed_s = now_s
        (stored,) = _run(self._store.load([self._log.user_ids[user]]))
        profile = Profile() if stored.value is None else codec.decode(stored.value)
        wanted = Wanted(profile, f"{_TOPIC}-0-{self._offset}", now_s)
        (picks,) = _run(self._lists.make([wanted]))
        self._scores.fill(NOT_RETRIEVED)
        for place, pick in enumerate(picks):
            self._scores[self._numbers[pick.item_id]] = -place
        return self._scores

    def learn(self, event: Event) -> None:
        user_id, item_id = self._log.user_ids[event.user], self._log.item_ids[event.item]
        record = RawRecord(_TOPIC, 0, self._offset, int(event.at_s * 1e3), user_id.encode(), b"")
        click = Click(user_id, item_id, event.kind, event.at_s, dwell_s=event.dwell_s)  # type: ignore[arg-type]
        self._offset += 1
        if self._lessons is not None:
            self._lessons.tend(event.at_s)
        _run(self._applier.apply(Batch([record], self._retry), [(record, click)]))


def _without_pictures(log: Log) -> ItemPictures:
    """A direction for each item by its id. In so many dimensions none is near another."""
    vectors = np.empty((len(log.item_ids), _NO_PICTURES_DIM), np.float32)
    for number, item_id in enumerate(log.item_ids):
        seed = zlib.crc32(item_id.encode())
        vectors[number] = np.random.default_rng(seed).standard_normal(_NO_PICTURES_DIM)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    n = len(log.item_ids)
    return ItemPictures("none", vectors, np.ones(n, np.bool_), np.zeros(n, np.uint64))


def _unlimited(rules: LearningRules) -> LearningRules:
    """The same with candidates from every source of the crowd's, as many as rules allow."""
    return replace(
        rules,
        session_candidates=_MOST_CANDIDATES,
        walk_candidates=_MOST_CANDIDATES,
        longer_walk_candidates=_MOST_CANDIDATES,
        popular_candidates=_MOST_CANDIDATES,
    )


class Lessons:
    """The learner beside the recommender, on its worker's schedule, by the log's time.

    What is told and published goes through its bytes, and is served at once, where a broker would
    take milliseconds.

    served_by  the rules by which candidates are retrieved, if not those of the learner.
    """

    def __init__(
        self,
        rules: LearningRules,
        schedule: Schedule,
        index: ItemIndex,
        served_by: LearningRules | None = None,
    ) -> None:
        self.crowd = Crowd(served_by or rules)
        self._course = Course(Learner(rules), schedule)
        self._pictures = PictureLikeness(index)
        self._index = index
        self._copied = 0

    async def tell(self, batch: Batch, lessons: Sequence[tuple[str, Interaction]]) -> None:
        self.crowd.relist(self._index.take_relisted(), self._index)
        course, at_ms = self._course, batch.records[-1].timestamp
        for _, told in lessons:
            course.turn_to(at_ms)
            course.learn(decode_interaction(told.encode()), self._pictures)
            course.passed(course.offset, at_ms)
        published = course.take(len(course.unsent))
        self._serve((key, item and decode_signals(item.encode())) for key, item in published)
        course.sent()
        if course.weights_unsent:
            course.weights_unsent = False
            self._weigh(course.learner.table.weights)

    def tend(self, now_s: float) -> None:
        """Serve copies of what waits, if the log has been idle for as long as the worker minds."""
        course = self._course
        if self._copied == course.offset or now_s < course.at_ms / 1e3 + IDLE_S:
            return
        self._copied = course.offset
        learner = course.learner
        self._serve(learner.unpublished())  # as it is: half of a replay's time would be their bytes
        self._weigh(learner.trainer.served(learner.events))

    def _serve(self, items: Iterable[tuple[int, ItemSignals | None]]) -> None:
        table = self.crowd.table
        for key, item in items:
            if item is None:
                table.forget(key)
            else:
                table.put(item)

    def _weigh(self, weights: RankerWeights) -> None:
        self.crowd.table.weights = decode_weights(encode_weights(weights))


class _WholeLog:
    """Where the replay stands: it began at the log's beginning, so nothing is missing."""

    async def first_record(self, topic: str, partition: int, start: int, end: int) -> int | None:
        return None

    async def ends(self, topic: str) -> dict[int, int]:
        return {}


class _Unmeasured:
    def profile_bytes(self, sizes: Iterable[int]) -> None: ...


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    """The result of `work`, which waits for nothing but its turn: no event loop is needed."""
    while True:
        try:
            work.send(None)
        except StopIteration as done:
            result: _T = done.value
            return result
