"""Secrets that lie in files: LOOKSTREAM_…_FILE names the file, as for secrets that are mounted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic.fields import FieldInfo

from streams.settings.errors import file_variable, is_secret, variable
from streams.text import printable

_MAX_BYTES = 65_536


def read_secrets(
    environment: Mapping[str, str], fields: Mapping[str, FieldInfo]
) -> tuple[dict[str, str], list[str]]:
    """Field -> secret, of those whose files are named; and a sentence for each that can't be had.

    One line break at the file's end is none of the secret's.
    """
    found: dict[str, str] = {}
    problems = []
    for name, field in fields.items():
        path = environment.get(file_variable(name)) if is_secret(field) else None
        if not path:
            continue
        if environment.get(variable(name)):
            problems.append(
                f"{variable(name)} and {file_variable(name)} are both set: unset one of them."
            )
            continue
        try:
            found[name] = _read(Path(path))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            problems.append(
                f"{file_variable(name)} is {printable(path)!r}, which can't be read ({why}); it "
                "takes the path of a file that holds the secret and nothing else."
            )
    return found, problems


def _read(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(_MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise ValueError(f"it has more than {_MAX_BYTES} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        # Without its cause, which quotes the bytes.
        raise ValueError("it is not UTF-8") from None
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise ValueError("it is empty")
    return secret
