"""Certificates for tests, made by openssl: an authority of our own, and who it vouches for."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


class OpensslMissing(Exception):
    """There is no openssl here; the message says what to install."""


def require_openssl() -> None:
    """Raises OpensslMissing."""
    if shutil.which("openssl") is None:
        raise OpensslMissing("no `openssl` on the path: install it")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two PEM files: the certificate, and its key without a passphrase."""

    cert: Path
    key: Path

    def in_one_file(self) -> Path:
        """Key and certificate together, as Kafka's PEM key stores are."""
        both = self.cert.with_suffix(".pem")
        both.write_text(self.key.read_text() + self.cert.read_text())
        return both

    def encrypted_key(self) -> Path:
        """The same key, under a passphrase."""
        made = self.key.with_suffix(".encrypted")
        _openssl("ec", "-in", str(self.key), "-aes256", "-passout", "pass:x", "-out", str(made))
        return made


class Authority:
    """A certificate authority that lives in `folder`."""

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        require_openssl()
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._own = self._request("ca", name)
        extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
        self._sign("ca", extensions, by=("-signkey", str(self._own.key)))

    @property
    def cert(self) -> Path:
        """What those who trust it are given."""
        return self._own.cert

    def vouch(
        self, name: str, *, hosts: str = "DNS:localhost,IP:127.0.0.1", days: int = 2
    ) -> Certificate:
        """A certificate with the common name `name`, good for `hosts`; over, if `days` is -1."""
        made = self._request(name, name)
        by = ("-CA", str(self._own.cert), "-CAkey", str(self._own.key), "-CAcreateserial")
        extended = "extendedKeyUsage=serverAuth,clientAuth\n"
        self._sign(name, f"subjectAltName={hosts}\n{extended}", by=by, days=days)
        return made

    def _request(self, stem: str, name: str) -> Certificate:
        made = Certificate(self._folder / f"{stem}.crt", self._folder / f"{stem}.key")
        _openssl(
            *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-subj", f"/CN={name}"),
            *("-keyout", str(made.key), "-out", str(self._folder / f"{stem}.csr")),
        )
        return made

    def _sign(self, stem: str, extensions: str, *, by: tuple[str, ...], days: int = 2) -> None:
        request = self._folder / f"{stem}.csr"
        described = self._folder / f"{stem}.ext"
        described.write_text(extensions)
        _openssl(
            *("x509", "-req", "-in", str(request), "-days", str(days), *by),
            *("-extfile", str(described), "-out", str(self._folder / f"{stem}.crt")),
        )


def _openssl(*words: str) -> None:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"openssl {words[0]}: {done.stderr[-500:]}")
