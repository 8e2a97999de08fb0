"""Hostile input: `make fuzz`, or `python -m tests.fuzz --cases N --seed S`.

    case.py        one case: a record, and what it was meant to try; saved and read again
    cases.py       seed and number -> case; which kinds there are, and how often each comes
    pictures.py    real pictures of every format, and wounds that any file can have
    segments.py    wounds that know the format: chunk lengths, sizes, frames, strips, checksums
    bombs.py       small files that ask for much
    clicks.py, images.py   records around the rules of docs/topics.md
    texts.py, uris.py      what stands in them
    thought_of.py  what hypothesis thinks of
    target.py      the real agents, with a real small model, driven without a broker
    place.py       the host that pictures may come from, which plays tricks
    rules.py       what must hold after each case
    limited.py     the process that the cases run in: its memory is limited
    watch.py       the process beside it: it ends a case that takes too long, and names it
    worker.py      a part of the cases through worker processes, on an embedded broker
    planted.py     agents with a bug each, to see that it is found

A case follows from its seed and number alone, so a finding can be made again.
"""

from inference.devices import onnx_runtime

onnx_runtime()  # before usearch: docs/decisions/one-module-per-worker.md
