"""What an operator may set, and what is said when it can't be."""

from __future__ import annotations

import logging
import os
from dataclasses import fields

import pytest
from annotated_types import Ge, Gt, Le

from inference.pictures import PictureLimits
from streams import settings_reference
from streams.core.rules import TasteRules
from streams.errors import StartRefused
from streams.events import EventLimits
from streams.fetching import FetchLimits
from streams.generated import DOCS
from streams.settings import SECTIONS, Settings, defaults, load_settings, shown
from streams.settings.errors import variable
from streams.topics import DEFAULT_PICTURE_MAX_BYTES, TOPICS

PASSWORD = "hunter2-s3cret"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("LOOKSTREAM_"):
            monkeypatch.delenv(name)


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(f"LOOKSTREAM_{name}", value)
    with pytest.raises(StartRefused) as refused:
        load_settings()
    return str(refused.value)


def test_an_empty_environment_gives_the_defaults() -> None:
    assert load_settings().model_dump() == defaults().model_dump()


def test_every_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKSTREAM_KAFKA", "a:9092, [::1]:9093")
    monkeypatch.setenv("LOOKSTREAM_MODEL", "vgg16:int8")
    monkeypatch.setenv("LOOKSTREAM_LIST_LENGTH", "7")
    monkeypatch.setenv("LOOKSTREAM_EMBED_LINGER_S", "0.5")
    monkeypatch.setenv("LOOKSTREAM_PICTURE_FORMATS", "jpeg, png,JPEG")
    monkeypatch.setenv("LOOKSTREAM_URI_HOSTS", "cdn.example.org,img.example.org:8443")
    monkeypatch.setenv("LOOKSTREAM_URI_PRIVATE_ADDRESSES", "true")
    settings = load_settings()
    assert settings.kafka == "a:9092,[::1]:9093"
    assert settings.model == "vgg16:int8"
    assert settings.list_length == 7
    assert settings.embed_linger_s == 0.5
    assert settings.picture_formats == ("JPEG", "PNG")
    assert settings.uri_hosts == ("cdn.example.org", "img.example.org:8443")
    assert settings.uri_private_addresses is True


def test_an_empty_value_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKSTREAM_PARTITIONS", "")
    assert load_settings().partitions == defaults().partitions


def test_settings_cannot_be_changed_once_made() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().partitions = 3  # type: ignore[misc]


def test_arguments_stand_above_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKSTREAM_PARTITIONS", "3")
    assert load_settings(partitions=5).partitions == 5


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LOOKSTREAM_KAKFA", "LOOKSTREAM_KAFKA"),
        ("LOOKSTREAM_REDIS_URL", "LOOKSTREAM_REDIS"),
        ("lookstream_kafka", "LOOKSTREAM_KAFKA"),
        ("LOOKSTREAM_TOPICPREFIX", "LOOKSTREAM_TOPIC_PREFIX"),
    ],
)
def test_an_unknown_name_is_refused_with_the_one_probably_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "x:1")
    with pytest.raises(StartRefused) as refused:
        load_settings()
    assert str(refused.value) == f"{name} is no setting: did you mean {meant}?"


def test_an_unknown_name_like_no_other_points_to_the_documentation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "docs/configuration.md" in refusal(monkeypatch, QQQQQQQQQQ="1")


def test_names_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKS_KAFKA", "x")
    monkeypatch.setenv("KAFKA", "x")
    assert load_settings().kafka == defaults().kafka


