"""The ways work can fail, and the code each refusal carries.

    EventError         this event is refused: it becomes a dead letter with a Reason
    DependencyDown     Kafka or Redis does not answer: wait and retry in place
    StartRefused       this worker cannot do its job: it does not start, and says what to do
    (anything else)    a bug: the process ends, so that the events come again
"""

from __future__ import annotations

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
    # on the way out
    RESULT_TOO_LARGE = "result-too-large"


class EventError(Exception):
    """One event is refused, and why. `detail` never holds payload or control characters."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class DependencyDown(Exception):
    """A service lookstream needs does not answer now; the same call may succeed later."""

    def __init__(self, dependency: str, detail: str) -> None:
        super().__init__(f"{dependency}: {detail}")
        self.dependency = dependency
        self.detail = detail


class StartRefused(Exception):
    """The worker cannot do its job. The message says what is wrong and what to do about it."""
