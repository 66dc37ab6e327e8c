"""Whether the figures that a file claims are those of its network.

In: a graph and the claims of its file. Out: an error for each that does not hold. Tables are left to others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from archdsl.analysis.counts import Counts, count
from archdsl.analysis.depth import depth
from archdsl.analysis.facts import facts, training_only
from archdsl.diagnostics import Collector
from archdsl.elaborate.claims import Claim
from archdsl.graph import Graph
from archdsl.ops.base import show_shape

__all__ = ["check_claims"]


def check_claims(graph: Graph, claims: Sequence[Claim], found: Collector) -> None:
    """Compare each claim with the network; it holds where the figure, rounded as it is written, prints the same.

    `expect params 25.6M` holds for 25,557,032, since that lies between 25.55M and 25.65M. What is published only, an
    accuracy, is left alone.
    """
    claims = [claim for claim in claims if not claim.published]
    if not claims:
        return
    counts = count(graph)
    for claim in claims:
        if claim.subject is not None and not claim.nodes:
            found.error(
                "bad-expect",
                f"`@{claim.subject}` names no layer, block or repeat of the network itself",
                claim.span,
                hint="a label in a block or repeat, and behind a group, names a tensor that cannot be counted",
            )
            continue
        actual = _of_label(graph, counts, claim) if claim.subject is not None else _of_network(graph, counts, claim)
        if actual is None:
            found.error(
                "bad-expect",
                f"`{claim.quantity}` of a part of the network cannot be claimed",
                claim.span,
                hint="of a label: params, buffers, macs, flops, connections",
            )
        elif isinstance(actual, str):
            found.error(
                "bad-expect",
                f"`{claim.quantity}` has no rule for {actual}",
                claim.span,
                hint="the count is pytorchcv's, which has rules for the layers of its own networks; claim macs",
            )
        elif not claim.low <= actual <= claim.high:
            whose = f"`{claim.subject}`" if claim.subject else f"`{graph.own_name}`"
            hint = f"write {claim.quantity} {actual:_}, or mend the layers"
            if claim.source:
                hint = f"the claim's source is: {claim.source}; {hint}"
            found.error(
                "wrong-claim",
                f"{claim.quantity} of {whose} is {actual:,}, not {claim.text}",
                claim.span,
                label=f"computed: {actual:,}",
                hint=hint,
            )


def _of_network(graph: Graph, counts: Counts, claim: Claim) -> float | str:
    total = counts.total
    read: dict[str, Callable[[], float | str]] = {
        "params": lambda: total.params,
        "buffers": lambda: total.buffers,
        "macs": lambda: total.macs,
        "flops": lambda: total.flops,
        "half_ops": lambda: _half_of_operations(graph),
        "connections": lambda: total.connections,
        "training_params": lambda: total.params + counts.training.params,
        "depth": lambda: depth(graph),
        "activations": lambda: sum(math.prod(shape) for node in graph.nodes for shape in node.shapes),
    }
    return read[claim.quantity]()


def _half_of_operations(graph: Graph) -> float | str:
    """Half of the operations of all layers, heads of training left out; the first layer without a rule for them."""
    extra, total = training_only(graph), 0
    for node in graph.layers:
        if node.op is None or node.key in extra:
            continue
        each = node.op.module_operations(node.input_shapes, node.shapes)
        if each is None:
            return f"`{node.op.call()}` on {show_shape(node.input_shapes[0])}"
        total += each
    return total // 2 if total % 2 == 0 else total / 2


def _of_label(graph: Graph, counts: Counts, claim: Claim) -> int | None:
    known = facts(graph)
    read: dict[str, Callable[[int], int]] = {
        "params": lambda key: counts.params[key],
        "buffers": lambda key: counts.buffers[key],
        "macs": lambda key: known[key].macs,
        "flops": lambda key: 2 * known[key].macs,
        "connections": lambda key: known[key].connections,
    }
    one = read.get(claim.quantity)
    return None if one is None else sum(one(key) for key in claim.nodes)