def test_all_that_is_wrong_is_said_at_once_a_sentence_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = refusal(monkeypatch, KAFKA="nowhere", PARTITIONS="0", LSIT_LENGTH="2").splitlines()
    assert len(said) == 3
    assert "LOOKSTREAM_LSIT_LENGTH is no setting: did you mean LOOKSTREAM_LIST_LENGTH?" in said
    assert (
        "LOOKSTREAM_KAFKA is 'nowhere' (that is not host:port); it takes host:port, or several of "
        "them separated by commas." in said
    )
    assert "LOOKSTREAM_PARTITIONS is '0'; it takes a whole number from 1 to 1000." in said


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("KAFKA", "broker:0", "port is not 0"),
        ("KAFKA", "broker:99999", "0 to 65535"),
        ("KAFKA", ",", "no server"),
        ("HTTP", "9464", "host:port"),
        ("DEVICE", "gpu", "one of auto, cpu, cuda"),
        ("LOG_LEVEL", "trace", "one of debug, info, warning, error"),
        ("MODEL", "../../etc/passwd", "a folder's name"),
        ("MODEL", "a:int4", "a folder's name"),
        ("TOPIC_PREFIX", "a b", "letters, digits"),
        ("URI_HOSTS", "a b", "host names, or host:port"),
        ("PICTURE_FORMATS", "JPEG,SVG", "SVG is not one of them"),
        ("PICTURE_FORMATS", ",", "none named"),
        ("KIND_WEIGHTS", "clik=2", "clik is no kind"),
        ("KIND_WEIGHTS", "click:2", "no '='"),
        ("KIND_WEIGHTS", "click=-1", "a number from 0"),
        ("KIND_WEIGHTS", "click=nan", "a number from 0"),
        ("URI_HOSTS", "https://x.org/", "host names, or host:port"),
        ("URI_PRIVATE_ADDRESSES", "perhaps", "true or false"),
        ("STOP_TIMEOUT_S", "nan", "a number from 0.5 to 300"),
        ("STOP_TIMEOUT_S", "ten", "a number from 0.5 to 300"),
        ("LIST_LENGTH", "2.5", "a whole number from 1 to 500"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_with_what_is(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, part: str
) -> None:
    said = refusal(monkeypatch, **{name: value})
    assert said.startswith(f"LOOKSTREAM_{name} is ")
    assert part in said
    assert "\n" not in said


def test_control_characters_of_a_value_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, KAFKA="a\x1b[2Jb\n:x")
    assert "\x1b" not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{PASSWORD}@store",
        f"redis://user:{PASSWORD}@store:port",
        f"redis://:{PASSWORD}@/0",
        f"redis://:{PASSWORD}@store:6379/zero",
        f"rediss://:{PASSWORD}@store:6379/0#{PASSWORD}\x1b",
        PASSWORD,
    ],
)
def test_a_refused_store_url_is_never_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    said = refusal(monkeypatch, REDIS=url)
    assert said.startswith("LOOKSTREAM_REDIS (not shown")
    assert PASSWORD not in said


