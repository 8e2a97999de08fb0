"""One test for each name and signature delivery relies on inside Faust and aiokafka."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from streams.delivery import hooks
from streams.delivery.hooks import HOOKS, Hook, check_hooks
from streams.errors import StartRefused


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.label)
def test_the_hook_is_there(hook: Hook) -> None:
    assert hook.problem() is None


def test_the_versions_are_the_pinned_ones() -> None:
    assert version("faust-streaming") == hooks.FAUST_VERSION
    assert version("aiokafka") == hooks.AIOKAFKA_VERSION


class Changed:
    no_function = 3

    def renamed(self, other: int) -> None: ...


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("gone", None, "is gone"),
        ("renamed", ("fetcher",), "takes ('other',)"),
        ("no_function", (), "no function"),
    ],
)
def test_a_hook_that_moved_is_noticed(
    name: str, arguments: tuple[str, ...] | None, problem: str
) -> None:
    found = Hook(Changed, name, arguments, "test").problem()
    assert found is not None
    assert problem in found


def test_a_worker_does_not_start_on_another_faust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "HOOKS", (Hook(Changed, "gone", None, "commits"),))
    with pytest.raises(StartRefused, match=r"Changed.gone is gone.*pinned versions"):
        check_hooks()


def test_a_worker_starts_on_this_one() -> None:
    check_hooks()
