"""What the Redis driver raises, told apart once: not now, not ever, or a bug of ours.

Everything in `streams/` that talks to Redis does it inside `translated()`, and outside of it nobody
knows the driver's exceptions.

    can't be reached, times out, loads, is busy, full, read-only, failing over   -> DependencyDown
    refuses our password, our user's rights, our certificate; is a cluster       -> DependencyDown,
        and StartRefused at start, where nobody waits yet for what would not come
    anything else                                                                -> as it is: a bug
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions as driver

from streams.errors import DependencyDown, StartRefused
from streams.text import printable

# Error replies the driver has no class for (they arrive as plain ResponseError), by first word.
_PASSING = {
    "BUSY": "is busy running a script",
    "MISCONF": "can't save to its disk, and refuses writes",
    "NOREPLICAS": "has too few replicas, and refuses writes",
    "MASTERDOWN": "has lost its primary",
    "UNBLOCKED": "is changing roles",
    "LOADING": "is loading its data",
    "TRYAGAIN": "is moving keys",
    "CLUSTERDOWN": "is down as a cluster",
    "READONLY": "is a read-only replica",
    "OOM": "is out of memory (maxmemory)",
    "NOPERM": "denies this user a command or a key",
    "NOAUTH": "wants a password",
    "WRONGPASS": "refused the user or password",
}
_PASSING_CLASSES = (
    (driver.BusyLoadingError, _PASSING["LOADING"]),
    (driver.AuthenticationError, _PASSING["WRONGPASS"]),
    (driver.AuthorizationError, _PASSING["NOPERM"]),
    (driver.NoPermissionError, _PASSING["NOPERM"]),
    (driver.ReadOnlyError, _PASSING["READONLY"]),
    (driver.OutOfMemoryError, _PASSING["OOM"]),
    (driver.MasterDownError, _PASSING["MASTERDOWN"]),
    (driver.ClusterDownError, _PASSING["CLUSTERDOWN"]),
    (driver.TryAgainError, _PASSING["TRYAGAIN"]),
    (driver.TimeoutError, "does not answer in time"),
    (TimeoutError, "does not answer in time"),
    (driver.ConnectionError, "can't be reached"),
    (OSError, "can't be reached"),
)
# Redis 7 and Valkey, of what a script does; it comes as a plain error.
_DENIED_IN_SCRIPT = re.compile(r"user executing the script can't|ACL failure in script")
_CORRECT = "Correct the user in LOOKSTREAM_REDIS and LOOKSTREAM_REDIS_PASSWORD."
RIGHTS_ADVICE = (
    "deploy/redis/users.conf has every right that is needed. The user is in LOOKSTREAM_REDIS."
)
_REFUSALS = (
    (driver.AuthenticationError, "refused the user or password", _CORRECT),
    (driver.AuthorizationError, "refused the user", _CORRECT),
    (
        driver.NoPermissionError,
        "denies this user a command or key that lookstream needs",
        RIGHTS_ADVICE,
    ),
)
_WRONG_HOST = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


@contextmanager
def translated() -> Iterator[None]:
    """Raise DependencyDown for what may pass, and let bugs through."""
    try:
        yield
    except (driver.RedisError, OSError) as error:
        passing = _passing(error)
        if passing is None:
            raise
        raise DependencyDown("redis", f"{passing}: {printable(str(error), 200)}") from error


@contextmanager
def refusing_to_start(shown: str) -> Iterator[None]:
    """The same for the first calls, and StartRefused for what waiting won't mend.

    shown  where the store is, without a password: it becomes part of the message.
    """
    try:
        with translated():
            yield
    except DependencyDown as down:
        refusal = _refusal(down.__cause__)
        if refusal is None:
            raise
        raise StartRefused(f"The store at {shown} {refusal}") from down
    except (driver.ClusterCrossSlotError, driver.MovedError) as error:
        raise StartRefused(
            f"The store at {shown} is a Redis Cluster. lookstream writes the profiles of a batch "
            "in one script, which needs a single primary (replicas are fine). Set LOOKSTREAM_REDIS "
            "to one."
        ) from error


def _passing(error: BaseException) -> str | None:
    for kind, words in _PASSING_CLASSES:
        if isinstance(error, kind):
            return words
    if isinstance(error, driver.ResponseError):
        if _DENIED_IN_SCRIPT.search(str(error)):
            return _PASSING["NOPERM"]
        # A script that fails part-way puts the reply it met into its own error text.
        first = str(error).replace("-", " ").split(maxsplit=1)
        return _PASSING.get(first[0]) if first else None
    return None


def _refusal(error: BaseException | None) -> str | None:
    text = printable(str(error), 200)
    for kind, words, advice in _REFUSALS:
        if isinstance(error, kind):
            return f"{words} ({text}). {advice}"
    cause = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is None or isinstance(cause, ssl.SSLEOFError):  # it went away in the middle
        return None
    said = f"can't be spoken to over TLS ({printable(str(cause), 200)})."
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _WRONG_HOST:
            return f"{said} Give LOOKSTREAM_REDIS a host name that its certificate has."
        return f"{said} Set LOOKSTREAM_REDIS_TLS_CA to the authority that signed its certificate."
    if "ALERT" in (cause.reason or ""):
        return (
            f"{said} Set LOOKSTREAM_REDIS_TLS_CERT and LOOKSTREAM_REDIS_TLS_KEY to a certificate "
            "that it trusts."
        )
    return f"{said} See whether LOOKSTREAM_REDIS is to begin with redis:// or rediss://."
