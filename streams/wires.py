"""How every client of ours is told to connect: the one place that knows TLS and passwords.

Kafka's two clients, aiokafka and kafka-python, take the same arguments.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from streams.errors import StartRefused
from streams.settings import Settings
from streams.text import printable


def kafka_options(settings: Settings) -> dict[str, Any]:
    """Arguments for aiokafka's and kafka-python's clients; none where nothing is set.

    Raises StartRefused for a certificate or key that can't be used.
    """
    options: dict[str, Any] = {}
    if settings.kafka_tls:
        options["ssl_context"] = _context(
            "LOOKSTREAM_KAFKA_TLS",
            settings.kafka_tls_ca,
            settings.kafka_tls_cert,
            settings.kafka_tls_key,
        )
    if settings.kafka_username:
        options |= {
            "sasl_mechanism": settings.kafka_sasl,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
        }
    if options:
        protocol = "SSL" if settings.kafka_tls else "PLAINTEXT"
        options["security_protocol"] = f"SASL_{protocol}" if settings.kafka_username else protocol
    return options


def redis_options(settings: Settings) -> dict[str, Any]:
    """Arguments for redis-py's clients beside the URL; none where nothing is set.

    Raises StartRefused for a certificate or key that can't be used.
    """
    options: dict[str, Any] = {}
    if password := settings.redis_password.get_secret_value():
        options["password"] = password
    files = (settings.redis_tls_ca, settings.redis_tls_cert, settings.redis_tls_key)
    if any(files):
        _context("LOOKSTREAM_REDIS_TLS", *files)  # redis-py makes its own, and asks on the terminal
        for name, path in zip(("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"), files, strict=True):
            if path is not None:
                options[name] = str(path)
    return options


def _context(setting: str, ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ValueError) as error:
        raise _unusable(f"{setting}_CA", ca, error, "certificates in PEM") from error
    if cert is None:
        return context
    try:
        # Without a function for the passphrase, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(cert, key, password=_no_passphrase)
    except _Encrypted as error:
        raise StartRefused(
            f"{setting}_KEY is encrypted: give the key without a passphrase, in a file that only "
            "this user may read."
        ) from error
    except (OSError, ValueError) as error:
        what = "a certificate in PEM, and its key there or in the file of " + f"{setting}_KEY"
        raise _unusable(f"{setting}_CERT", cert, error, what) from error
    return context


class _Encrypted(Exception):
    """A key wants a passphrase."""


def _no_passphrase() -> str:
    raise _Encrypted


def _unusable(setting: str, path: Path | None, error: Exception, what: str) -> StartRefused:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StartRefused(
        f"{setting} is {printable(str(path), 200)!r}, which can't be used "
        f"({printable(str(why), 200)}): it takes {what}."
    )
