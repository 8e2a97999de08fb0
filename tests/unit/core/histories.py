"""Hypothesis strategies: what users may do, sense or not."""

from __future__ import annotations

from hypothesis import strategies as st

from streams.core.profile import ClickFact
from streams.core.rules import KINDS
from tests.unit.core.worlds import NOW_S

# Of a world with six tastes of 40 items each; taste 9 is in no catalogue.
item_ids = st.builds("{}/{}".format, st.sampled_from([0, 1, 2, 3, 4, 5, 9]), st.integers(0, 39))
# Mostly within two years around now, any order; sometimes any float at all.
times_s = st.one_of(st.floats(NOW_S - 3e7, NOW_S + 3e7), st.floats(NOW_S, NOW_S + 1e5), st.floats())
clicks = st.builds(
    ClickFact,
    item_id=item_ids,
    kind=st.sampled_from(KINDS),
    at_s=times_s,
    dwell_s=st.one_of(st.none(), st.floats(0.0, 600.0), st.floats()),
)
histories = st.lists(clicks, min_size=1, max_size=60)
