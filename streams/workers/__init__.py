"""Worker processes: each puts its rooms together and lets delivery run them.

One module a worker, because not every worker can import everything: usearch before onnxruntime
crashes the process (docs/decisions/one-module-per-worker.md).
"""
