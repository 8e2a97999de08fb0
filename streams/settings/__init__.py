"""Everything an operator may set, once, with what it costs.

Each field is the environment variable LOOKSTREAM_ + its name in capitals. `load_settings()` is the
front door: it refuses unknown LOOKSTREAM_ names, and says what is wrong in one sentence a setting.
docs/configuration.md is generated from here. Defaults that belong to a room are taken from it.
"""

from __future__ import annotations

import os
from typing import Any

from pydantic import ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from inference.pictures import PictureLimits
from streams.core.learning.rules import LearningRules
from streams.core.learning.schedule import Schedule
from streams.core.rules import TasteRules
from streams.errors import StartRefused
from streams.events import EventLimits
from streams.fetching import FetchLimits
from streams.settings.embedding import Embedding, Pictures
from streams.settings.errors import PREFIX, refusals, unknown_names, variable
from streams.settings.events import Events
from streams.settings.field import Section
from streams.settings.installation import Model, Places, TopicMaking, Workers
from streams.settings.learning import Learning
from streams.settings.pairs import contradictions
from streams.settings.recommending import Recommending, Taste
from streams.settings.secrets import read_secrets
from streams.settings.security import Security
from streams.settings.values import redacted_url, secrets_of, split_address
from streams.topics import Topics

__all__ = ["SECTIONS", "Settings", "as_text", "defaults", "load_settings", "shown"]

SECTIONS: tuple[type[Section], ...] = (
    Places,
    Security,
    Workers,
    Model,
    Pictures,
    Embedding,
    Events,
    Taste,
    Recommending,
    Learning,
    TopicMaking,
)


class Settings(  # the last base's fields come first
    TopicMaking,
    Learning,
    Recommending,
    Taste,
    Events,
    Embedding,
    Pictures,
    Model,
    Workers,
    Security,
    Places,
    BaseSettings,
):
    """One frozen object, built at start and handed to whoever needs it; its repr has no secret."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        validate_default=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    @model_validator(mode="after")
    def _agree(self) -> Settings:
        found = contradictions(self)
        if found:
            raise ValueError("\n".join(found))
        return self

    @property
    def redis_url(self) -> str:
        """The URL with its password. Never log it: see `redis_shown`."""
        return self.redis.get_secret_value()

    @property
    def redis_shown(self) -> str:
        """The URL as it may be shown."""
        return redacted_url(self.redis_url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must turn up nowhere: for `logs.configure`."""
        passwords = (self.kafka_password, self.redis_password)
        given = (password.get_secret_value() for password in passwords)
        return tuple(dict.fromkeys((*secrets_of(self.redis_url), *filter(None, given))))

    @property
    def http_address(self) -> tuple[str, int]:
        """Host and port of the worker's HTTP server; port 0 means any free one."""
        return split_address(self.http)

    def group(self, agent: str) -> str:
        """The consumer group of an agent, e.g. 'lookstream-embedder'."""
        return f"{self.topic_prefix}{self.group_prefix}{agent}"

    @property
    def store_prefix(self) -> str:
        """Stands before every key in the store."""
        return f"{self.topic_prefix}lookstream:"

    def topics(self) -> Topics:
        """The topics' full names and sizes."""
        return Topics(self.topic_prefix, self.picture_max_bytes)

    def picture_limits(self) -> PictureLimits:
        """What pictures are refused."""
        return PictureLimits(
            max_bytes=self.picture_max_bytes,
            max_pixels=self.picture_max_pixels,
            max_frames=self.picture_max_frames,
            formats=self.picture_formats,
        )

    def fetch_limits(self) -> FetchLimits:
        """Where pictures may be fetched from."""
        return FetchLimits(
            hosts=self.uri_hosts,
            max_bytes=self.picture_max_bytes,
            timeout_s=self.uri_timeout_s,
            at_once=self.uri_at_once,
            allow_private_addresses=self.uri_private_addresses,
        )

    def event_limits(self) -> EventLimits:
        """What events are refused."""
        return EventLimits(
            max_id_bytes=self.max_id_bytes,
            max_ahead_s=self.click_max_ahead_s,
            max_labels=self.max_labels,
            max_label_bytes=self.max_label_bytes,
            max_group_bytes=self.max_group_bytes,
            max_title_bytes=self.max_title_bytes,
            max_view_bytes=self.max_view_bytes,
            max_uri_bytes=self.max_uri_bytes,
            max_json_bytes=self.max_json_bytes,
            picture_max_bytes=self.picture_max_bytes,
        )

    def learning_rules(self) -> LearningRules:
        """What clicks teach, and how."""
        return LearningRules(
            items=self.learned_items,
            trusted_items=self.trusted_items,
            ranker_every=self.ranker_every,
        )

    def learning_schedule(self) -> Schedule:
        """When what was learned is published."""
        return Schedule(every_s=self.signals_every_s, item_every_s=self.item_signals_every_s)

    def taste_rules(self) -> TasteRules:
        """How clicks become taste and taste becomes a list."""
        weights: dict[str, Any] = {f"{k}_weight": w for k, w in self.kind_weights.items()}
        return TasteRules(
            list_length=self.list_length,
            interests=self.interests,
            candidates=self.candidates,
            recent=self.recent_items,
            pending=min(TasteRules().pending, self.recent_items - 1),
            seen=self.seen_items,
            hidden=self.hidden_items,
            short_half_life_s=self.short_half_life_s,
            long_half_life_s=self.long_half_life_s,
            repel_half_life_s=self.repel_half_life_s,
            largest_click_share=self.largest_click_share,
            min_similarity=self.min_similarity,
            near_duplicate_similarity=self.near_duplicate_similarity,
            unlikeness=self.unlikeness,
            group_most=self.group_most,
            temperature=self.temperature,
            fresh_share=self.fresh_share,
            explore_share=self.explore_share,
            **weights,
        )


def load_settings(**given: Any) -> Settings:
    """Settings from the environment; `given` stands above it. Raises StartRefused."""
    problems = unknown_names(os.environ, Settings.model_fields)
    from_files, unread = read_secrets(os.environ, Settings.model_fields)
    problems += unread
    try:
        settings = Settings(**{**from_files, **given})
    except ValidationError as error:
        problems += refusals(error, Settings.model_fields)
    if problems:
        raise StartRefused("\n".join(problems))
    return settings


class _Defaults(Settings):
    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def defaults() -> Settings:
    """The settings where the environment says nothing."""
    return _Defaults()


def shown(settings: Settings) -> dict[str, str]:
    """Every setting by its variable, written as in the environment, without secrets."""
    texts = {name: as_text(value) for name, value in settings.model_dump().items()}
    return {
        variable(name): text for name, text in (texts | {"redis": settings.redis_shown}).items()
    }


def as_text(value: object) -> str:
    """A value as it would be written in the environment; a secret's is masked."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return ",".join(f"{name}={weight:g}" for name, weight in value.items())
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.12g}" if isinstance(value, float) else str(value)
