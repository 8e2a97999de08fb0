"""One run: a site under load, faults by their schedule, everything worked off, and a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kafka.errors import KafkaError

from tests.chaos import report
from tests.chaos.collect import collect
from tests.chaos.faults import inflict
from tests.chaos.frozen import records_of
from tests.chaos.judge import Difference, judge
from tests.chaos.load import Load, base_catalogue
from tests.chaos.schedule import BROKER, LOAD, STORE, Fault, Strike
from tests.chaos.site import SPARE, Site, running_site
from tests.support.waiting import wait_until

READY_WITHIN_S = 180.0
DRAINED_WITHIN_S = 180.0
_BEFORE_S = 3.0
_AFTER_S = 4.0
_LOOK_EVERY_S = 0.5
# A replica of the item index follows its topic within a fetch, and the learner tells what waits
# when nothing has come for a second, or two after it told of an item; on a busy machine later. So:
# when nothing new stands in the topics that workers follow for so long.
_STILL_FOR_S = 5.0

Say = Callable[[str], None]


@dataclass(slots=True)
class Verdict:
    """What came out."""

    figures: dict[str, object]
    table: str
    differences: list[Difference]


def run(
    folder: Path,
    faults: Sequence[Fault],
    *,
    seed: int,
    sabotage: str | None = None,
    frozen: bool = False,
    say: Say = print,
) -> Verdict:
    """Run the whole story in `folder`, which keeps every log.

    frozen: nothing is learned meanwhile, so that residuals are judged too (frozen.py).
    """
    started_s = time.monotonic()
    with (
        running_site(folder, sabotage, frozen=frozen) as site,
        closing(Load(site.kafka.address, site.topics, seed)) as load,
    ):
        _prepare(site, load, say)
        load.start()
        time.sleep(_BEFORE_S)
        strikes = _inflict_all(site, load, faults, say)
        time.sleep(_AFTER_S)
        unpublished = load.finish()
        say(f"{load.published} records published; working off the rest")
        undrained = _drain(site)
        site.stop_workers()
        say("stopped; judging")
        seen = collect(
            site,
            outages=[
                (strike.begun_s, strike.ended_s)
                for strike in strikes
                if strike.fault.target in (BROKER, STORE)
            ],
            acknowledged_s=load.acknowledged_s,
            unpublished=unpublished,
            undrained=undrained,
        )
    found = judge(seen)
    took_s = time.monotonic() - started_s
    said = report.figures(seen, strikes, found, seed=seed, took_s=took_s)
    return Verdict(said, report.table(said, strikes, seen), found)


def _prepare(site: Site, load: Load, say: Say) -> None:
    """Embedders first, then the base catalogue, then recommenders that know all of it."""
    load.publish(records_of(site.published, site.topics))
    embedders, recommenders = site.of_kind("embedder"), site.of_kind("recommender")
    for slot in (*embedders, *site.of_kind("learner")):
        slot.thread.submit(slot.start).result()
    load.publish(base_catalogue(site.topics))
    wait_until(lambda: _embedded(site), READY_WITHIN_S, "the base is embedded", poll_s=0.3)
    for slot in recommenders:
        if slot.name != SPARE:
            slot.thread.submit(slot.start).result()
    _wait_ready(site)
    say(f"{len(embedders)} embedders and {len(recommenders) - 1} recommenders are ready")


def _embedded(site: Site) -> bool:
    for slot in site.of_kind("embedder"):
        slot.must_run()
    return _drained(site, "embedder")


def _wait_ready(site: Site) -> None:
    for slot in site.slots.values():
        if slot.name != SPARE:
            wait_until(slot.ready, READY_WITHIN_S, f"{slot.name} is ready", poll_s=0.2)


def _inflict_all(site: Site, load: Load, faults: Sequence[Fault], say: Say) -> list[Strike]:
    """Each at its time, in the thread of its target, or as soon as that is free; back when all are
    over."""
    begun_s = time.monotonic()
    running: list[tuple[Fault, Future[Strike]]] = []
    strikes: list[Strike] = []
    waiting = list(faults)
    while waiting or running:
        while waiting and waiting[0].at_s <= time.monotonic() - begun_s:
            fault = waiting.pop(0)
            say(f"{time.monotonic() - begun_s:8.1f} s  {fault.number:4}  {fault}")
            running.append((fault, _thread(site, fault).submit(_strike, site, load, fault)))
        strikes += [future.result() for _, future in running if future.done()]
        running = [each for each in running if not each[1].done()]
        _restart_the_dead(site, {fault.target for fault, _ in running}, say)
        time.sleep(min(_LOOK_EVERY_S, 0.05 if waiting else _LOOK_EVERY_S))
    for slot in site.slots.values():
        slot.kafka.heal()
        slot.redis.heal()
    return strikes


def _strike(site: Site, load: Load, fault: Fault) -> Strike:
    begun_s = time.time()
    inflict(site, load, fault)
    return Strike(fault, begun_s, time.time())


def _thread(site: Site, fault: Fault) -> Executor:
    if fault.target in (BROKER, LOAD):
        return site.broker_thread
    return site.store_thread if fault.target == STORE else site.slots[fault.target].thread


def _restart_the_dead(site: Site, busy: set[str], say: Say) -> None:
    """As a supervisor would; that a worker ended by itself is judged later."""
    for slot in site.slots.values():
        if slot.name != SPARE and slot.name not in busy and slot.pid is None:
            say(f"{slot.name} is not there: starting it")
            slot.thread.submit(slot.start).result()


def _drain(site: Site) -> list[str]:
    """Wait until every record is committed; what is not, in words."""
    deadline_s = time.monotonic() + DRAINED_WITHIN_S
    kinds = ("embedder", "recommender", "learner")
    while not all(_drained(site, kind) for kind in kinds):
        _restart_the_dead(site, set(), lambda line: None)
        if time.monotonic() > deadline_s:
            return [line for kind in kinds for line in _behind(site, kind)]
        time.sleep(0.5)
    _wait_ready(site)
    topics, still_since_s = site.topics, time.monotonic()
    followed = (topics.item_embeddings, topics.item_signals, topics.ranker)
    ends = [site.kafka.end_offsets(topic) for topic in followed]
    while time.monotonic() < still_since_s + _STILL_FOR_S:
        if time.monotonic() > deadline_s + DRAINED_WITHIN_S:
            return ["the topics that workers follow never stood still"]
        time.sleep(0.5)
        before, ends = ends, [site.kafka.end_offsets(topic) for topic in followed]
        if ends != before:
            still_since_s = time.monotonic()
    return []


def _drained(site: Site, kind: str) -> bool:
    return not _behind(site, kind)


def _behind(site: Site, kind: str) -> list[str]:
    topics = site.topics
    read = {
        "embedder": topics.images,
        "recommender": topics.clicks,
        "learner": topics.interactions,
    }
    topic = read[kind]
    try:
        ends = site.kafka.end_offsets(topic)
        committed = site.kafka.committed(site.settings.group(kind), topic)
    except KafkaError as error:  # it has just started, or nobody has committed yet
        return [f"{topic}: {type(error).__name__}"]
    return [
        f"{topic}-{partition}: {committed.get(partition, 0)} of {ends.get(partition, 0)} are done"
        for partition in sorted(ends)
        if committed.get(partition, 0) < ends.get(partition, 0)
    ]
