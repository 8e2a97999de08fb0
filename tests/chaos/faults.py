"""What each kind of fault does. Every function inflicts it, and has undone it when it returns."""

from __future__ import annotations

import random
import resource
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from tests.chaos.load import Load
from tests.chaos.schedule import BROKER, LOAD, STORE, Fault
from tests.chaos.site import SERVES_WITHIN_S, Site
from tests.chaos.slots import Slot
from tests.support.ports import listens
from tests.support.waiting import wait_until

_REFUSALS = (
    "LOADING Redis is loading the dataset in memory",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "READONLY You can't write against a read only replica.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
)
_TINY_FILE_BYTES = 2_000
_TINY_MEMORY_BYTES = 1_000_000
# Seconds a wall clock may be wrong by: a leap, a bad time server, a battery that died.
_JUMPS_S = (-86_400.0 * 3, -7_200.0, -61.0, -1.0, 0.0, 0.0, 1.0, 61.0, 7_200.0, 86_400.0 * 3)


def inflict(site: Site, load: Load, fault: Fault) -> None:
    """Do what the fault says; back when it is over. In the thread of the fault's target."""
    if fault.target == BROKER:
        _BROKER[fault.kind](site, fault)
    elif fault.target == STORE:
        _STORE[fault.kind](site, fault)
    elif fault.target == LOAD:
        load.retry_burst(20, fault.seed)
    else:
        _WORKER[fault.kind](site.slots[fault.target], fault)


# workers


def _kill(slot: Slot, fault: Fault) -> None:
    slot.kill()
    time.sleep(fault.for_s)
    slot.start()


def _term(slot: Slot, fault: Fault) -> None:
    slot.terminate()
    time.sleep(fault.for_s)
    slot.start()


def _suspended(slot: Slot, fault: Fault) -> None:
    slot.suspend()
    time.sleep(fault.for_s)
    slot.resume()


def _suspended_midway(slot: Slot, fault: Fault) -> None:
    """A zombie that slept between its store and its publishing, or between its load and its store:
    it wakes up in the middle of a batch that others have done meanwhile."""
    slot.redis.slow(0.4)
    time.sleep(1.5)
    slot.suspend()
    slot.redis.heal()
    time.sleep(fault.for_s)
    slot.resume()


def _burst(slot: Slot, fault: Fault) -> None:
    """A spare worker joins and leaves, three times, in order or not."""
    rng = random.Random(fault.seed)
    for _ in range(3):
        slot.start()
        time.sleep(rng.uniform(0.5, 1.0) * fault.for_s)
        if rng.random() < 0.5:
            slot.terminate()
        else:
            slot.kill()


def _cut_kafka(slot: Slot, fault: Fault) -> None:
    slot.kafka.cut()
    time.sleep(fault.for_s)
    slot.kafka.heal()


def _cut_redis(slot: Slot, fault: Fault) -> None:
    slot.redis.cut()
    time.sleep(fault.for_s)
    slot.redis.heal()


def _reset_kafka(slot: Slot, fault: Fault) -> None:
    slot.kafka.reset()
    time.sleep(fault.for_s)
    slot.kafka.reset()


def _reset_redis(slot: Slot, fault: Fault) -> None:
    slot.redis.reset()
    time.sleep(fault.for_s)
    slot.redis.reset()


def _slow_kafka(slot: Slot, fault: Fault) -> None:
    slot.kafka.slow(random.Random(fault.seed).uniform(0.05, 0.6))
    time.sleep(fault.for_s)
    slot.kafka.heal()


def _slow_redis(slot: Slot, fault: Fault) -> None:
    """Sometimes slower than the worker waits for an answer (2 s): written, and not known to be."""
    slot.redis.slow(random.Random(fault.seed).choice((0.05, 0.3, 1.2)))
    time.sleep(fault.for_s)
    slot.redis.heal()


def _redis_refuses(slot: Slot, fault: Fault) -> None:
    slot.redis.refuse(random.Random(fault.seed).choice(_REFUSALS))
    time.sleep(fault.for_s)
    slot.redis.heal()


def _clock_jump(slot: Slot, fault: Fault) -> None:
    slot.set_clock(random.Random(fault.seed).choice(_JUMPS_S))
    time.sleep(fault.for_s)


