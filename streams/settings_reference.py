"""docs/configuration.md, made from the settings: `python -m streams.settings_reference --write`."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.fields import FieldInfo

from streams.generated import write_or_print
from streams.settings import SECTIONS, defaults, shown
from streams.settings.errors import allowed, file_variable, is_secret, variable

_INTRODUCTION = """\
# Configuration

Made from `streams/settings/` by `make docs`; a test holds it to the code.

Everything is set by environment variables. A name that begins with `LOOKSTREAM_` and is none of
these is refused at start, with the name that was probably meant; so is a value that is not
allowed. An empty value means the default. Secrets may lie in files, as Kubernetes and Docker mount
them: the variable with `_FILE` behind it then names the file. Seconds end in `_S`, bytes in
`_BYTES`. `lookstream config` shows what is in effect, without secrets.
"""


def render() -> str:
    """The whole page."""
    values = shown(defaults())
    parts = [_INTRODUCTION]
    for section in SECTIONS:
        parts.append(f"## {(section.__doc__ or '').strip()}\n")
        parts += [
            "\n".join(_entry(name, field, values[variable(name)])) + "\n"
            for name, field in section.model_fields.items()
        ]
    return "\n".join(parts)


def _entry(name: str, field: FieldInfo, default: str) -> Iterator[str]:
    yield f"### `{variable(name)}`"
    yield ""
    yield str(field.description)
    yield ""
    yield f"- takes {allowed(field)}"
    if is_secret(field):
        yield f"- or `{file_variable(name)}`: a file that holds it"
    yield f"- default: `{default}`" if default else "- default: empty"


if __name__ == "__main__":
    write_or_print("configuration.md", render)
