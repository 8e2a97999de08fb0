"""Settings that are allowed each by itself, and contradict one another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from streams.settings.errors import variable

if TYPE_CHECKING:
    from streams.settings import Settings


def contradictions(settings: Settings) -> list[str]:
    """A sentence for each."""
    return [*_of_kafka(settings), *_of_redis(settings)]


def _of_kafka(settings: Settings) -> Iterator[str]:
    if not settings.kafka_tls:
        for name in ("kafka_tls_ca", "kafka_tls_cert", "kafka_tls_key"):
            if getattr(settings, name) is not None:
                yield (
                    f"{variable(name)} is set, and LOOKSTREAM_KAFKA_TLS is not true: nothing would "
                    "be encrypted. Set LOOKSTREAM_KAFKA_TLS=true."
                )
    if settings.kafka_tls_key is not None and settings.kafka_tls_cert is None:
        yield "LOOKSTREAM_KAFKA_TLS_KEY is set without LOOKSTREAM_KAFKA_TLS_CERT."
    password = settings.kafka_password.get_secret_value()
    if settings.kafka_username and not password:
        yield "LOOKSTREAM_KAFKA_USERNAME is set without LOOKSTREAM_KAFKA_PASSWORD."
    if password and not settings.kafka_username:
        yield "LOOKSTREAM_KAFKA_PASSWORD is set without LOOKSTREAM_KAFKA_USERNAME."
    if settings.kafka_username and settings.kafka_sasl == "PLAIN" and not settings.kafka_tls:
        yield (
            "LOOKSTREAM_KAFKA_SASL is PLAIN, and LOOKSTREAM_KAFKA_TLS is not true: the password "
            "would cross the network in the clear. Set LOOKSTREAM_KAFKA_TLS=true, or use SCRAM."
        )


def _of_redis(settings: Settings) -> Iterator[str]:
    url = urlsplit(settings.redis_url.strip())
    if url.scheme != "rediss":
        for name in ("redis_tls_ca", "redis_tls_cert", "redis_tls_key"):
            if getattr(settings, name) is not None:
                yield (
                    f"{variable(name)} is set, and LOOKSTREAM_REDIS does not begin with "
                    "rediss://: nothing would be encrypted."
                )
    if settings.redis_tls_key is not None and settings.redis_tls_cert is None:
        yield "LOOKSTREAM_REDIS_TLS_KEY is set without LOOKSTREAM_REDIS_TLS_CERT."
    if settings.redis_password.get_secret_value() and url.password is not None:
        yield "LOOKSTREAM_REDIS_PASSWORD is set, and LOOKSTREAM_REDIS has a password, too."
