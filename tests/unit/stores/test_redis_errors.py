from __future__ import annotations

import ssl

import pytest
from redis import exceptions as driver
from redis.asyncio.connection import Connection

from streams.errors import DependencyDown, StartRefused
from streams.stores.redis_errors import refusing_to_start, translated

parse_error = Connection()._parser.parse_error  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "reply",
    [
        "LOADING Redis is loading the dataset in memory",
        "BUSY Redis is busy running a script",
        "READONLY You can't write against a read only replica.",
        "READONLY You can't write against a read only replica. script: 1, on @user_script:9.",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "MASTERDOWN Link with MASTER is down",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "CLUSTERDOWN The cluster is down",
        "NOREPLICAS Not enough good replicas to write.",
        "MISCONF Redis is configured to save RDB snapshots",
        "ERR max number of clients reached",
        "NOAUTH Authentication required.",
        "WRONGPASS invalid username-password pair",
        "NOPERM User shop has no permissions to run the 'mget' command",
        "ERR The user executing the script can't run this command or subcommand script: 1, on @u:4",
        "ERR ACL failure in script: User shop has no permissions to run the 'get' command",
        "UNBLOCKED force unblock from blocking operation",
    ],
)
def test_what_may_pass_is_a_dependency_that_is_down(reply: str) -> None:
    with pytest.raises(DependencyDown) as down, translated():
        raise parse_error(reply)
    assert down.value.dependency == "redis"


@pytest.mark.parametrize(
    "error",
    [
        driver.ConnectionError("Error 111 connecting to localhost:1"),
        driver.TimeoutError("Timeout reading from socket"),
        driver.MaxConnectionsError("Too many connections"),
        ConnectionResetError("reset"),
        TimeoutError(),
    ],
)
def test_a_connection_in_trouble_is_a_dependency_that_is_down(error: Exception) -> None:
    with pytest.raises(DependencyDown), translated():
        raise error


@pytest.mark.parametrize(
    "reply",
    [
        "ERR unknown command 'MGETT'",
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "ERR wrong number of arguments for 'mget' command",
        "",
    ],
)
def test_a_bug_stays_a_bug(reply: str) -> None:
    with pytest.raises(driver.ResponseError), translated():
        raise parse_error(reply)


def test_control_characters_do_not_reach_a_log() -> None:
    with pytest.raises(DependencyDown) as down, translated():
        raise driver.ConnectionError("\x1b[31mred\n")
    assert str(down.value).isprintable()


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (parse_error("WRONGPASS invalid username-password pair"), "refused the user or password"),
        (parse_error("NOPERM no permissions"), "denies this user"),
        (parse_error("MOVED 3999 127.0.0.1:6381"), "Redis Cluster"),
        (parse_error("CROSSSLOT Keys in request don't hash to the same slot"), "Redis Cluster"),
    ],
)
def test_what_waiting_won_t_mend_refuses_to_start(error: Exception, why: str) -> None:
    with pytest.raises(StartRefused, match=why) as refused, refusing_to_start("shop:6379/0"):
        raise error
    assert "LOOKSTREAM_REDIS" in str(refused.value)
    assert "shop:6379/0" in str(refused.value)


def certificate_refused(code: int) -> ssl.SSLError:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code = code
    return error


def alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("cause", "setting"),
    [
        (certificate_refused(20), "LOOKSTREAM_REDIS_TLS_CA"),
        (certificate_refused(62), "LOOKSTREAM_REDIS a host name"),
        (alert("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "LOOKSTREAM_REDIS_TLS_CERT"),
        (alert("WRONG_VERSION_NUMBER"), "rediss://"),
    ],
)
def test_trouble_with_tls_refuses_to_start_and_names_the_setting(
    cause: ssl.SSLError, setting: str
) -> None:
    error = driver.ConnectionError("Error connecting")
    error.__cause__ = cause
    with pytest.raises(StartRefused, match="TLS") as refused, refusing_to_start("shop:6379/0"):
        raise error
    assert setting in str(refused.value)


def test_a_store_that_goes_away_in_the_handshake_is_waited_for() -> None:
    error = driver.ConnectionError("Error connecting")
    error.__cause__ = ssl.SSLEOFError(8, "EOF occurred in violation of protocol")
    with pytest.raises(DependencyDown), refusing_to_start("shop:6379/0"):
        raise error


def test_what_may_pass_is_waited_for_at_start_too() -> None:
    with pytest.raises(DependencyDown), refusing_to_start("shop:6379/0"):
        raise parse_error("LOADING Redis is loading the dataset in memory")
