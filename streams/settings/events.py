"""Settings of what an event may hold. What goes beyond becomes a dead letter."""

from __future__ import annotations

from streams.events import EventLimits
from streams.settings.field import Section, setting

_LIMITS = EventLimits()


class Events(Section):
    """Events"""

    max_id_bytes: int = setting(
        _LIMITS.max_id_bytes,
        "Longer user and item ids are refused (bad-id). Each known item's id is kept in memory.",
        ge=16,
        le=1_024,
    )
    max_labels: int = setting(
        _LIMITS.max_labels,
        "Items with more labels are refused (too-many-labels). Labels are kept in memory and "
        "travel with every list.",
        ge=0,
        le=1_000,
    )
    max_label_bytes: int = setting(
        _LIMITS.max_label_bytes,
        "A longer label is refused (bad-field). Kept in memory, for every label of every item.",
        ge=1,
        le=4_096,
    )
    max_group_bytes: int = setting(
        _LIMITS.max_group_bytes,
        "A longer group is refused (bad-field). Kept in memory for every item.",
        ge=1,
        le=4_096,
    )
    max_title_bytes: int = setting(
        _LIMITS.max_title_bytes,
        "A longer title is refused (bad-field). Kept in memory for every item, and part of every "
        "list the item is on.",
        ge=1,
        le=16_384,
    )
    max_view_bytes: int = setting(
        _LIMITS.max_view_bytes,
        "A longer name of a view is refused (bad-field).",
        ge=1,
        le=1_024,
    )
    max_uri_bytes: int = setting(
        _LIMITS.max_uri_bytes,
        "A longer URI of a picture is refused (bad-field).",
        ge=16,
        le=16_384,
    )
    max_json_bytes: int = setting(
        _LIMITS.max_json_bytes,
        "A larger JSON document is refused (too-many-bytes); a picture inside is not counted. "
        "Parsing holds several times its size in memory.",
        ge=1_024,
        le=1_000_000,
    )
    click_max_ahead_s: float = setting(
        _LIMITS.max_ahead_s,
        "Clicks dated further ahead of their record's timestamp are refused (time-in-future): they "
        "would outweigh all that follows. Some of it allows for clocks that are not set well.",
        ge=0,
        le=86_400,
    )
