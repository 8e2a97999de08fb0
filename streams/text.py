"""Text from outside, made safe to show."""

from __future__ import annotations


def printable(text: str, limit: int = 80) -> str:
    """`text` with everything a terminal could act on escaped, cut to `limit` characters.

    Control characters, surrogates, separators and direction marks become `\\x1b`-style escapes.
    """
    cut = text[:limit]
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return shown + "…" if len(text) > limit else shown
