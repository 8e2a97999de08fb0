"""The learner, without a broker: it dies anywhere, and others see what one clean pass shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streams.agents.learn import signals_key
from streams.core.learning.signals import decode_signals
from streams.core.learning.weights_codec import decode_weights
from streams.delivery import Batch, BatchClosing
from streams.errors import Reason, StateBroken
from streams.records import RawRecord
from tests.agents.learning import RANKER, RULES, SCHEDULE, SIGNALS, Log, Process
from tests.unit.core.learning.clicks import NOW_S, Clicker
from tests.unit.core.learning.test_course import a_log


def records(events: int, seed: int = 7) -> list[RawRecord]:
    return [
        RawRecord("interactions", 0, offset, at_ms, b"ann", event.encode())
        for offset, (at_ms, event) in enumerate(a_log(events, seed))
    ]


async def clean_pass(told: list[RawRecord], folder: Path) -> Process:
    process = await Process(Log(told), folder / "clean").start()
    await process.take_all()
    await process.rest()
    return process


async def test_killed_anywhere_the_topics_end_as_after_one_clean_pass(tmp_path: Path) -> None:
    told = records(1_500)
    clean = await clean_pass(told, tmp_path)
    rng = np.random.default_rng(3)
    log = Log(told)
    process = await Process(log, tmp_path).start()
    deaths = 0
    while process.position < len(told):
        match int(rng.integers(0, 12)):
            case 0:
                process, deaths = await Process(log, tmp_path).start(), deaths + 1
            case 1:
                await process.idle()
            case 2:
                process.now_s += 200.0
                await process.copies.step()
            case 3:  # it dies between learning and publishing, or when half is published
                batch = await process.take(50, finish=False)
                log.put(batch.sends[: len(batch.sends) // 2])
                process, deaths = await Process(log, tmp_path).start(), deaths + 1
            case _:
                await process.take(int(rng.integers(1, 60)))
    await process.rest()
    assert deaths > 3
    assert process.heard.snapshots or deaths
    assert log.newest == clean.log.newest
    assert None in log.newest.values()
    state, wanted = (each.course.state() for each in (process, clean))
    assert {k: v.tobytes() for k, v in state.items()} == {k: v.tobytes() for k, v in wanted.items()}


async def test_what_it_publishes_can_be_read(tmp_path: Path) -> None:
    process = await clean_pass(records(300), tmp_path)
    for (topic, key), value in process.log.newest.items():
        if topic == SIGNALS and value is not None:
            assert signals_key(decode_signals(value).key) == key
            assert key == key.lower()
            assert len(key) == 8
    weights = process.log.newest[RANKER, b"weights"]
    assert weights is not None
    assert decode_weights(weights).events == process.course.learner.events


async def test_a_redelivered_click_teaches_nothing(tmp_path: Path) -> None:
    told = records(120)
    twice = told[:100] + [replace(each, offset=100 + n) for n, each in enumerate(told[80:100])]
    clean = await clean_pass(told[:100], tmp_path)
    process = await Process(Log(twice), tmp_path / "twice").start()
    await process.take_all()
    await process.rest()
    assert process.heard.outcomes["duplicate"] == 20
    assert process.log.newest == clean.log.newest


async def test_what_is_no_interaction_is_refused_and_stops_nothing(tmp_path: Path) -> None:
    told = records(60)
    damaged = [
        *told[:20],
        replace(told[20], value=None),
        replace(told[21], value=b"LI" + bytes(70)),
        *told[22:],
    ]
    process = await Process(Log(damaged), tmp_path).start()
    batch = await process.take(60)
    assert [refusal.reason for refusal in batch.refusals] == [Reason.BAD_INTERACTION] * 2
    assert process.course.offset == 60
    assert sum(process.heard.outcomes.values()) == 58


async def test_frozen_it_reads_along_and_changes_and_publishes_nothing(tmp_path: Path) -> None:
    told = records(300)
    process = await Process(Log(told[:100]), tmp_path).start()
    await process.take_all()
    await process.idle()
    process.now_s += 200.0
    await process.copies.step()
    before = dict(process.log.newest)
    log = process.log
    log.records = told[:200]
    frozen = await Process(log, tmp_path, frozen=True).start()
    await frozen.take_all()
    await frozen.idle()
    frozen.now_s += 200.0
    await frozen.copies.step()
    assert log.newest == before
    assert frozen.heard.outcomes == {"nothing": 100, "duplicate": 1}
    assert frozen.course.learner.events == 100
    log.records = told
    thawed = await Process(log, tmp_path).start()
    await thawed.take_all()
    assert thawed.course.learner.events == 200


async def test_what_waits_while_the_log_is_idle_is_told_as_a_copy(tmp_path: Path) -> None:
    process = await Process(Log(records(30)), tmp_path).start()
    await process.take_all()
    waiting = {signals_key(key) for key, _ in process.course.learner.unpublished()}
    assert waiting
    before = dict(process.course.learner.dirty)
    sent = len(process.log.sent)
    await process.rest()
    copied = {key for topic, key in process.log.sent[sent:] if topic == SIGNALS}
    assert waiting <= copied
    assert process.course.learner.dirty == before
    sent = len(process.log.sent)
    await process.rest()
    assert len(process.log.sent) == sent  # said once


def one_item(log: Log, at_s: float) -> None:
    """Somebody new likes item 5, and nothing else happens."""
    offset = len(log.records)
    event = Clicker().clicks(5, offset, at_s=NOW_S + at_s)
    at_ms = int(1000 * (NOW_S + at_s))
    log.records.append(RawRecord("interactions", 0, offset, at_ms, b"ann", event.encode()))


@pytest.mark.parametrize("every_s", [1.0, 2.5, 3.0, 9.5, 12.0])
async def test_in_a_quiet_shop_an_item_is_told_as_often_as_the_setting_says(
    tmp_path: Path, every_s: float
) -> None:
    process = await Process(Log([]), tmp_path).start()
    log, told_s = process.log, []
    for step in range(160):
        process.now_s = step / 2
        before = len(log.sent)
        if process.now_s % every_s == 0.0 and process.now_s < 60.0:
            one_item(log, process.now_s)
            await process.take(1)
        await process.copies.step()
        told_s += [process.now_s for topic, _ in log.sent[before:] if topic == SIGNALS]
    assert told_s[0] <= 2.5
    gaps_s = np.diff(told_s)
    assert gaps_s.min() >= SCHEDULE.item_every_s
    assert gaps_s.max() <= SCHEDULE.item_every_s + 2 * every_s
    clean = await clean_pass(log.records, tmp_path)
    assert log.newest == clean.log.newest
    assert process.heard.items == len(told_s)


async def test_what_rests_while_the_log_is_idle_is_told_when_it_has_rested(tmp_path: Path) -> None:
    process = await Process(Log([]), tmp_path).start()
    for _ in range(2):
        one_item(process.log, process.now_s)
        await process.take(1)
        await process.idle()
    newest = process.log.newest[SIGNALS, b"00000005"]
    assert newest is not None
    assert decode_signals(newest).likes == 1.0
    assert decode_weights(process.log.newest[RANKER, b"weights"] or b"").events == 2
    process.now_s += SCHEDULE.item_every_s
    await process.idle()
    newest = process.log.newest[SIGNALS, b"00000005"]
    assert newest is not None
    assert decode_signals(newest).likes == 2.0


async def test_what_another_may_have_told_meanwhile_is_told_again(tmp_path: Path) -> None:
    process = await Process(Log([]), tmp_path).start()
    one_item(process.log, 0.0)
    await process.take(1)
    await process.idle()
    process.log.newest[SIGNALS, b"00000005"] = b"another's"
    await process.start()
    one_item(process.log, 1.5)
    await process.take_all()
    assert process.log.newest[SIGNALS, b"00000005"] != b"another's"


async def test_no_copy_overtakes_a_publication_that_is_under_way(tmp_path: Path) -> None:
    process = await Process(Log(records(200)), tmp_path).start()
    await process.take(200, finish=False)
    sent = len(process.log.sent)
    await process.idle()
    assert len(process.log.sent) == sent


async def test_who_is_not_in_charge_is_silent(tmp_path: Path) -> None:
    process = await Process(Log(records(30)), tmp_path).start()
    await process.take_all()
    process.in_charge = False
    sent = len(process.log.sent)
    process.now_s += 200.0
    await process.idle()
    assert (len(process.log.sent), process.heard.snapshots) == (sent, [])


async def test_learning_again_shows_nobody_the_past(tmp_path: Path) -> None:
    told = records(600)
    process = await clean_pass(told, tmp_path)
    log = process.log
    newest, sent = dict(log.newest), len(log.sent)
    again = await Process(log, tmp_path / "no snapshot there").start()
    await again.take(500)
    assert len(log.sent) == sent
    await again.take_all()
    await again.rest()
    assert len(log.sent) > sent
    assert log.newest == newest


async def test_a_large_publication_goes_out_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.agents.learn.MOST_SENT", 5)
    monkeypatch.setattr("streams.agents.learned_copies.MOST_SENT", 5)
    process = await Process(Log(records(200)), tmp_path).start()
    batch = await process.take(150)
    assert len(batch.sends) == 6
    await process.take_all()
    await process.rest()
    clean = await clean_pass(records(200), tmp_path)
    assert process.log.newest == clean.log.newest


async def test_a_batch_that_must_close_keeps_what_was_learned(tmp_path: Path) -> None:
    told = records(100)
    process = await Process(Log(told), tmp_path).start()
    await process.take(20)
    batch = Batch(told[20:40])
    batch.close()
    with pytest.raises(BatchClosing):
        await process.agent.handle(batch)
    await process.start()
    await process.take_all()
    await process.rest()
    assert process.log.newest == (await clean_pass(told, tmp_path)).log.newest


async def test_a_log_that_lost_its_beginning_is_gone_on_with_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process = await Process(Log(records(100)), tmp_path).start()
    await process.take(20)
    process.now_s += 200.0
    await process.copies.step()
    process.log.first = 50
    again = await Process(process.log, tmp_path).start()
    assert again.position == 50
    assert "interactions 20 to 49 are in the log no more" in caplog.text


async def test_a_log_that_ends_before_what_was_learned_was_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process = await Process(Log(records(100)), tmp_path).start()
    await process.take_all()
    process.now_s += 200.0
    await process.copies.step()
    again = await Process(Log(records(50, seed=9)), tmp_path).start()
    assert (again.position, again.course.learner.events) == (0, 0)
    assert "it was made anew" in caplog.text


async def test_a_log_with_another_record_in_its_place_ends_the_process_once(
    tmp_path: Path,
) -> None:
    process = await Process(Log(records(100)), tmp_path).start()
    await process.take_all()
    process.now_s += 200.0
    await process.copies.step()
    other = Log(records(300, seed=9))
    with pytest.raises(StateBroken, match="set aside"):
        await (await Process(other, tmp_path).start()).take_all()
    again = await Process(other, tmp_path).start()
    assert again.position == 0
    await again.take_all()


async def test_rules_that_changed_make_it_learn_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process = await clean_pass(records(100), tmp_path)
    process.now_s += 200.0
    await process.copies.step()
    other = replace(RULES, negatives=50)
    again = await Process(process.log, tmp_path / "clean", other).start()
    assert again.position == 0
    assert "other rules" in caplog.text
