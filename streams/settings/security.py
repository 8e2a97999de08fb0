"""Settings of the wires: encryption, who we are, and whom we trust."""

from __future__ import annotations

from typing import Literal

from pydantic import SecretStr

from streams.settings.field import Section, setting
from streams.settings.values import PemFile, Secret, UserName


class Security(Section):
    """Encryption and passwords"""

    kafka_tls: bool = setting(
        False,
        "Speak TLS with Kafka. The brokers' certificates are checked, and that they are for the "
        "host names that are connected to.",
    )
    kafka_tls_ca: PemFile = setting(
        None,
        "The authorities whose brokers are trusted, in place of the system's. Read at start: a "
        "worker must be started again for a new one.",
    )
    kafka_tls_cert: PemFile = setting(
        None,
        "Our certificate, for brokers that want one, with those between it and its authority.",
    )
    kafka_tls_key: PemFile = setting(
        None,
        "The certificate's private key, without a passphrase. Empty where it lies in the same "
        "file as the certificate.",
    )
    kafka_username: UserName = setting(
        "",
        "Who we are to Kafka, by SASL. Empty: nobody in particular, or whom our certificate names. "
        "deploy/kafka/acls.sh has the rights that each worker needs.",
    )
    kafka_password: Secret = setting(SecretStr(""), "The user's password. It is shown nowhere.")
    kafka_sasl: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = setting(
        "SCRAM-SHA-512",
        "How the password is proved. PLAIN hands it to the broker as it is: only with "
        "LOOKSTREAM_KAFKA_TLS.",
    )
    redis_password: Secret = setting(
        SecretStr(""),
        "The store's password, where it is not a part of LOOKSTREAM_REDIS. The user's name belongs "
        "in there: rediss://NAME@host:port/0. deploy/redis/users.conf has the rights that are "
        "needed.",
    )
    redis_tls_ca: PemFile = setting(
        None,
        "The authorities whose store is trusted, in place of the system's. TLS is spoken where "
        "LOOKSTREAM_REDIS begins with rediss://.",
    )
    redis_tls_cert: PemFile = setting(None, "Our certificate, for a store that wants one.")
    redis_tls_key: PemFile = setting(
        None,
        "The certificate's private key, without a passphrase. Empty where it lies in the same "
        "file as the certificate.",
    )