def test_the_stores_password_is_in_no_text_of_the_settings(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = load_settings(redis=f"redis://ada:{PASSWORD}@store:6379/2?password={PASSWORD}")
    logging.getLogger("test").warning("%s %r", settings, settings)
    texts = [repr(settings), str(settings), caplog.text, settings.model_dump_json()]
    texts += [str(shown(settings)), settings.redis_shown]
    assert not any(PASSWORD in text for text in texts)
    assert settings.redis_shown == "redis://***@store:6379/2?…"
    assert PASSWORD in settings.redis_url
    assert PASSWORD in settings.secrets


@pytest.mark.parametrize(
    "url",
    [
        "redis://store",
        "redis://store:6380/3",
        "rediss://u:p%40ss@store/0",
        "unix:///run/redis.sock",
    ],
)
def test_the_stores_usual_urls_are_taken(url: str) -> None:
    assert load_settings(redis=url).redis_url == url


def test_a_percent_encoded_password_is_a_secret_in_both_spellings() -> None:
    assert set(load_settings(redis="redis://u:p%40ss@store").secrets) == {"p%40ss", "p@ss"}


def test_defaults_are_those_of_the_rooms() -> None:
    settings = load_settings()
    assert settings.picture_limits() == PictureLimits()
    assert settings.event_limits() == EventLimits()
    assert settings.fetch_limits() == FetchLimits()
    assert settings.taste_rules() == TasteRules()
    assert settings.taste_rules().weights == TasteRules().weights
    assert settings.picture_max_bytes == DEFAULT_PICTURE_MAX_BYTES


def test_the_rooms_objects_are_made_of_the_settings() -> None:
    settings = load_settings(
        picture_max_bytes=2_000,
        max_labels=3,
        click_max_ahead_s=9,
        uri_hosts="a.org",
        recent_items=4,
        kind_weights="view=0.5,hide=2",
        topic_prefix="shop-",
    )
    assert settings.picture_limits().max_bytes == 2_000
    assert settings.fetch_limits().max_bytes == 2_000
    assert settings.fetch_limits().hosts == ("a.org",)
    assert settings.event_limits().picture_max_bytes == 2_000
    assert settings.event_limits().max_labels == 3
    assert settings.event_limits().max_ahead_s == 9
    rules = settings.taste_rules()
    assert (rules.recent, rules.pending) == (4, 3)
    assert (rules.view_weight, rules.hide_weight) == (0.5, 2.0)
    assert rules.click_weight == TasteRules().click_weight
    assert settings.topics().images == "shop-images"
    assert settings.group("embedder") == "shop-lookstream-embedder"
    assert settings.store_prefix == "shop-lookstream:"


@pytest.mark.parametrize("end", [0, -1], ids=["least", "most"])
def test_the_rooms_take_whatever_the_bounds_allow(end: int) -> None:
    extremes: dict[str, float] = {}
    for name, field in Settings.model_fields.items():
        kinds = (Ge, Gt, Le)
        bounds = [
            getattr(n, type(n).__name__.lower()) for n in field.metadata if isinstance(n, kinds)
        ]
        if bounds:
            open_below = end == 0 and any(isinstance(note, Gt) for note in field.metadata)
            extremes[name] = bounds[end] + (0.001 if open_below else 0)
    settings = load_settings(**extremes)
    settings.picture_limits()
    settings.event_limits()
    settings.fetch_limits()
    settings.taste_rules()
    assert len(list(settings.topics())) == len(TOPICS)


def test_every_number_has_bounds_on_both_sides() -> None:
    for name, field in Settings.model_fields.items():
        if field.annotation in (int, float):
            kinds = {type(note) for note in field.metadata}
            assert kinds & {Ge, Gt}, name
            assert Le in kinds, name


def test_every_setting_says_more_than_its_name() -> None:
    for name, field in Settings.model_fields.items():
        description = field.description or ""
        assert description.endswith("."), name
        assert len(description.split()) >= 3, name


def test_sections_hold_every_setting_once_in_order() -> None:
    names = [name for section in SECTIONS for name in section.model_fields]
    assert names == list(Settings.model_fields)


def test_the_http_address_is_split() -> None:
    assert load_settings(http="0.0.0.0:0").http_address == ("0.0.0.0", 0)
    assert load_settings(http="[::1]:80").http_address == ("::1", 80)


def test_shown_settings_are_what_the_environment_would_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = load_settings(
        kind_weights="view=0.125", picture_formats="PNG,GIF", uri_private_addresses=True
    )
    for name, text in shown(given).items():
        monkeypatch.setenv(name, text)
    assert load_settings() == given


def test_the_page_of_the_documentation_is_up_to_date() -> None:
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    assert page == settings_reference.render(), "run `make docs`"


def test_the_page_names_every_variable() -> None:
    page = settings_reference.render()
    for name in Settings.model_fields:
        assert f"### `{variable(name)}`\n" in page


def test_the_page_does_not_depend_on_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings_reference.render()
    monkeypatch.setenv("LOOKSTREAM_PARTITIONS", "77")
    assert settings_reference.render() == before


def test_every_limit_of_an_event_has_a_setting() -> None:
    not_a_limit = {"max_dwell_s"}  # longer dwells are cut, not refused
    ours = set(Settings.model_fields) | {"max_ahead_s"} | not_a_limit
    assert {field.name for field in fields(EventLimits)} <= ours
