"""The embedder's process: settings in, exit code out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Final

from inference.encoder import Encoder
from streams import delivery
from streams.agents.embed import Embedder
from streams.fetching import Fetcher
from streams.settings import Settings
from streams.workers.common import Worker, model_refusals

NAME: Final = "embedder"

# A batch of pictures is several session calls, so that decoding goes on while the session runs.
_CALLS_A_BATCH = 8


def run_embedder(settings: Settings) -> int:
    """Run an embedder until it is told to stop; its exit code. Raises StartRefused."""
    topics = settings.topics()
    worker = Worker(NAME, settings, conditions=())
    with model_refusals():
        encoder = Encoder(
            settings.models_dir,
            settings.model,
            device=settings.device,
            threads=settings.model_threads,
        )
    worker.says(model_id=encoder.model_id, device=encoder.device)
    decoder = ThreadPoolExecutor(settings.decode_threads, "decode")
    session = ThreadPoolExecutor(1, "session")
    # Made when first asked for, since it must be made inside the event loop.
    fetcher = cache(partial(Fetcher, settings.fetch_limits()))

    async def fetch(uri: str) -> bytes:
        return await fetcher().fetch(uri)

    embedder = Embedder(
        encoder=encoder,
        picture_limits=settings.picture_limits(),
        event_limits=settings.event_limits(),
        fetch=fetch,
        fetch_at_once=settings.uri_at_once,
        decoder=decoder,
        session=session,
        encode_batch=settings.embed_batch,
        output_topic=topics.item_embeddings,
        stages=worker.stages,
    )
    app = worker.app()
    delivery.agent(
        app,
        topic=topics.images,
        handler=embedder.handle,
        dead_letters=topics.dead_letters,
        max_events=_CALLS_A_BATCH * settings.embed_batch,
        max_bytes=settings.embed_batch_bytes,
        linger_s=settings.embed_linger_s,
        observer=worker.observer,
    )

    async def start() -> None:
        await worker.start(app.retry)
        worker.stack.push_async_callback(fetcher().close)
        worker.stack.callback(decoder.shutdown, wait=False, cancel_futures=True)
        worker.stack.callback(session.shutdown, wait=False, cancel_futures=True)

    return delivery.run(
        app, on_start=start, on_stop=worker.stop, stop_timeout_s=settings.stop_timeout_s
    )
