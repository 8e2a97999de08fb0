"""Where a run stands: gathers it from everybody who works, shows it, and waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from streams.local.catalogue import Item
from streams.local.children import ChildFailed
from streams.local.display import Display
from streams.local.scene import Scene
from streams.local.stopping import Stopping
from streams.local.street import Street
from streams.local.tally import Tally
from streams.local.traffic import Clicks, ListReader, Publisher
from streams.local.workers import Watch

_NEXT_SHOPPER_AFTER_S = 20.0


@dataclass(slots=True)
class Board:
    """What is known of a run so far. Its parts are filled in as they come to be."""

    display: Display
    stopping: Stopping
    total: int
    """Pictures the catalogue has, or is going to have."""
    stage: str = "starting"
    detail: str = ""
    """What goes on within the stage."""
    catalogue: str = ""
    drawn: int = 0
    items: Mapping[str, Item] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """Sentences for the end."""
    tally: Tally = field(default_factory=Tally)
    watch: Watch | None = None
    publisher: Publisher | None = None
    clicks: Clicks | None = None
    street: Street | None = None
    reader: ListReader | None = None

    def embedded(self) -> int:
        """Pictures the embedder is through with, well or not, by its own count."""
        return self._count("embedder", "applied", "duplicate", "dead-lettered")

    def proofs(self) -> tuple[int, int]:
        """Reasons that the recommender has proven: those that held, and those that did not."""
        return self._count("recommender", "held"), self._count("recommender", "not held")

    def settled(self) -> bool:
        """Whether every click has been worked on, and has its list."""
        done = self._count("recommender", "applied", "duplicate", "dead-lettered")
        return not self.tally.waiting and done >= self.tally.clicks

    def scene(self, left_s: float | None = None) -> Scene:
        """This moment."""
        now_s = time.monotonic()
        visitors = self.street.visitors if self.street else ()
        since_s = now_s - (self.street.first_list_at_s or now_s) if self.street else 0.0
        return Scene(
            stage=self.stage,
            detail=self.detail,
            catalogue=self.catalogue,
            items=self.items,
            total=self.total,
            drawn=self.drawn,
            published=self.publisher.published if self.publisher else 0,
            embedded=self._count("embedder", "applied"),
            visitors=visitors,
            shown=int(since_s / _NEXT_SHOPPER_AFTER_S),
            now_s=now_s,
            left_s=left_s,
            clicks_sent=self.clicks.sent if self.clicks else 0,
            clicks_applied=self._count("recommender", "applied"),
            lists=self.tally.lists,
            dead_letters=sum(self._count(k, "dead-lettered") for k in ("embedder", "recommender")),
            click_to_list_s=self.tally.click_to_list_s(),
            fit=self.tally.fit(),
        )

    def show(self, *, left_s: float | None = None, wait_s: float | None = None) -> None:
        """Show this moment, and wait until the next is worth showing or somebody asks to end."""
        self.display.show(self.scene(left_s))
        pause_s = self.display.pause_s
        self.stopping.wait(pause_s if wait_s is None else max(0.0, min(pause_s, wait_s)))

    def until(self, done: Callable[[], bool], within_s: float, hoped_for: str) -> None:
        """Show on until `done`. Raises Stopped when asked to end, ChildFailed when it is late."""
        deadline_s = time.monotonic() + within_s
        while not done():
            self.stopping.check()
            self.check()
            if time.monotonic() > deadline_s:
                raise ChildFailed(f"{hoped_for} within {within_s:.0f} s.{self._last_words()}")
            self.show()

    def check(self) -> None:
        """Raise what went wrong with anybody who works."""
        for part in (self.watch, self.publisher, self.reader, self.street, self.clicks):
            if part is not None:
                part.check()

    def _count(self, kind: str, *names: str) -> int:
        return sum(self.watch.count(kind, name) for name in names) if self.watch else 0

    def _last_words(self) -> str:
        workers = self.watch.workers if self.watch else ()
        return "".join(
            f"\nThe {worker.kind} runs.{worker.child.last_words(6)}" for worker in workers
        )
