"""What the documents name is there: alerts, commands, options, settings, files, other sections."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from streams.cli import MOUNTS, _load
from streams.generated import DOCS
from streams.settings import Settings
from streams.settings.errors import variable

ROOT = DOCS.parent
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
SETTINGS = {variable(name) for name in Settings.model_fields}
_COMMAND = re.compile(r"\blookstream ([a-z][a-z-]+)((?:[ ]+[a-z][a-z0-9-]+)?)")
_SETTING = re.compile(r"\bLOOKSTREAM_[A-Z0-9_]*[A-Z0-9]\b")
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_named_are_settings(page: Path) -> None:
    named = set(_SETTING.findall(text(page)))
    unknown = {name for name in named - SETTINGS if not name.endswith(("_FILE", "_KAFKA_TLS"))}
    assert not unknown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_named_are_commands(page: Path) -> None:
    code = re.findall(r"```.*?```|`[^`\n]+`", text(page), re.DOTALL)
    for command, sub in _COMMAND.findall("\n".join(code)):
        assert command in MOUNTS, f"lookstream {command}"
        found = _load(MOUNTS[command])
        if sub.strip() and isinstance(found, typer.core.TyperGroup):
            assert sub.strip() in found.commands, f"lookstream {command}{sub}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for path, section in _LINK.findall(text(page)):
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        if section:
            assert section in _sections(text(target)), f"{path}#{section}"


def _sections(markdown: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


def test_every_alert_has_its_section_and_every_section_of_one_its_alert() -> None:
    alerts = set(re.findall(r"alert: (\w+)", text(ROOT / "deploy/prometheus/alerts.yml")))
    sections = set(re.findall(r"^### (Lookstream\w+)$", text(DOCS / "operations.md"), re.MULTILINE))
    assert sections == alerts
