"""An Apache Kafka as in production: TLS, passwords, client certificates, and rights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support.certificates import Authority
from tests.support.kafka import Kafka
from tests.support.ports import free_ports


class SecureKafka(Kafka):
    """A broker that lets nobody do anything that was not allowed, but its test.

    address    plain, for the test itself, who may do everything.
    passwords  TLS, and a password by any of the three mechanisms.
    certified  TLS, and a client's certificate, whose name is the user.

    users  name -> password.
    """

    def __init__(self, folder: Path, authority: Authority, users: Mapping[str, str]) -> None:
        super().__init__(folder)
        self._passwords_port, self._certified_port = free_ports(2)
        ports = {
            "PLAINTEXT": self.port,
            "PASSWORDS": self._passwords_port,
            "CERTIFIED": self._certified_port,
        }
        advertised = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required " + " ".join(
            f'user_{user}="{password}"' for user, password in users.items()
        )
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required"
        mechanisms = {"plain": plain, "scram-sha-256": scram, "scram-sha-512": scram}
        self._config |= {
            "listeners": f"{advertised},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": advertised,
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,"
            "PASSWORDS:SASL_SSL,CERTIFIED:SSL",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(authority.vouch("broker").in_one_file()),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(authority.cert),
            "listener.name.certified.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=(.*?)$/$1/",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            **{
                f"listener.name.passwords.{mechanism}.sasl.jaas.config": f"{module};"
                for mechanism, module in mechanisms.items()
            },
        }
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            for user, password in users.items():
                said = f"{mechanism}=[name={user},password={password}]"
                self._format_options += ["--add-scram", said]

    @property
    def passwords(self) -> str:
        return f"127.0.0.1:{self._passwords_port}"

    @property
    def certified(self) -> str:
        return f"127.0.0.1:{self._certified_port}"
