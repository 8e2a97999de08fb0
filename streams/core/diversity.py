"""Several tastes in one list, and nothing twice that looks the same."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.compiled import bits_set, compiled
from streams.core.rules import TasteRules

NO_PAIRS = np.empty((0, 2), np.int32)
NO_GROUPS = np.empty((0, 0), np.int64)
_NO_LIMITS = np.empty(0, np.int64)
_NOBODY = np.empty(0, np.int64)
_NOTHING_TAKEN = np.empty((0, 0), np.float32)
_ODD = range(1, 1 << 31, 2)  # 2 places + 1, for any number of places


@dataclass(frozen=True, slots=True)
class Company:
    """Which candidates may not stand in one list. Positions count in the candidates.

    pairs   int32 [p, 2], those that look the same, each pair both ways.
    groups  int64 [c, n]: each row is one way to group the candidates, -1 for none.
    most    int64 [c]: of one group of each row so many may be listed.
    taken   float32 [n, n]: what a listed candidate takes off the logarithm of another's worth; of
            several the most counts. None: nothing.
    """

    pairs: NDArray[np.int32] = field(default_factory=lambda: NO_PAIRS)
    groups: NDArray[np.int64] = field(default_factory=lambda: NO_GROUPS)
    most: NDArray[np.int64] = field(default_factory=lambda: _NO_LIMITS)
    taken: NDArray[np.float32] | None = None

    @property
    def matters(self) -> bool:
        """Whether anything here can keep a candidate out."""
        return bool(len(self.pairs) or len(self.groups))


def grouped(
    *ways: tuple[Sequence[int | str | None] | NDArray[np.int32], int],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The `groups` and `most` of a Company: for each way the group of each candidate (a number, -1
    for none, or a name, None for none), and how many of one may be listed."""
    if not ways:
        return NO_GROUPS, _NO_LIMITS
    rows = np.empty((len(ways), len(ways[0][0])), np.int64)
    for row, (groups, _) in zip(rows, ways, strict=True):
        if isinstance(groups, np.ndarray):
            row[:] = groups
        else:
            names = {name: at for at, name in enumerate(dict.fromkeys(groups))}
            row[:] = [-1 if name is None else names[name] for name in groups]
    return rows, np.array([most for _, most in ways], np.int64)


class Seated:
    """Who may still be listed, as places are given away."""

    def __init__(self, company: Company) -> None:
        self._duplicates: dict[int, list[int]] = {}
        for one, other in company.pairs.tolist():
            self._duplicates.setdefault(one, []).append(other)
        self._blocked: set[int] = set()
        self._groups = company.groups
        self._ways = [
            (groups, most, Counter[int]())
            for groups, most in zip(company.groups.tolist(), company.most.tolist(), strict=True)
        ]

    def admits(self, at: int) -> bool:
        """Whether candidate `at` may stand beside those that have a place."""
        if at in self._blocked:
            return False
        return all(groups[at] < 0 or of[groups[at]] < most for groups, most, of in self._ways)

    def seat(self, at: int) -> None:
        """Give a place to candidate `at`."""
        self._blocked.update(self._duplicates.get(at, ()))
        self._blocked.add(at)
        self.hold(at)

    def hold(self, at: int) -> None:
        """Count candidate `at` among its groups: it gets its place later."""
        for groups, _, of in self._ways:
            if groups[at] >= 0:
                of[groups[at]] += 1

    def close(self, left: NDArray[np.bool_], at: int) -> None:
        """Make false in `left`, bool [n], those whose group is full by `at`, seated or held now."""
        for row, (groups, most, of) in zip(self._groups, self._ways, strict=True):
            if groups[at] >= 0 and of[groups[at]] >= most:
                left[row == groups[at]] = False


def look_same(
    cosines: NDArray[np.float32],
    hashes: NDArray[np.uint64],
    others: NDArray[np.uint64],
    rules: TasteRules,
) -> NDArray[np.bool_]:
    """Which items look the same as which others: bool [n, m].

    cosines: float32 [n, m] of the items' first views with the others'; hashes, others: uint64 [n]
    and [m] perceptual hashes, of which 0 says nothing (a picture without contrast, or none).
    """
    same: NDArray[np.bool_] = cosines > rules.near_duplicate_similarity
    if rules.near_duplicate_bits >= 0:
        bits = np.bitwise_count(hashes[:, None] ^ others) <= rules.near_duplicate_bits
        themselves = len(hashes) if hashes is others else 0
        if np.count_nonzero(bits) > themselves:
            same |= bits & (others != 0) & (hashes != 0)[:, None]
    return same


def near_duplicates(
    cosines: NDArray[np.float32], hashes: NDArray[np.uint64], rules: TasteRules
) -> NDArray[np.int32]:
    """Which items look the same: int32 [p, 2], pairs of positions, each both ways, rising.

    cosines: float32 [n, n] of the items' first views; hashes: as in `look_same`.
    """
    pairs: NDArray[np.int32] = pairs_alike(
        cosines, hashes, rules.near_duplicate_similarity, rules.near_duplicate_bits
    )
    return pairs


@compiled
def pairs_alike(
    cosines: NDArray[np.float32], hashes: NDArray[np.uint64], similarity: float, bits: int
) -> NDArray[np.int32]:
    """Pairs of different positions that `look_same`: int32 [m, 2], rising."""
    n = hashes.size
    found = np.empty((n * (n - 1), 2), np.int32)
    m = 0
    for row in range(n):
        for column in range(n):
            if row == column:
                continue
            same = cosines[row, column] > np.float32(similarity)
            if not same and bits >= 0 and hashes[row] != 0 and hashes[column] != 0:
                same = bits_set(hashes[row] ^ hashes[column]) <= bits
            if same:
                found[m, 0], found[m, 1] = row, column
                m += 1
    return found[:m]


