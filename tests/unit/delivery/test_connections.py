from __future__ import annotations

from streams.delivery import make_app


async def test_the_consumer_is_told_what_was_asked_for() -> None:
    app = make_app("w", kafka="a:1,b:2", group="g", session_timeout_s=6.0, read_committed=True)
    consumer = app.new_kafka_consumer()
    assert consumer._client._bootstrap_servers == ["a:1", "b:2"]
    assert (consumer._group_id, consumer._isolation_level) == ("g", "read_committed")
    assert (consumer._session_timeout_ms, consumer._heartbeat_interval_ms) == (6000, 2000)
    assert consumer._enable_auto_commit is False
    assert consumer._auto_offset_reset == "earliest"
    assert consumer._request_timeout_ms > consumer._session_timeout_ms
    await consumer.stop()


async def test_an_outage_of_any_length_is_no_reason_to_leave_the_group() -> None:
    consumer = make_app("w", kafka="a:1", group="g").new_kafka_consumer()
    assert consumer._max_poll_interval_ms > 20 * 24 * 3600 * 1000
    await consumer.stop()


async def test_the_group_waits_longer_than_letting_go_takes() -> None:
    app = make_app("w", kafka="a:1", group="g", grace_s=30.0, give_up_s=5.0)
    consumer = app.new_kafka_consumer()
    assert consumer._rebalance_timeout_ms > 35_000
    await consumer.stop()


async def test_the_producer_waits_for_every_replica() -> None:
    producer = make_app("w", kafka="a:1", group="g").new_kafka_producer()
    assert producer._sender._acks == -1
    assert producer._txn_manager is not None
    await producer.stop()
    plain = make_app("w", kafka="a:1", group="g", idempotent=False).new_kafka_producer()
    assert (plain._txn_manager, plain._sender._acks) == (None, -1)
    await plain.stop()
