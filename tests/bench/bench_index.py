"""What a query of the item index costs, and how much it finds: CPU time, one thread.

python -m tests.bench.bench_index [--items 4000 16000 100000] [--embeddings FILE.npz]

Without a file the vectors are drawn: Gaussian with a spectrum that falls like that of CNN features
after PCA, around 1,000 centres. A file holds `emb`, float [n, dim]; more items than it has are made
by mixing two of them. Queries are interests: an item with a quarter of another mixed in.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from streams.embeddings import ViewRecord
from streams.stores import graph_tier
from streams.stores.item_index import ItemIndex

K = 50
DIM = 256
QUERIES = 256


def drawn(n: int, seed: int = 0) -> NDArray[np.float32]:
    """Vectors that resemble CNN features: float32 [n, DIM], unit rows."""
    rng = np.random.default_rng(seed)
    spread = (np.arange(DIM) + 1.0) ** -0.5
    centres = rng.standard_normal((1000, DIM)) * spread
    near = rng.standard_normal((n, DIM)) * spread
    return _unit(0.8 * centres[rng.integers(0, len(centres), n)] + 0.6 * near)


def stretched(file: Path, n: int, seed: int = 0) -> NDArray[np.float32]:
    """Real vectors, and mixtures of two of them once those are used up."""
    with np.load(file, allow_pickle=False) as loaded:
        real = _unit(loaded["emb"])
    rng = np.random.default_rng(seed)
    if n <= len(real):
        return real[rng.permutation(len(real))[:n]]
    one, other = (real[rng.integers(0, len(real), n - len(real))] for _ in range(2))
    share = rng.uniform(0.1, 0.5, (len(one), 1))
    return np.concatenate([real, _unit(one + share * other)])


def interests(vectors: NDArray[np.float32], n: int, seed: int = 1) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    one, other = (vectors[rng.integers(0, len(vectors), n)] for _ in range(2))
    return _unit(one + 0.25 * other)


def cpu_us(call: Callable[[], object], times: int) -> float:
    """The best of three runs: the machine is shared, and noise only adds."""
    call()
    best = float("inf")
    for _ in range(3):
        start_s = time.process_time()
        for _ in range(times):
            call()
        best = min(best, (time.process_time() - start_s) / times * 1e6)
    return best


def recall(index: ItemIndex, queries: NDArray[np.float32], vectors: NDArray[np.float32]) -> float:
    """Share of the K truly nearest that a search finds."""
    found, _ = index.search(queries, K)
    truth = np.argpartition(-(queries @ vectors.T), K, axis=1)[:, :K]
    names = [[int(index.item_id(number)) for number in row if number >= 0] for row in found]
    hits = [len(set(a) & set(b)) for a, b in zip(names, truth.tolist(), strict=True)]
    return sum(hits) / (K * len(queries))


def brute(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> None:
    """What anybody would write: one product, then argpartition."""
    np.argpartition(-(queries @ vectors.T), K, axis=1)[:, :K]


def measure(vectors: NDArray[np.float32], expansions: list[int]) -> None:
    n = len(vectors)
    index = ItemIndex("bench", DIM)
    half = vectors.astype(np.float16)
    start_s = time.process_time()
    for number, vector in enumerate(half):
        index.apply(ViewRecord(str(number), "main", "bench", vector, number, number))
    apply_us = (time.process_time() - start_s) / n * 1e6
    queries = interests(vectors, QUERIES)
    line = f"{n:>8,} items   applying {apply_us:5.1f} us a record"
    start_s = time.process_time()
    longest_s = 0.0
    while True:
        began_s = time.perf_counter()
        more = index.tend(0.005)
        longest_s = max(longest_s, time.perf_counter() - began_s)
        if not more:
            break
    if index.state.search.graph is not None:
        build_us = (time.process_time() - start_s) / n * 1e6
        line += f"   graph {build_us:5.1f} us a view, longest step {longest_s * 1e3:.1f} ms"
    print(f"{line}   {index.memory_bytes / 1e6:.0f} MB")
    for expansion in expansions if index.state.search.graph is not None else [0]:
        if expansion and index.state.search.graph is not None:
            index.state.search.graph._index.expansion_search = expansion
        costs = []
        for size in (1, 4, 16, 64):
            some = queries[:size].copy()
            costs.append(
                cpu_us(lambda some=some: index.search(some, K), max(128 // size, 3)) / size
            )
        shown = "  ".join(f"{cost:6.1f}" for cost in costs)
        what = f"graph, expansion {expansion}" if expansion else "exact"
        print(f"    {what:<22} us a query in batches of 1, 4, 16, 64: {shown}", end="")
        print(f"   recall@{K} {recall(index, queries, vectors):.4f}")
    plain_us = cpu_us(lambda: brute(vectors, queries[:16]), 1) / 16
    print(f"    {'numpy, 16 at once':<22} {plain_us:6.1f} us a query")


def main() -> None:
    parser = argparse.ArgumentParser(description="What a query of the item index costs.")
    parser.add_argument("--items", type=int, nargs="+", default=[4_000, 16_000, 100_000])
    parser.add_argument("--embeddings", type=Path)
    parser.add_argument("--expansions", type=int, nargs="+", default=[graph_tier.EXPANSION_SEARCH])
    chosen = parser.parse_args()
    with threadpool_limits(1):
        for n in chosen.items:
            vectors = stretched(chosen.embeddings, n) if chosen.embeddings else drawn(n)
            measure(vectors, chosen.expansions)


def _unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


if __name__ == "__main__":
    main()
