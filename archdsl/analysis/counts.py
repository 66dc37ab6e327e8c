"""Parameters, MACs and other work, of each layer and of the network.

In: a graph. Out: `Counts`. Bytes are left to `memory.py`, the longest path to `depth.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from archdsl.analysis.facts import Fact, facts, training_only
from archdsl.graph import Graph

__all__ = ["Counts", "Totals", "count"]


class Totals(NamedTuple):
    """Sums over layers, for one example.

    - `layers`: ops.
    - `params`: trainable values; weights that several layers share are there once.
    - `buffers`: state that is not trained, as batch norm's running statistics; no counters.
    - `macs`: multiply-accumulates of convolutions and matrix products, bias not counted; of shared layers each
      time.
    - `work`: all other arithmetic (bias, normalisation, pooling, activation, merging), in operations; never inside
      `macs`.
    - `connections`: as LeNet's paper counts: inputs read by each unit with trained weights, and its bias.
    """

    layers: int = 0
    params: int = 0
    buffers: int = 0
    macs: int = 0
    work: int = 0
    connections: int = 0

    @property
    def flops(self) -> int:
        """Twice the MACs."""
        return 2 * self.macs


class Counts(NamedTuple):
    """`params` and `buffers` hold one number a node, zero for one that uses another's weights.

    `total` is the network after training, `training` what training-only outputs add to it.
    """

    params: Sequence[int]
    buffers: Sequence[int]
    total: Totals
    training: Totals


def count(graph: Graph) -> Counts:
    """Count a network.

    >>> count(lenet5).total.params
    61706

    Published counts of GoogLeNet leave its auxiliary heads out (6,624,904), and so does `total`; `training` has
    them.
    """
    known = facts(graph)
    extra = training_only(graph)
    owners = [node.key if node.shared is None else node.shared for node in graph.nodes]
    for key, owner in enumerate(owners):
        owners[key] = owners[owner]
    kept = {owner for key, owner in enumerate(owners) if key not in extra}
    own = [owner == key for key, owner in enumerate(owners)]
    layers = [node.key for node in graph.layers]
    return Counts(
        params=[fact.params if mine else 0 for fact, mine in zip(known, own, strict=True)],
        buffers=[fact.buffers if mine else 0 for fact, mine in zip(known, own, strict=True)],
        total=_sum(known, (k for k in layers if k not in extra), (k for k in layers if own[k] and k in kept)),
        training=_sum(known, (k for k in layers if k in extra), (k for k in layers if own[k] and k not in kept)),
    )


def _sum(known: Sequence[Fact], layers: Iterable[int], owners: Iterable[int]) -> Totals:
    number = params = buffers = macs = work = connections = 0
    for key in layers:
        fact = known[key]
        number += 1
        macs += fact.macs
        work += fact.work
        connections += fact.connections
    for key in owners:
        params += known[key].params
        buffers += known[key].buffers
    return Totals(number, params, buffers, macs, work, connections)
