"""Proving the reasons of lists before they go out: those of a share of them, drawn by their ids."""

from __future__ import annotations

import logging
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from streams.core import reasons
from streams.core.catalogue import Catalogue
from streams.core.crowd import Crowd
from streams.core.picks import Fallback, Pick
from streams.core.profile import Profile
from streams.core.rules import TasteRules

_log = logging.getLogger(__name__)


class Measures(Protocol):
    """What is told of proofs."""

    def reasons(self, held: Mapping[str, int], failed: Mapping[str, int]) -> None: ...


class Proving:
    """Checks every reason of a list once more, from profile, index and signals.

    A reason that doesn't hold is a bug: it is counted and logged, and its list goes out, because
    the item has earned its place all the same. share: of the lists, 0 to 1.
    """

    def __init__(self, share: float, rules: TasteRules, measures: Measures) -> None:
        self._most = int(share * 2**32)
        self._rules = rules
        self._measures = measures

    def takes(self, list_id: str) -> bool:
        """Whether this list is to be proven; by its id, so that it is the same one anywhere."""
        return zlib.crc32(list_id.encode()) < self._most

    def prove(
        self,
        picks: Sequence[Pick],
        list_id: str,
        *,
        profile: Profile,
        catalogue: Catalogue,
        fallback: Fallback,
        crowd: Crowd | None,
        now_s: float,
    ) -> None:
        """Check what was just made, before anything it was made of changes."""
        held: Counter[str] = Counter()
        failed: Counter[str] = Counter()
        for rank, pick in enumerate(picks, 1):
            said = reasons.check(
                pick, profile, catalogue, fallback, self._rules, crowd=crowd, now_s=now_s
            )
            if said is None:
                held[pick.reason_kind] += 1
                continue
            failed[pick.reason_kind] += 1
            _log.error(
                "a reason does not hold: list %s, rank %d, %s: %s",
                list_id,
                rank,
                pick.reason_kind,
                said,
            )
        self._measures.reasons(held, failed)
