"""The first word with Kafka, to learn whether its brokers will ever speak with us.

Kafka's clients try on and on, whatever the reason, and tell it in a log line. Here a connection is
made by aiokafka's own handshake, TLS and SASL included, and what came of it is told apart:

    a certificate, user, password or mechanism that is refused   -> StartRefused: waiting won't mend
    nobody there, connection closed, no answer in time           -> DependencyDown: may pass
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from streams.errors import DependencyDown, StartRefused
from streams.settings.values import split_address
from streams.text import printable

_WRONG_HOST = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


async def greet(kafka: str, options: Mapping[str, Any], *, timeout_s: float = 5.0) -> None:
    """Connect to the cluster at `kafka` and to each of its brokers that answers.

    options  of wires.py. Raises StartRefused or DependencyDown, see above.
    """
    down: DependencyDown | None = None
    for server in kafka.split(","):
        try:
            brokers = await _connect(*split_address(server), options, timeout_s)
        except DependencyDown as error:
            down = down or error
            continue
        # The names that brokers give themselves may be others, which their certificates lack.
        greetings = [_connect(host, port, options, timeout_s) for host, port in brokers]
        for outcome in await asyncio.gather(*greetings, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, DependencyDown):
                raise outcome
        return
    raise down or DependencyDown("kafka", "LOOKSTREAM_KAFKA names no server")


async def _connect(
    host: str, port: int, options: Mapping[str, Any], timeout_s: float
) -> list[tuple[str, int]]:
    """Shake hands; the addresses that the cluster's brokers give themselves."""
    try:
        async with asyncio.timeout(timeout_s):
            connection = await create_conn(
                host,
                port,
                client_id="lookstream-greeting",
                request_timeout_ms=int(timeout_s * 1000),
                **options,
            )
            try:
                metadata = await connection.send(MetadataRequest([]))
            finally:
                connection.close()
    except (KafkaError, OSError) as error:  # asyncio's TimeoutError is an OSError
        place = f"{printable(host, 200)}:{port}"
        refusal = _refusal(place, error, options)
        if refusal is not None:
            raise StartRefused(refusal) from error
        raise DependencyDown("kafka", _passing(place, error, options)) from error
    return [(broker[1], broker[2]) for broker in metadata.brokers]


def _refusal(place: str, error: BaseException, options: Mapping[str, Any]) -> str | None:
    """What waiting won't mend, as a sentence that names the setting."""
    detail = printable(str(error), 200)
    if isinstance(error, SaslAuthenticationFailed):
        return (
            f"Kafka at {place} refuses the user or the password ({detail}). Correct "
            "LOOKSTREAM_KAFKA_USERNAME and LOOKSTREAM_KAFKA_PASSWORD."
        )
    if isinstance(error, UnsupportedSaslMechanismError):
        return (
            f"Kafka at {place} doesn't take {options.get('sasl_mechanism')} ({detail}). Set "
            "LOOKSTREAM_KAFKA_SASL to a mechanism that it takes."
        )
    if isinstance(error, IllegalSaslStateError):
        return (
            f"Kafka at {place} takes no password there. Unset LOOKSTREAM_KAFKA_USERNAME, or name "
            "in LOOKSTREAM_KAFKA the port that does."
        )
    tls = _tls_error(error)
    return None if tls is None else _tls_refusal(place, tls)


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def _tls_refusal(place: str, error: ssl.SSLError) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _WRONG_HOST:
            advice = "Name the brokers by a host name that it has, also in advertised.listeners."
            return f"{_certificate(place, error)} LOOKSTREAM_KAFKA is checked against it. {advice}"
        return (
            f"{_certificate(place, error)} Set LOOKSTREAM_KAFKA_TLS_CA to the authority that "
            "signed it."
        )
    reason = error.reason or ""
    if "ALERT" not in reason or not ("CERT" in reason or "UNKNOWN_CA" in reason):
        return None
    return (
        f"Kafka at {place} wants a certificate of ours that it trusts ({reason}). Set "
        "LOOKSTREAM_KAFKA_TLS_CERT and LOOKSTREAM_KAFKA_TLS_KEY to one that its authority signed."
    )


def _certificate(place: str, error: ssl.SSLCertVerificationError) -> str:
    return f"The certificate of Kafka at {place} is refused ({error.verify_message.rstrip('.')})."


def _passing(place: str, error: BaseException, options: Mapping[str, Any]) -> str:
    """What may pass; a connection that is closed at once may also mean that we speak wrongly."""
    if isinstance(error, ConnectionRefusedError):
        return f"nobody listens at {place}"
    if isinstance(error, TimeoutError):
        return f"no answer from {place} in time"
    text = printable(f"{type(error).__name__}: {error}", 200)
    if not isinstance(error, KafkaError | ConnectionResetError | ssl.SSLError):
        return f"{place}: {text}"
    protocol = options.get("security_protocol", "PLAINTEXT")
    return (
        f"{text}. If that stays: we speak {protocol} to {place}; does it want LOOKSTREAM_KAFKA_TLS "
        "or LOOKSTREAM_KAFKA_USERNAME set otherwise?"
    )
