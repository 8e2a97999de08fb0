"""The one place that knows how Faust loses events, and how it does not.

app = make_app("recommender", kafka="localhost:9092", group="lookstream-recommender")
agent(app, topic="clicks", handler=handle, dead_letters="dead-letters", observer=observer)
end_process(run(app, on_start=load_the_index, on_stop=close_the_store))
"""

from __future__ import annotations

from streams.delivery.app import App
from streams.delivery.batch import Batch, Handler, Message, OutcomeError, Refusal
from streams.delivery.dead_letters import DeadLetter, read_dead_letter
from streams.delivery.ending import end_process
from streams.delivery.making import agent, make_app
from streams.delivery.observer import NoObserver, Observer
from streams.delivery.placing import Bounds
from streams.delivery.retry import Backoff, BatchClosing, Retry
from streams.delivery.running import run

__all__ = [
    "App",
    "Backoff",
    "Batch",
    "BatchClosing",
    "Bounds",
    "DeadLetter",
    "Handler",
    "Message",
    "NoObserver",
    "Observer",
    "OutcomeError",
    "Refusal",
    "Retry",
    "agent",
    "end_process",
    "make_app",
    "read_dead_letter",
    "run",
]
