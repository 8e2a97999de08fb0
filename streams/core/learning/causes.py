"""Which item of hers others clicked beside a listed one: the reason `people-also-clicked`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.compiled import compiled, widened
from streams.core.learning.evidence import DAMPING, Signals
from streams.core.learning.features import Moment


@compiled
def contributions(signals: Signals, moment: Moment, rows: NDArray[np.int32]) -> NDArray[np.float32]:
    """What each of hers adds to each of `rows`: float32 [lately + likes, n], as in `gather`.

    Every term of session(i) is divided by the sum of those terms for the item, and every term of
    the first step of walk(i) likewise, so that the two can be added up. What is said of an item
    doesn't depend on the others.
    """
    # Most neighbours are none of `rows`: seen at one glance. By the last bits of a row: 1 + the
    # last of `rows` with these bits; and for each of them, 1 + the one before it.
    last, before = np.zeros(1024, np.int32), np.zeros(rows.size, np.int32)
    for i in range(rows.size):
        before[i] = last[rows[i] & 1023]
        last[rows[i] & 1023] = i + 1
    n_lately = moment.lately.size
    found = np.zeros((n_lately + moment.likes.size, rows.size), np.float32)
    sums = np.zeros((2, rows.size), np.float32)
    for k in range(found.shape[0]):
        session = k < n_lately
        row = moment.lately[k] if session else moment.likes[k - n_lately]
        if row < 0:
            continue
        if session:
            age = min(max(moment.session_now - signals.session_at[row], -100.0), 100.0)
            since = np.float32(2.0 ** (-age))
            factor = np.float32(0.9) ** k * since
            factor /= np.sqrt(signals.session_totals[row] * since + DAMPING)
            neighbours = signals.session_rows[row, : signals.session_sizes[row]]
            weights = signals.session_weights[row]
        else:
            factor = np.float32(0.97) ** (k - n_lately) * signals.walk_scales[row]
            factor /= np.sqrt(signals.likes[row] + np.float32(1.0))
            neighbours = signals.walk_rows[row, : signals.walk_sizes[row]]
            weights = signals.walk_weights[row]
        for at in range(neighbours.size):
            i = last[neighbours[at] & 1023]
            while i and rows[i - 1] != neighbours[at]:
                i = before[i - 1]
            if i:
                found[k, i - 1] = factor * widened(weights[at])
                sums[0 if session else 1, i - 1] += found[k, i - 1]
    for k in range(found.shape[0]):
        for i in range(rows.size):
            if found[k, i] > 0.0:
                found[k, i] /= sums[0 if k < n_lately else 1, i]
    return found


@compiled
def causes(
    signals: Signals, moment: Moment, rows: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """For each of `rows` the item of hers that adds most to it, and its part of all that is added.

    Its place in lately and likes, one after the other, int64 [n], its row, int32 [n], and the part,
    float32 [n], 0 to 1; -1, -1 and 0 where none of hers leads there in one step. The latest of
    equals. `rows` are few: a list's items, each once.
    """
    found = contributions(signals, moment, rows)
    hers = np.concatenate((moment.lately, moment.likes))
    for k in range(moment.lately.size, hers.size):
        for earlier in range(moment.lately.size):
            if hers[earlier] == hers[k]:  # what stands in both is one item
                found[earlier] += found[k]
                found[k] = 0.0
                break
    places, named = np.full(rows.size, -1), np.full(rows.size, -1, np.int32)
    shares, totals = np.zeros(rows.size, np.float32), np.zeros(rows.size, np.float32)
    for k in range(hers.size):
        for i in range(rows.size):
            totals[i] += found[k, i]
            if found[k, i] > shares[i]:
                places[i], named[i], shares[i] = k, hers[k], found[k, i]
    for i in range(rows.size):
        if places[i] >= 0:
            shares[i] /= totals[i]
    return places, named, shares
