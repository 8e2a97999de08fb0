"""Settings of the learner: what the crowd's clicks teach, and how often it is told."""

from __future__ import annotations

from streams.core.learning.rules import LearningRules
from streams.settings.field import Section, setting

_RULES = LearningRules()


class Learning(Section):
    """The learner"""

    learning: bool = setting(
        True,
        "Whether recommenders tell the learner of clicks (up to 2 kB each, and a round trip to "
        "Kafka for each batch), and rank by what it has learned, once that comes from a thousand "
        "likes of all items together. Without a learner nothing is learned, and lists follow "
        "pictures and popularity.",
    )
    learned_items: int = setting(
        _RULES.items,
        "Items that something is known of from clicks; the least popular of late makes room. Each "
        "takes about 4.5 kB of the learner's memory once it has been clicked, and one that made "
        "room keeps 2.2 kB. A recommender takes 2.2 kB for each item of its index or that was "
        "clicked, for twice as many as this at most. Fewer than are known already make the learner "
        "learn again from the beginning of the log.",
        ge=16,
        le=50_000_000,
    )
    trusted_items: int = setting(
        _RULES.trusted_items,
        "Items from which on a user's word counts in full; her k-th counts k / so many. More stops "
        "made-up accounts that do little (10 nearly all of them), and costs the lists of a shop "
        "where honest users do little, too. Changing it makes the learner learn again from the "
        "beginning of the log.",
        ge=1,
        le=300,
    )
    ranker_every: int = setting(
        _RULES.ranker_every,
        "The ranker learns from every so many likes. A learner that can't keep up takes in more "
        "with a higher number: with 5 it was 1.4 to 1.85 times as many clicks. The ranker then "
        "takes longer to learn.",
        ge=1,
        le=1_000_000,
    )
    signals_every_s: float = setting(
        1.0,
        "How often what has changed is published, in the time of the clicks. Less often costs "
        "recommenders less; lists notice later what others just clicked.",
        ge=0.05,
        le=3600,
    )
    item_signals_every_s: float = setting(
        10.0,
        "Each item is published at most once in so long, however often it is clicked: in the time "
        "of the clicks, and by the clock while none come. Each time costs up to 2 kB of topic, and "
        "every recommender the reading of it.",
        ge=0,
        le=86_400,
    )
    learner_pictures: bool = setting(
        True,
        "Have the ranker also learn what pictures are worth beside clicks. Costs the learner the "
        "vectors of all items, about 0.6 kB each at 256 dimensions. Without it, the ranker's "
        "weights follow from the log alone, to the bit; with it also from which pictures were "
        "known when.",
    )
    learner_frozen: bool = setting(
        False,
        "The learner reads along, and changes and publishes nothing; what is clicked meanwhile is "
        "never learned from. For the time of an attack, or of clicks known to be wrong.",
    )