def unlike_places(
    logits: NDArray[np.float64],
    company: Company,
    length: int,
    held: NDArray[np.int64] = _NOBODY,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Up to `length` candidates, their positions and values, each the best once what is above it
    has taken off what it looks like: maximal marginal relevance (J. Carbonell, J. Goldstein, SIGIR
    1998), in logarithms.

    logits: float64 [n], the logarithm of each candidate's worth; -inf is not listed. held: int64
    [h], positions of those that get their places later and count among their groups already. The
    value is what is left of the worth over 2 places + 1, as of one owner in `share_places`, which
    this is where nothing is taken. Values never rise.
    """
    taken = _NOTHING_TAKEN if company.taken is None else company.taken
    found, worths = apart(logits, taken, company.pairs, company.groups, company.most, held, length)
    return found, worths


@compiled
def full(
    groups: NDArray[np.int64], most: NDArray[np.int64], listed: NDArray[np.int64], at: int
) -> bool:
    """Whether a group of `at` has as many among `listed` as may be; arrays as in `Company`."""
    for way in range(most.size):
        if groups[way, at] < 0:
            continue
        of_group = 0
        for other in listed:
            of_group += groups[way, other] == groups[way, at]
        if of_group >= most[way]:
            return True
    return False


@compiled
def apart(  # noqa: PLR0917 - compiled functions take no keywords cheaply
    logits: NDArray[np.float64],
    taken: NDArray[np.float32],
    pairs: NDArray[np.int32],
    groups: NDArray[np.int64],
    most: NDArray[np.int64],
    held: NDArray[np.int64],
    length: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The loop of `unlike_places`: positions and values. Arrays as in `Company`."""
    n, m = logits.size, 0
    left, off = np.isfinite(logits), np.zeros(n)
    listed = np.empty(held.size + length, np.int64)
    listed[: held.size] = held
    found, worths = listed[held.size :], np.empty(length)
    while m < length:
        best = -1
        for at in range(n):
            if left[at] and (best < 0 or logits[at] - off[at] > logits[best] - off[best]):
                best = at
        if best < 0:
            break
        left[best] = False
        if full(groups, most, listed[: held.size + m], best):
            continue
        found[m], worths[m] = best, np.exp(logits[best] - off[best]) / (2 * m + 1)
        m += 1
        for pair in range(pairs.shape[0]):
            if pairs[pair, 0] == best and pairs[pair, 1] < n:
                left[pairs[pair, 1]] = False
        if taken.size:
            for at in range(n):
                off[at] = max(off[at], taken[best, at])
    return found[:m], worths[:m]


def share_places(
    scores: Sequence[float],
    owners: Sequence[int],
    strengths: Sequence[float],
    company: Company,
    length: int,
) -> list[tuple[int, float]]:
    """Up to `length` candidates as (position, value), places shared in proportion to strength.

    The next place goes to the owner (an interest) with the largest share / (2 places + 1), times
    the score of its best candidate left: Sainte-Laguë's method, as in PM-2 (V. Dang, B. Croft,
    "Diversity by proportionality", SIGIR 2012). So each beginning of the list is shared fairly,
    and the values never rise. Candidates with a score of 0 or less are not listed.
    """
    total = sum(strengths) or 1.0
    shares = [strength / total for strength in strengths]
    order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
    if company.matters:
        queues: list[list[int]] = [[] for _ in shares]  # of each owner, its best last
        for at in reversed(order):
            if scores[at] > 0.0:
                queues[owners[at]].append(at)
        return _in_turn(queues, scores, shares, company, length)
    # Nothing drops out, so what each candidate is worth at its turn is known: a third faster.
    if len(shares) == 1:
        best = order[: max(length, 0)]
        valued = zip(best, _ODD, strict=False)
        return [(at, shares[0] / odd * scores[at]) for at, odd in valued if scores[at] > 0.0]
    falling = [map(share.__truediv__, _ODD) for share in shares]
    worth = [next(falling[owners[at]]) * scores[at] for at in order]
    best = sorted(range(len(worth)), key=worth.__getitem__, reverse=True)
    return [(order[i], worth[i]) for i in best[:length] if worth[i] > 0.0]


def _in_turn(
    queues: list[list[int]],
    scores: Sequence[float],
    shares: Sequence[float],
    company: Company,
    length: int,
) -> list[tuple[int, float]]:
    """The same place by place, leaving out what may not stand beside those that have got one."""
    heap = [(-shares[o] * scores[queue[-1]], o) for o, queue in enumerate(queues) if queue]
    heapq.heapify(heap)
    odds = [1] * len(queues)  # 2 places + 1
    seated = Seated(company)
    chosen: list[tuple[int, float]] = []
    while heap and len(chosen) < length:
        value, owner = heap[0]
        queue = queues[owner]
        at = queue.pop()
        if seated.admits(at):
            chosen.append((at, -value))
            odds[owner] += 2
            seated.seat(at)
        while queue and not seated.admits(queue[-1]):
            queue.pop()
        if queue:
            heapq.heapreplace(heap, (-shares[owner] / odds[owner] * scores[queue[-1]], owner))
        else:
            heapq.heappop(heap)
    return chosen
