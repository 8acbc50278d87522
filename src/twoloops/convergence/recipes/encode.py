"""Embeddings by the exact graph that is deployed, each input encoded once per base."""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from twoloops.digital.base import Base
from twoloops.edge.graph import Graph
from twoloops.records.digests import Digest

Read = Callable[[Sequence[Digest]], Mapping[Digest, bytes]]
"""Reads the bytes of inputs by digest."""


class Encoder:
    """Encodes inputs by any base and remembers the result for the life of the process.

    Args:
        threads: Threads of the inference session.
    """

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._graphs: dict[Digest, Graph] = {}
        self._rows: dict[tuple[Digest, Digest], int] = {}
        self._blocks: dict[Digest, list[NDArray[np.float32]]] = {}
        self.operations = 0.0
        self.cpu_seconds = 0.0

    def embed(self, base: Base, inputs: Sequence[Digest], read: Read) -> NDArray[np.float32]:
        """Return the embeddings (n, d) of inputs given by digest.

        Args:
            base: The encoder.
            inputs: Digests; repeats are encoded once.
            read: Gives the bytes of those not encoded before.
        """
        missing = [d for d in dict.fromkeys(inputs) if (base.digest, d) not in self._rows]
        if missing:
            data = read(missing)
            self.learn(base, missing, [data[d] for d in missing])
        rows = [self._rows[base.digest, d] for d in inputs]
        return self._table(base)[rows]

    def learn(self, base: Base, digests: Sequence[Digest], inputs: Sequence[bytes]) -> None:
        """Encode inputs and remember them."""
        if base.digest not in self._graphs:
            self._graphs[base.digest] = Graph(base.graph, threads=self._threads)
        started = time.process_time()
        block = self._graphs[base.digest].run(inputs)["embedding"]
        self.cpu_seconds += time.process_time() - started
        self.operations += 2.0 * base.card.operations * len(inputs)
        blocks = self._blocks.setdefault(base.digest, [])
        first = sum(len(b) for b in blocks)
        blocks.append(block)
        for i, digest in enumerate(digests):
            self._rows[base.digest, digest] = first + i

    def _table(self, base: Base) -> NDArray[np.float32]:
        blocks = self._blocks.get(base.digest, [])
        if not blocks:
            return np.zeros((0, base.card.dimension), np.float32)
        if len(blocks) > 1:
            blocks[:] = [np.concatenate(blocks)]
        return blocks[0]
