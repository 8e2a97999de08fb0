"""Settings of the installation: where things are, how workers behave, what topics are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from streams.settings.field import Section, setting
from streams.settings.values import Address, ModelChoice, RedisUrl, Servers, TopicPrefix


class Places(Section):
    """Where things are"""

    kafka: Servers = setting("localhost:9092", "Kafka's bootstrap servers.")
    redis: RedisUrl = setting(
        "redis://localhost:6379/0",
        "The store of profiles and popularity: Redis, Valkey, or anything that speaks its protocol "
        "and runs Lua. It may hold a password, and is shown without it.",
    )
    redis_timeout_s: float = setting(
        2.0,
        "An answer of the store that takes longer counts as none, and is asked for again. Shorter "
        "notices an outage sooner; longer bears a slow network.",
        ge=0.05,
        le=60,
    )
    topic_prefix: TopicPrefix = setting(
        "",
        "Stands before the name of every topic, consumer group and key in the store, so that "
        "several installations can share them.",
    )
    group_prefix: TopicPrefix = setting(
        "lookstream-",
        "Stands before the name of each consumer group, after the topic prefix. A new one makes "
        "the workers read their topics from the beginning again.",
    )
    models_dir: Path = setting(
        Path("exported_models"),
        "The directory that `lookstream export` writes models to and workers read them from.",
    )
    snapshot_dir: Path = setting(
        Path("snapshots"),
        "Where a recommender keeps a copy of its item index, and the learner what it has learned, "
        "so that the next start reads only what came since. Costs as much disk as these have "
        "bytes. Losing the index costs a slower start and nothing else; losing what was learned "
        "costs all that is older than the log of interactions (30 days). Workers on one machine "
        "may share it.",
    )


class Workers(Section):
    """Workers"""

    http: Address = setting(
        "127.0.0.1:9464",
        "Where a worker serves /metrics, /healthz and /readyz. It asks for no password: open it to "
        "others (0.0.0.0:9464) only where a network policy stands before it. Two workers on one "
        "machine need two ports.",
    )
    session_timeout_s: float = setting(
        10.0,
        "Kafka gives a worker's partitions to another when it has not been heard for this long. "
        "Shorter: a killed worker is replaced sooner. Longer: a slow network or a pause of the "
        "machine causes no rebalance.",
        ge=1,
        le=300,
    )
    fetch_max_wait_s: float = setting(
        0.5,
        "How long the broker may hold a fetch that finds nothing. Kafka answers as soon as "
        "something comes, whatever this says; a broker that waits it out adds it to the latency. "
        "Shorter makes idle workers ask more often.",
        ge=0.001,
        le=10,
    )
    idempotent_producer: bool = setting(
        True,
        "Have Kafka drop the copies that a producer's own retries make. Turn it off only for a "
        "broker that can't: a list may then be published twice after a network fault, under the "
        "same list_id.",
    )
    stop_timeout_s: float = setting(
        10.0,
        "How long a worker may take to finish its batch and leave after SIGTERM. After that it "
        "ends at once, and what it had not finished comes again. Keep it below your supervisor's "
        "own limit (Kubernetes: 30 s).",
        ge=0.5,
        le=300,
    )
    stall_timeout_s: float = setting(
        120.0,
        "/healthz says no when a partition has events waiting and has not moved for this long "
        "although every dependency answers. Shorter than the slowest batch, it restarts workers "
        "that are merely busy.",
        ge=10,
        le=3600,
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info",
        "The least important line that is written to stderr. At info there is none per event.",
    )
    log_format: Literal["text", "json"] = setting(
        "text", "text is key=value for people, json is one object a line for log collectors."
    )


class Model(Section):
    """The model"""

    model: ModelChoice = setting(
        "resnet50-thin",
        "The model that looks at pictures. NAME:int8 is about three times as fast on a CPU and "
        "gives vectors of the same space. Another NAME is another space: publish the pictures "
        "again, and until then the recommender knows none of them.",
    )
    device: Literal["auto", "cpu", "cuda"] = setting(
        "auto",
        "Where the model runs. auto takes CUDA where onnxruntime offers it; cuda refuses to start "
        "without it.",
    )
    model_threads: int = setting(
        0,
        "CPU threads of one session call; 0 is one for each core. More shorten a batch and take "
        "cores from decoding.",
        ge=0,
        le=256,
    )


class TopicMaking(Section):
    """Making topics"""

    partitions: int = setting(
        8,
        "Partitions of each topic that `lookstream topics create` makes, but of interactions and "
        "ranker, which have one: the most workers of one kind that can share the work. They can't "
        "be made fewer later, and more of them later moves users to other partitions.",
        ge=1,
        le=1000,
    )
    replication_factor: int = setting(
        1,
        "Copies of each partition that `lookstream topics create` asks for. 3 survives the loss of "
        "a broker, and takes three times the disk.",
        ge=1,
        le=10,
    )
