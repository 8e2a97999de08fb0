"""Settings of the embedder: which pictures it takes, and how it works through them."""

from __future__ import annotations

from inference.pictures import PictureLimits
from streams.fetching import FetchLimits
from streams.settings.field import Section, setting
from streams.settings.values import Formats, Hosts

_LIMITS = PictureLimits()
_FETCH = FetchLimits()


class Pictures(Section):
    """Pictures"""

    picture_max_bytes: int = setting(
        _LIMITS.max_bytes,
        "Larger pictures are refused (too-many-bytes). An embedder may hold a few dozen of these "
        "in memory, and the images and dead-letters topics are created to let them pass.",
        ge=1_000,
        le=100_000_000,
    )
    picture_max_pixels: int = setting(
        _LIMITS.max_pixels,
        "Pictures with more pixels, or more than 65,535 on a side, are refused from their header "
        "(too-many-pixels). Decoding takes up to 17 bytes of memory a pixel, in each decoding "
        "thread.",
        ge=1_000,
        le=178_956_970,
    )
    picture_max_frames: int = setting(
        _LIMITS.max_frames,
        "Animations and documents with more frames or pages are refused (too-many-frames). Only "
        "the first one is looked at.",
        ge=1,
        le=10_000,
    )
    picture_formats: Formats = setting(
        _LIMITS.formats,
        "Formats that are decoded; others are refused (format-not-allowed). Each is one more "
        "decoder that hostile bytes can reach.",
    )
    uri_hosts: Hosts = setting(
        (),
        "Hosts that pictures may be fetched from when an event gives a `uri`. Empty: none is, and "
        "such events are refused (uri-not-allowed).",
    )
    uri_timeout_s: float = setting(
        _FETCH.timeout_s,
        "A fetch that takes longer is refused (uri-failed). A slow host holds up its batch this "
        "long.",
        gt=0,
        le=60,
    )
    uri_at_once: int = setting(
        _FETCH.at_once,
        "Pictures fetched at the same time, or fetched and not yet decoded. Each may hold "
        "LOOKSTREAM_PICTURE_MAX_BYTES in memory, and is a connection to the host.",
        ge=1,
        le=256,
    )
    uri_private_addresses: bool = setting(
        _FETCH.allow_private_addresses,
        "Also fetch from hosts whose address belongs to a private network. Whoever may publish "
        "to the images topic, or answers for a host's name, could then reach into yours.",
    )


class Embedding(Section):
    """The embedder"""

    embed_batch: int = setting(
        32,
        "Pictures of one session call, at most. More help a GPU; on a CPU they only add latency "
        "and memory.",
        ge=1,
        le=1024,
    )
    embed_batch_bytes: int = setting(
        32_000_000,
        "Bytes of pictures taken from Kafka for one batch of work, at most; one larger picture is "
        "a batch of its own. Three times as much may wait in memory for its turn.",
        ge=1_000_000,
        le=1_000_000_000,
    )
    embed_linger_s: float = setting(
        0.02,
        "How long a batch that is not full waits for more pictures. It is added to the latency "
        "of a lone picture.",
        ge=0,
        le=5,
    )
    decode_threads: int = setting(
        2,
        "Threads that decode pictures while the model runs. Each holds one decoded picture.",
        ge=1,
        le=256,
    )
