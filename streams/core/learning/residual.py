"""What is hers alone among the factors: a vector in her profile that follows her likes at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streams.core.learning.compiled import mixed
from streams.core.learning.factors import MOST_RESIDUAL, choice_gradient, draw, sum_inward
from streams.core.learning.features import Moment
from streams.core.learning.table import NO_ROWS, Rows, SignalTable


def residual_after(
    table: SignalTable,
    moment: Moment,
    item: int,
    cumulated: NDArray[np.float64],
    seed: int,
    drawn: Rows = NO_ROWS,
) -> NDArray[np.float32]:
    """Her residual after she liked the item with key `item`, at the precision it is stored in.

    moment: before that like. cumulated: chances to be compared with, by the rows `drawn`, or by
    row where that is empty.

    What nothing is known of counts for nothing, whether or not somebody has named it: so with
    `drawn` in an order of its own, this follows from the signals alone.
    """
    before = moment.residual
    row = table.row(item)
    known = table.known(np.append(moment.likes, np.int32(row)))
    if not known[-1] or not len(cumulated):
        return before
    likes = np.where(known[:-1], moment.likes, np.int32(-1))
    others = draw(
        cumulated,
        len(cumulated),
        table.rules.negatives,
        np.uint64(mixed(np.uint64(seed))),
        likes,
        row,
        drawn,
    )
    rows = np.concatenate((np.array([row], np.int32), others))
    x = sum_inward(table.signals.inward, likes) + before
    gradient: NDArray[np.float32] = choice_gradient(
        x, table.signals.outward, rows, np.float32(0.0), False
    )
    after = before - np.float32(table.rules.factor_rate) * gradient
    length = float(np.sqrt((after * after).sum()))
    if length > MOST_RESIDUAL:
        after *= np.float32(MOST_RESIDUAL / length)
    return after.astype(np.float16).astype(np.float32)
