"""Write docs/topics.md and docs/asyncapi.json, or say whether they are stale.

python -m streams.topics_reference           exits 1 and names what is stale
python -m streams.topics_reference --write   writes both
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from streams.generated import DOCS
from streams.reference.asyncapi import document
from streams.reference.page import markdown


def generated() -> Mapping[str, str]:
    """The text of each generated file, by its name in docs/."""
    return {
        "topics.md": markdown(),
        "asyncapi.json": json.dumps(document(), indent=2, ensure_ascii=False) + "\n",
    }


def stale(docs: Path) -> list[str]:
    """Names of the files that are missing or say something else than the code."""
    return [
        name
        for name, text in generated().items()
        if not (docs / name).is_file() or (docs / name).read_text(encoding="utf-8") != text
    ]


def main(arguments: Sequence[str] | None = None, docs: Path = DOCS) -> int:
    """Exit code: 0 when the files are as they should be, or were written."""
    parser = argparse.ArgumentParser(prog="streams.topics_reference")
    parser.add_argument("--write", action="store_true", help="write the files")
    if parser.parse_args(arguments).write:
        docs.mkdir(parents=True, exist_ok=True)
        for name, text in generated().items():
            (docs / name).write_text(text, encoding="utf-8")
        return 0
    names = stale(docs)
    for name in names:
        sys.stderr.write(f"docs/{name} is stale: run `make docs`\n")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
