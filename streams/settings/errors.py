"""What is wrong with the settings, said in one sentence for each."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from streams.settings.values import Allowed
from streams.text import printable

PREFIX = "LOOKSTREAM_"


def variable(field_name: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field_name.upper()


def allowed(field: FieldInfo) -> str:
    """What a field takes, as a noun phrase: 'a whole number from 1 to 4096'."""
    for note in field.metadata:
        if isinstance(note, Allowed):
            return note.what
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(field.annotation))
    if field.annotation is bool:
        return "true or false"
    if field.annotation in (int, float):
        noun = "a whole number" if field.annotation is int else "a number"
        return noun + _bounds(field.metadata)
    return "a path" if field.annotation is Path else "text"


def _bounds(notes: Iterable[object]) -> str:
    words = []
    for note in notes:
        match note:
            case Ge(ge=low):
                words.append(f"from {low}")
            case Gt(gt=low):
                words.append(f"above {low}")
            case Le(le=high):
                words.append(f"to {high}")
            case Lt(lt=high):
                words.append(f"below {high}")
    return "".join(f" {word}" for word in words)


def is_secret(field: FieldInfo) -> bool:
    """Whether the value must never be shown."""
    return field.annotation is SecretStr


def file_variable(field_name: str) -> str:
    """The environment variable that names the file a secret is read from."""
    return variable(field_name) + "_FILE"


def unknown_names(names: Iterable[str], fields: Mapping[str, FieldInfo]) -> list[str]:
    """A sentence for every name of our prefix that no setting has."""
    known = sorted(
        [variable(name) for name in fields]
        + [file_variable(name) for name, field in fields.items() if is_secret(field)]
    )
    sentences = []
    for name in sorted(names):
        if not name.upper().startswith(PREFIX) or name in known:
            continue
        close = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.75)
        advice = (
            f"did you mean {close[0]}?"
            if close
            else "docs/configuration.md lists all there are. Unset it."
        )
        sentences.append(f"{printable(name)} is no setting: {advice}")
    return sentences


def refusals(error: ValidationError, fields: dict[str, FieldInfo]) -> list[str]:
    """A sentence for every setting that `error` refuses: what was given, what is allowed."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_context=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        field = fields.get(name)
        if field is None:
            found.setdefault(name, problem["msg"].removeprefix("Value error, "))
            continue
        found.setdefault(name, _sentence(name, field, problem["input"], problem["msg"]))
    order = list(fields)
    return [
        found[name] for name in sorted(found, key=lambda n: order.index(n) if n in fields else -1)
    ]


def _sentence(name: str, field: FieldInfo, given: Any, message: str) -> str:
    shown = (
        "(not shown: it may hold a password) is refused"
        if is_secret(field)
        else f"is {printable(str(given))!r}"
    )
    _, marked, why = message.partition("Value error, ")
    because = f" ({why})" if marked else ""
    return f"{variable(name)} {shown}{because}; it takes {allowed(field)}."