def _disk_full(slot: Slot, fault: Fault) -> None:
    """No file of the worker may grow: snapshots fail in the middle. Then it stops, or goes on."""
    pid = slot.pid
    if pid is None:
        return
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (_TINY_FILE_BYTES, resource.RLIM_INFINITY))
    time.sleep(fault.for_s)
    if fault.seed % 2:
        slot.terminate()
        slot.start()
    elif slot.pid == pid:
        with suppress(ProcessLookupError):
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)


def _torn_snapshot(slot: Slot, fault: Fault) -> None:
    """While the worker is down its snapshot is damaged, as a crash of the machine may do."""
    slot.kill()
    rng = random.Random(fault.seed)
    files = sorted(path for path in slot.snapshots.rglob("*") if path.is_file())
    for path in rng.sample(files, k=min(len(files), rng.choice((1, 1, 2)))):
        _damage(path, rng)
    time.sleep(fault.for_s)
    slot.start()


def _damage(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    how = rng.choice(("gone", "empty", "short", "flipped", "garbage"))
    if how == "gone":
        path.unlink()
        return
    if how == "empty":
        data.clear()
    elif how == "short":
        del data[rng.randrange(len(data) + 1) :]
    elif how == "flipped" and data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif how == "garbage":
        data[:] = rng.randbytes(len(data))
    path.write_bytes(data)


_WORKER: Mapping[str, Callable[[Slot, Fault], None]] = {
    "kill": _kill,
    "term": _term,
    "zombie": _suspended,
    "zombie-midway": _suspended_midway,
    "pause": _suspended,
    "burst": _burst,
    "cut-kafka": _cut_kafka,
    "cut-redis": _cut_redis,
    "reset-kafka": _reset_kafka,
    "reset-redis": _reset_redis,
    "slow-kafka": _slow_kafka,
    "slow-redis": _slow_redis,
    "redis-refuses": _redis_refuses,
    "clock-jump": _clock_jump,
    "disk-full": _disk_full,
    "torn-snapshot": _torn_snapshot,
}

# the broker


def _broker_kill(site: Site, fault: Fault) -> None:
    site.kafka.kill()
    time.sleep(fault.for_s)
    site.kafka.start(SERVES_WITHIN_S)


def _broker_pause(site: Site, fault: Fault) -> None:
    site.kafka.suspend()
    time.sleep(fault.for_s)
    site.kafka.resume()


_BROKER: Mapping[str, Callable[[Site, Fault], None]] = {
    "broker-kill": _broker_kill,
    "broker-pause": _broker_pause,
}

# the store


def _store_kill(site: Site, fault: Fault) -> None:
    site.store.kill()
    time.sleep(fault.for_s)
    site.store.start(SERVES_WITHIN_S)


def _store_pause(site: Site, fault: Fault) -> None:
    site.store.suspend()
    time.sleep(fault.for_s)
    site.store.resume()


def _store_full(site: Site, fault: Fault) -> None:
    """It really refuses writes for want of memory."""
    with _spoken_to(site.store.port) as store:
        _say(store, f"CONFIG SET maxmemory {_TINY_MEMORY_BYTES}")
        time.sleep(fault.for_s)
        _say(store, "CONFIG SET maxmemory 0")


def _store_busy(site: Site, fault: Fault) -> None:
    """Somebody's endless script: the server answers BUSY until it is killed."""
    with _spoken_to(site.store.port) as culprit, _spoken_to(site.store.port) as store:
        culprit.sendall(b"*3\r\n$4\r\nEVAL\r\n$17\r\nwhile true do end\r\n$1\r\n0\r\n")
        time.sleep(fault.for_s)
        _say(store, "SCRIPT KILL")


_STORE: Mapping[str, Callable[[Site, Fault], None]] = {
    "redis-kill": _store_kill,
    "redis-pause": _store_pause,
    "redis-full": _store_full,
    "redis-busy": _store_busy,
}


@contextmanager
def _spoken_to(port: int) -> Iterator[socket.socket]:
    wait_until(lambda: listens(port), 20.0, "the store listens")
    with closing(socket.create_connection(("127.0.0.1", port), 10.0)) as connection:
        # It may have started just now, and be loading still.
        wait_until(lambda: _answer(connection, "PING") == b"+PONG\r\n", 20.0, "the store serves")
        yield connection


def _answer(store: socket.socket, command: str) -> bytes:
    store.sendall(command.encode() + b"\r\n")
    return store.recv(200)


def _say(store: socket.socket, command: str) -> None:
    answer = _answer(store, command)
    assert answer.startswith(b"+OK"), f"{command}: {answer!r}"
