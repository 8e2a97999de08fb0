"""The ways work can fail, and the code each refusal carries.

EventError         this event is refused: it becomes a dead letter with a Reason
DependencyDown     Kafka or Redis does not answer: wait and retry in place
StartRefused       this worker cannot do its job: it does not start, and says what to do
(anything else)    a bug: the process ends, so that the events come again
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """Why an event was refused. The value is the stable code in a dead letter's `reason`."""

    # pictures (the same codes as in inference/errors.py)
    NOT_A_PICTURE = "not-a-picture"
    FORMAT_NOT_ALLOWED = "format-not-allowed"
    TRUNCATED_PICTURE = "truncated-picture"
    BROKEN_PICTURE = "broken-picture"
    EMPTY_PICTURE = "empty-picture"
    TOO_MANY_BYTES = "too-many-bytes"
    TOO_MANY_PIXELS = "too-many-pixels"
    TOO_MANY_FRAMES = "too-many-frames"
    DECOMPRESSION_BOMB = "decompression-bomb"
    # where a picture should come from
    BAD_BASE64 = "bad-base64"
    URI_NOT_ALLOWED = "uri-not-allowed"
    URI_FAILED = "uri-failed"
    # the record itself
    BAD_JSON = "bad-json"
    BAD_FIELD = "bad-field"
    MISSING_ITEM_ID = "missing-item-id"
    MISSING_USER_ID = "missing-user-id"
    BAD_ID = "bad-id"
    CONFLICTING_ID = "conflicting-id"
    UNKNOWN_KIND = "unknown-kind"
    BAD_TIME = "bad-time"
    TIME_IN_FUTURE = "time-in-future"
    EMPTY_EVENT = "empty-event"
    BAD_CLOUDEVENT = "bad-cloudevent"
    TOO_MANY_LABELS = "too-many-labels"
    BAD_INTERACTION = "bad-interaction"
    # on the way out
    NO_EMBEDDING = "no-embedding"
    RESULT_TOO_LARGE = "result-too-large"


REASONS: Mapping[Reason, str] = {
    Reason.NOT_A_PICTURE: "The bytes begin like no picture format.",
    Reason.FORMAT_NOT_ALLOWED: "A picture of a format that is not read here "
    "(LOOKSTREAM_PICTURE_FORMATS).",
    Reason.TRUNCATED_PICTURE: "The file ends before the picture does.",
    Reason.BROKEN_PICTURE: "The picture's header or data contradict its format.",
    Reason.EMPTY_PICTURE: "A picture of no bytes.",
    Reason.TOO_MANY_BYTES: "The picture is larger than LOOKSTREAM_PICTURE_MAX_BYTES, or the JSON "
    "larger than LOOKSTREAM_MAX_JSON_BYTES (and a picture in it).",
    Reason.TOO_MANY_PIXELS: "The picture's header promises more pixels than "
    "LOOKSTREAM_PICTURE_MAX_PIXELS, or more than 65,535 on a side.",
    Reason.TOO_MANY_FRAMES: "Animated, or of many pages, beyond LOOKSTREAM_PICTURE_MAX_FRAMES.",
    Reason.DECOMPRESSION_BOMB: "A part of the file would take far more memory or time than the "
    "picture needs.",
    Reason.BAD_BASE64: "Not standard base64: padded, no line breaks, no `data:` before it.",
    Reason.URI_NOT_ALLOWED: "The uri's scheme, host or port is not one that may be fetched "
    "(LOOKSTREAM_URI_HOSTS).",
    Reason.URI_FAILED: "The uri's host didn't give the picture in time.",
    Reason.BAD_JSON: "The value should be a JSON object in UTF-8, and is not.",
    Reason.BAD_FIELD: "A field has the wrong type, is too long, or holds what it may not.",
    Reason.MISSING_ITEM_ID: "Neither the key nor the value names the item; on clicks, `item_id` "
    "is missing.",
    Reason.MISSING_USER_ID: "Neither the key nor `user_id` names the user.",
    Reason.BAD_ID: "An id is empty, too long (LOOKSTREAM_MAX_ID_BYTES), not UTF-8, holds control "
    "characters, or is neither text nor a whole number; or the user is called `*`.",
    Reason.CONFLICTING_ID: "The key and the value name different ones.",
    Reason.UNKNOWN_KIND: "`kind` is none of the kinds of click.",
    Reason.BAD_TIME: "`at` is neither RFC 3339 with an offset nor epoch milliseconds, or it, or "
    "the record's timestamp in its place, lies before 1971 or after 2099.",
    Reason.TIME_IN_FUTURE: "`at` is more than LOOKSTREAM_CLICK_MAX_AHEAD_S after the record's "
    "timestamp.",
    Reason.EMPTY_EVENT: "Nothing in it: a click without a value, or neither picture nor fact.",
    Reason.BAD_CLOUDEVENT: "A CloudEvent of another version than 1.0, of another format than "
    "JSON, or with data that is not an object.",
    Reason.TOO_MANY_LABELS: "More labels than LOOKSTREAM_MAX_LABELS.",
    Reason.BAD_INTERACTION: "The bytes are no interaction of this version: somebody else wrote to "
    "that topic, or workers of two versions are running.",
    Reason.NO_EMBEDDING: "The model sees nothing in the picture that has a direction: its vector "
    "is zero or not a number.",
    Reason.RESULT_TOO_LARGE: "What was made of it is larger than the broker takes.",
}
"""What each code means, for docs/topics.md. Every Reason is here."""


class EventError(Exception):
    """One event is refused, and why. `detail` never holds payload or control characters."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class DependencyDown(Exception):
    """A service lookstream needs does not answer now; the same call may succeed later."""

    summary = "does not answer"

    def __init__(self, dependency: str, detail: str) -> None:
        super().__init__(f"{dependency}: {detail}")
        self.dependency = dependency
        self.detail = detail


class StoreBehind(DependencyDown):
    """The store has lost profiles that were written: an older past must not be built upon.

    source  "topic-partition" of the clicks whose effect is missing.
    stored  the last offset of it that the store knows of, -1 for none.
    known   the one that it must know of.
    """

    DEPENDENCY = "profiles"
    summary = "have lost data"

    def __init__(self, source: str, stored: int, known: int) -> None:
        at = f"stands at offset {stored}" if stored >= 0 else "is unknown"
        super().__init__(
            self.DEPENDENCY,
            f"in the store {source} {at}, though clicks up to offset {known} were applied: it was "
            f"emptied, or an older state came back. Nothing is applied to it until "
            f"`lookstream rebuild` has restored what is missing",
        )
        self.source, self.stored, self.known = source, stored, known


class LogBegunAnew(DependencyDown):
    """The log ends before what the store holds of it: its offsets mean other clicks now.

    source  "topic-partition".
    stored  the offset up to which the store says that it holds its clicks.
    first   the one at which the log goes on.
    """

    summary = "and the log don't fit"

    def __init__(self, source: str, stored: int, first: int) -> None:
        super().__init__(
            StoreBehind.DEPENDENCY,
            f"{source} goes on at offset {first} and ends before {stored}, up to which the store "
            f"holds its clicks: the topic was made anew, or lost its end. Its clicks would count "
            f"as known. Nothing is applied until this is settled: ask `lookstream rebuild`",
        )
        self.source, self.stored, self.first = source, stored, first


class StartRefused(Exception):
    """The worker cannot do its job. The message says what is wrong and what to do about it."""


class StateBroken(Exception):
    """Something kept by lookstream can't be read back. The message says what, and what to do.

    It ends the process: going on would overwrite what a newer version, or a repair, could read.
    """
