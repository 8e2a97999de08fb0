"""Encryption and passwords as settings: what is refused, where secrets may lie, what is shown."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import pytest
from pydantic import ValidationError

from streams.errors import StartRefused
from streams.local.workers import worker_environment
from streams.settings import Settings, defaults, load_settings, shown
from streams.wires import kafka_options, redis_options
from tests.support.certificates import Authority, OpensslMissing

PASSWORD = "geheim-0815"


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(f"LOOKSTREAM_{name}", value)
    with pytest.raises(StartRefused) as refused:
        load_settings()
    return str(refused.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"KAFKA_TLS_CA": "ca.pem"},
            "LOOKSTREAM_KAFKA_TLS_CA is set, and LOOKSTREAM_KAFKA_TLS is not true: nothing would "
            "be encrypted. Set LOOKSTREAM_KAFKA_TLS=true.",
        ),
        (
            {"KAFKA_TLS": "true", "KAFKA_TLS_KEY": "key.pem"},
            "LOOKSTREAM_KAFKA_TLS_KEY is set without LOOKSTREAM_KAFKA_TLS_CERT.",
        ),
        (
            {"KAFKA_USERNAME": "ada"},
            "LOOKSTREAM_KAFKA_USERNAME is set without LOOKSTREAM_KAFKA_PASSWORD.",
        ),
        (
            {"KAFKA_PASSWORD": PASSWORD},
            "LOOKSTREAM_KAFKA_PASSWORD is set without LOOKSTREAM_KAFKA_USERNAME.",
        ),
        (
            {"KAFKA_USERNAME": "ada", "KAFKA_PASSWORD": PASSWORD, "KAFKA_SASL": "PLAIN"},
            "LOOKSTREAM_KAFKA_SASL is PLAIN, and LOOKSTREAM_KAFKA_TLS is not true: the password "
            "would cross the network in the clear. Set LOOKSTREAM_KAFKA_TLS=true, or use SCRAM.",
        ),
        (
            {"REDIS_TLS_CA": "ca.pem"},
            "LOOKSTREAM_REDIS_TLS_CA is set, and LOOKSTREAM_REDIS does not begin with rediss://: "
            "nothing would be encrypted.",
        ),
        (
            {"REDIS": "rediss://store", "REDIS_TLS_KEY": "key.pem"},
            "LOOKSTREAM_REDIS_TLS_KEY is set without LOOKSTREAM_REDIS_TLS_CERT.",
        ),
        (
            {"REDIS": f"redis://ada:{PASSWORD}@store", "REDIS_PASSWORD": PASSWORD},
            "LOOKSTREAM_REDIS_PASSWORD is set, and LOOKSTREAM_REDIS has a password, too.",
        ),
    ],
)
def test_settings_that_contradict_one_another_are_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    assert refusal(monkeypatch, **given) == said


def test_every_contradiction_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, KAFKA_TLS_CA="a", KAFKA_USERNAME="ada", REDIS_TLS_CERT="b")
    assert [line.split()[0] for line in said.splitlines()] == [
        "LOOKSTREAM_KAFKA_TLS_CA",
        "LOOKSTREAM_KAFKA_USERNAME",
        "LOOKSTREAM_REDIS_TLS_CERT",
    ]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("KAFKA_PASSWORD", PASSWORD),
        ("REDIS_PASSWORD", f"{PASSWORD} "),
        ("REDIS", f"redis://:{PASSWORD}@store:1/0"),
    ],
)
def test_a_secret_may_lie_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, secret: str, ending: str
) -> None:
    file = tmp_path / "secret"
    file.write_bytes((secret + ending).encode())
    monkeypatch.setenv(f"LOOKSTREAM_{name}_FILE", str(file))
    monkeypatch.setenv("LOOKSTREAM_KAFKA_USERNAME", "ada" if name == "KAFKA_PASSWORD" else "")
    assert getattr(load_settings(), name.lower()).get_secret_value() == secret


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"\xff\xfe" + PASSWORD.encode(), "it is not UTF-8"),
        (PASSWORD.encode() * 10_000, "it has more than 65536 bytes"),
    ],
)
def test_a_secrets_file_that_is_none_is_refused_without_its_content(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    said = refusal(monkeypatch, REDIS_PASSWORD_FILE=str(file))
    assert said.startswith(f"LOOKSTREAM_REDIS_PASSWORD_FILE is '{file}', which can't be read")
    assert why in said
    assert PASSWORD not in said


def test_a_secret_is_set_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = refusal(monkeypatch, REDIS_PASSWORD=PASSWORD, REDIS_PASSWORD_FILE=str(tmp_path / "x"))
    assert said == (
        "LOOKSTREAM_REDIS_PASSWORD and LOOKSTREAM_REDIS_PASSWORD_FILE are both set: unset one of "
        "them."
    )


def test_only_secrets_are_read_from_files(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "LOOKSTREAM_KAFKA_FILE is no setting" in refusal(monkeypatch, KAFKA_FILE="servers")


def secretive() -> Settings:
    return load_settings(
        kafka_tls=True,
        kafka_username="ada",
        kafka_password=PASSWORD,
        redis="rediss://ada@store",
        redis_password=PASSWORD + "2",
    )


def test_passwords_are_in_no_text_of_the_settings(caplog: pytest.LogCaptureFixture) -> None:
    settings = secretive()
    logging.getLogger("test").warning("%s %r", settings, settings)
    texts = [repr(settings), str(settings), caplog.text, settings.model_dump_json()]
    texts += [str(shown(settings))]
    assert not any(PASSWORD in text for text in texts)
    assert set(settings.secrets) == {PASSWORD, PASSWORD + "2"}


def test_a_refused_setting_beside_a_password_does_not_tell_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(kafka_password=PASSWORD, kafka_tls_ca=Path("ca.pem"))
    assert PASSWORD not in str(refused.value)
    said = refusal(monkeypatch, KAFKA_PASSWORD=PASSWORD, KAFKA_SASL=PASSWORD[:3])
    assert PASSWORD not in said


def test_nothing_set_tells_the_clients_nothing() -> None:
    assert kafka_options(load_settings()) == {}
    assert redis_options(load_settings()) == {}


def test_the_clients_are_told_what_is_set() -> None:
    options = kafka_options(secretive())
    context = options.pop("ssl_context")
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "ada",
        "sasl_plain_password": PASSWORD,
    }
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert redis_options(secretive()) == {"password": PASSWORD + "2"}


@pytest.mark.parametrize(
    ("given", "protocol"),
    [
        ({"kafka_tls": True}, "SSL"),
        ({"kafka_username": "ada", "kafka_password": PASSWORD}, "SASL_PLAINTEXT"),
    ],
)
def test_encryption_and_passwords_go_alone_too(given: dict[str, object], protocol: str) -> None:
    assert kafka_options(load_settings(**given))["security_protocol"] == protocol


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    try:
        return Authority(tmp_path_factory.mktemp("ca"))
    except OpensslMissing as missing:
        pytest.skip(str(missing))


def test_a_certificate_and_its_key_may_share_a_file(authority: Authority) -> None:
    both = authority.vouch("ada").in_one_file()
    settings = load_settings(kafka_tls=True, kafka_tls_cert=both)
    assert kafka_options(settings)["security_protocol"] == "SSL"


@pytest.mark.parametrize("side", ["kafka", "redis"])
@pytest.mark.parametrize("wrong", ["missing", "no-pem", "other-key", "encrypted"])
def test_a_certificate_that_can_t_be_used_is_refused_by_its_setting(
    authority: Authority, tmp_path: Path, side: str, wrong: str
) -> None:
    ours, other = authority.vouch("ada"), authority.vouch("eve")
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("no certificate")
    given: dict[str, object] = {
        "missing": {"ca": tmp_path / "none"},
        "no-pem": {"ca": nonsense},
        "other-key": {"cert": ours.cert, "key": other.key},
        "encrypted": {"cert": ours.cert, "key": ours.encrypted_key()},
    }[wrong]  # type: ignore[assignment]
    on = {"kafka_tls": True} if side == "kafka" else {"redis": "rediss://store"}
    settings = load_settings(**on, **{f"{side}_tls_{k}": v for k, v in given.items()})  # type: ignore[attr-defined]
    make = kafka_options if side == "kafka" else redis_options
    with pytest.raises(StartRefused) as refused:
        make(settings)
    part = {"missing": "CA", "no-pem": "CA", "other-key": "CERT", "encrypted": "KEY"}[wrong]
    assert str(refused.value).startswith(f"LOOKSTREAM_{side.upper()}_TLS_{part} is ")


def test_the_demos_workers_are_not_told_of_somebody_elses_broker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOOKSTREAM_KAFKA_TLS", "true")
    monkeypatch.setenv("LOOKSTREAM_REDIS_FILE", "/run/secrets/redis")
    monkeypatch.setenv("LOOKSTREAM_REDIS_PASSWORD", PASSWORD)
    monkeypatch.setenv("LOOKSTREAM_LOG_LEVEL", "debug")
    told = {name for name in worker_environment({}) if name.startswith("LOOKSTREAM_")}
    assert told == {"LOOKSTREAM_LOG_LEVEL"}


def test_a_worker_listens_on_loopback_unless_told_otherwise() -> None:
    assert defaults().http_address == ("127.0.0.1", 9464)
