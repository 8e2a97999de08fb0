"""A recommender's part in learning: it tells what clicks teach, and holds what was learned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from streams.core.crowd import Crowd
from streams.core.learning.interaction import Interaction
from streams.delivery import Batch, Message

Deliver = Callable[[Sequence[Message], asyncio.Event], Awaitable[Sequence[object]]]
"""Publishes messages unless the event is set; returns when they are acknowledged, with those that
were refused for their size. Raises BatchClosing."""


class TooLarge(Exception):
    """The broker refuses what a click teaches: the topic takes too small records."""


class Teaching:
    """Publishes interactions to `topic` before the profiles are stored that they follow from.

    A click that comes again after its profile was stored teaches no more; before that it is told
    again, the same, and the learner knows it by its offset. So each lesson is learned once.
    """

    def __init__(self, crowd: Crowd, topic: str, deliver: Deliver) -> None:
        self.crowd = crowd
        self._topic = topic
        self._deliver = deliver

    async def tell(self, batch: Batch, lessons: Sequence[tuple[str, Interaction]]) -> None:
        """Publish what users' clicks teach; return when that is acknowledged.

        lessons: user ids, and what each of their clicks teaches, in order. Raises BatchClosing,
        and TooLarge.
        """
        if not lessons:
            return
        messages = [
            Message(self._topic, user_id.encode(), told.encode(), ()) for user_id, told in lessons
        ]
        refused = await self._deliver(messages, batch.closing_event)
        if refused:
            raise TooLarge(
                f"{self._topic} refuses records of 3 kB: raise its max.message.bytes, with "
                f"`lookstream topics create --fix`"
            )
