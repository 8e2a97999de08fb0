"""Every topic, declared once: who writes it, who reads it, what is in it, how it is kept.

docs/topics.md and docs/asyncapi.json are generated from here, and `lookstream topics` creates and
checks by it. Sizes of `images` and `dead-letters` follow the largest picture that is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from streams.topic_kinds import COMPACTION, DAY_MS, HOUR_MS, MIB, WHY_COMPACTION, Topic

DEFAULT_PICTURE_MAX_BYTES = 10_000_000


def images_max_message_bytes(picture_max_bytes: int) -> int:
    """Room for the largest picture in base64 inside JSON, its facts and headers."""
    return -(-picture_max_bytes // 3) * 4 + MIB


def dead_letters_max_message_bytes(picture_max_bytes: int) -> int:
    """Room for the largest record of `images`, and what is said about it."""
    return images_max_message_bytes(picture_max_bytes) + MIB


IMAGES = Topic(
    name="images",
    direction="in",
    what="Pictures of items, changes of their facts, and withdrawals.",
    written_by="you",
    read_by="the embedder",
    key="item id, UTF-8",
    value="a picture, JSON, or null: see below",
    config={
        "cleanup.policy": "delete",
        "retention.ms": str(7 * DAY_MS),
        "max.message.bytes": str(images_max_message_bytes(DEFAULT_PICTURE_MAX_BYTES)),
    },
    why={
        "cleanup.policy": "what is old is forgotten",
        "retention.ms": "an embedder that stood still for a week loses nothing; to look at all "
        "pictures again with another model, publish them again",
        "max.message.bytes": "the largest picture that is allowed, as base64, and a MiB for facts",
    },
    repartition="Harmless once the embedder has caught up: an item's later events go to another "
    "partition than its earlier ones.",
)

CLICKS = Topic(
    name="clicks",
    direction="in",
    what="What your visitors do: clicks, likes, purchases, dislikes.",
    written_by="you",
    read_by="the recommender",
    key="user id, UTF-8",
    value="JSON: see below",
    config={
        "cleanup.policy": "delete",
        "retention.ms": str(30 * DAY_MS),
        "max.message.bytes": str(MIB),
    },
    why={
        "cleanup.policy": "what is old is forgotten",
        "retention.ms": "profiles lie in the store; what the store loses can be told again only "
        "from the clicks that are still here",
        "max.message.bytes": "Kafka's default; a click is about 150 bytes",
    },
    repartition="Let the recommender catch up first, and stop the producers meanwhile: a user's "
    "later clicks go to another partition, and order holds within a partition only.",
)

RECOMMENDATIONS = Topic(
    name="recommendations",
    direction="out",
    what="The current list of each user, and under the key `*` the list for somebody unknown.",
    written_by="the recommender",
    read_by="you",
    key="user id, UTF-8, or `*`",
    value="JSON: see below",
    config=COMPACTION | {"min.compaction.lag.ms": str(HOUR_MS), "max.message.bytes": str(2 * MIB)},
    why=WHY_COMPACTION
    | {
        "min.compaction.lag.ms": "whoever wants every list, not only the newest, has an hour",
        "max.message.bytes": "500 items with long titles fit",
    },
    repartition="A user's next list goes to another partition; the old one stays where it was "
    "and is never compacted away. Make a new topic instead.",
)

ITEM_EMBEDDINGS = Topic(
    name="item-embeddings",
    direction="internal",
    what="What every recommender knows of the items: unit vectors and facts. Not for others to "
    "write; its format may change between versions.",
    written_by="the embedder",
    read_by="every recommender, from the beginning",
    key="item id, `\\0`, part (`v:VIEW`, `f:FACT` or `w`), UTF-8; the partition follows from the "
    "item id alone",
    value="binary, see streams/embeddings.py; null clears",
    config=COMPACTION | {"delete.retention.ms": str(7 * DAY_MS), "max.message.bytes": str(MIB)},
    why=WHY_COMPACTION
    | {
        "delete.retention.ms": "longer than an index snapshot is likely to lie about; a withdrawal "
        "is a record of its own in any case",
        "max.message.bytes": "Kafka's default; a vector of 256 components takes about 600 bytes",
    },
    repartition="Don't: an item's later records would lie in another partition than its earlier "
    "ones, without order between them. Make a new topic and publish the pictures again.",
)

INTERACTIONS = Topic(
    name="interactions",
    direction="internal",
    what="Each applied click, and what came before it, to learn from. Its format may change.",
    written_by="the recommender",
    read_by="the learner",
    key="user id, UTF-8",
    value="binary, see streams/core/learning/interaction.py",
    config={
        "cleanup.policy": "delete",
        "retention.ms": str(30 * DAY_MS),
        "max.message.bytes": str(MIB),
    },
    why={
        "cleanup.policy": "what is old is forgotten; what it taught is in the learner's snapshot",
        "retention.ms": "a learner without a snapshot learns again from what is here",
        "max.message.bytes": "Kafka's default; an interaction takes up to two kilobytes",
    },
    partitions=1,
    repartition="Don't: what is learned follows from the one order of this log.",
)

ITEM_SIGNALS = Topic(
    name="item-signals",
    direction="internal",
    what="What the crowd's clicks say of each item. For no others to write; its format may change.",
    written_by="the learner",
    read_by="every recommender, from the beginning",
    key="the item's 32-bit key as 8 lower-case hexadecimal digits, ASCII",
    value="binary, see streams/core/learning/signals.py; null: nothing is known of it any more",
    config=COMPACTION | {"max.message.bytes": str(MIB)},
    why=WHY_COMPACTION | {"max.message.bytes": "Kafka's default; an item takes 2,000 bytes"},
    repartition="Don't, as with item-embeddings: make a new topic, and let the learner begin anew.",
)

RANKER = Topic(
    name="ranker",
    direction="internal",
    what="The ranker's weights, as learned. Not for others to write; its format may change.",
    written_by="the learner",
    read_by="every recommender, from the beginning",
    key="`weights`",
    value="binary, see streams/core/learning/weights_codec.py",
    config=COMPACTION | {"max.message.bytes": str(MIB)},
    why=WHY_COMPACTION | {"max.message.bytes": "Kafka's default; the weights take 600 bytes"},
    partitions=1,
    repartition="Don't: there is one record.",
)

DEAD_LETTERS = Topic(
    name="dead-letters",
    direction="out",
    what="Whatever was refused, whole, and why.",
    written_by="every worker",
    read_by="you",
    key="the original key",
    value="the original value",
    config={
        "cleanup.policy": "delete",
        "retention.ms": str(30 * DAY_MS),
        "max.message.bytes": str(dead_letters_max_message_bytes(DEFAULT_PICTURE_MAX_BYTES)),
    },
    why={
        "cleanup.policy": "what is old is forgotten",
        "retention.ms": "time to notice, mend the producer, and publish again",
        "max.message.bytes": "the largest record of `images`, and a MiB for what is said about it",
    },
    repartition="Harmless.",
)

TOPICS = (
    IMAGES,
    CLICKS,
    RECOMMENDATIONS,
    ITEM_EMBEDDINGS,
    INTERACTIONS,
    ITEM_SIGNALS,
    RANKER,
    DEAD_LETTERS,
)


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one installation: full names, and sizes that follow its settings."""

    prefix: str = ""
    picture_max_bytes: int = DEFAULT_PICTURE_MAX_BYTES

    @property
    def images(self) -> str:
        """Full name of `images`."""
        return self.prefix + IMAGES.name

    @property
    def clicks(self) -> str:
        """Full name of `clicks`."""
        return self.prefix + CLICKS.name

    @property
    def recommendations(self) -> str:
        """Full name of `recommendations`."""
        return self.prefix + RECOMMENDATIONS.name

    @property
    def item_embeddings(self) -> str:
        """Full name of `item-embeddings`."""
        return self.prefix + ITEM_EMBEDDINGS.name

    @property
    def interactions(self) -> str:
        """Full name of `interactions`."""
        return self.prefix + INTERACTIONS.name

    @property
    def item_signals(self) -> str:
        """Full name of `item-signals`."""
        return self.prefix + ITEM_SIGNALS.name

    @property
    def ranker(self) -> str:
        """Full name of `ranker`."""
        return self.prefix + RANKER.name

    @property
    def dead_letters(self) -> str:
        """Full name of `dead-letters`."""
        return self.prefix + DEAD_LETTERS.name

    def __iter__(self) -> Iterator[Topic]:
        """Every topic as it is to be created: full name, sizes for `picture_max_bytes`."""
        sizes = {
            IMAGES.name: images_max_message_bytes(self.picture_max_bytes),
            DEAD_LETTERS.name: dead_letters_max_message_bytes(self.picture_max_bytes),
        }
        for topic in TOPICS:
            size = sizes.get(topic.name, topic.max_message_bytes)
            config = {**topic.config, "max.message.bytes": str(size)}
            yield replace(topic, name=self.prefix + topic.name, config=config)
