"""The figures of a network that people compare: one line of a table.

In: a graph, and what its file claims. Out: `Figures`, which are counted, and what is `Published`, which is not. How
they are shown is left to `archdsl.report` and `archdsl.draw`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archdsl.analysis.counts import count
from archdsl.analysis.depth import depth
from archdsl.analysis.memory import memory
from archdsl.analysis.receptive import Field, fields
from archdsl.elaborate.claims import Claim
from archdsl.graph import Graph
from archdsl.ops.base import Shape

__all__ = ["Figures", "Published", "figures", "top1"]


@dataclass(frozen=True, slots=True)
class Figures:
    """One network. All numbers are for one example, after training: heads that exist in training only are left out.

    - `params`, `buffers`: trainable values, and state that is not trained; shared weights once.
    - `macs`: multiply-accumulates of convolutions and matrix products, bias not counted.
    - `weights`: bytes of params and buffers as float32.
    - `activations`: bytes of the outputs of all layers as float32, the input not among them.
    - `peak`: the most bytes alive at one moment of inference, the input among them.
    - `depth`: weight layers on the longest path.
    - `field`: the receptive field of the last feature map, before pooling or a fully connected layer leaves one
      position; the whole input behind a gate or attention, None for a network without feature maps.
    - `layers`: ops of every kind.
    """

    family: str
    variant: str | None
    title: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    params: int
    buffers: int
    macs: int
    weights: int
    activations: int
    peak: int
    depth: int
    field: Field | None
    layers: int

    @property
    def flops(self) -> int:
        """Twice the MACs."""
        return 2 * self.macs


@dataclass(frozen=True, slots=True)
class Published:
    """A figure that somebody measured: as written, its value, and who says so."""

    text: str
    value: float
    source: str


def top1(claims: Iterable[Claim]) -> Published | None:
    """The accuracy that a file states for its network, `expect top1 76.13 "torchvision"`; the first of several."""
    for claim in claims:
        if claim.quantity == "top1":
            return Published(claim.text, (claim.low + claim.high) / 2, claim.source)
    return None


def figures(graph: Graph) -> Figures:
    """Count and measure a network.

    >>> figures(resnet50).params, figures(resnet50).depth
    (25557032, 50)
    """
    counts = count(graph)
    total, kept = counts.total, memory(graph, counts)
    return Figures(
        family=graph.name,
        variant=graph.variant,
        title=graph.title,
        inputs=tuple(node.shape for node in graph.inputs),
        outputs=tuple(graph.shape(output.port) for output in graph.outputs if not output.training),
        params=total.params,
        buffers=total.buffers,
        macs=total.macs,
        weights=kept.weights,
        activations=kept.activations,
        peak=kept.peak,
        depth=depth(graph),
        field=_field(graph),
        layers=total.layers,
    )


def _field(graph: Graph) -> Field | None:
    """The field of the last layer with several positions, among those that the results need.

    Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill, 2019, count so.
    """
    kept = graph.reaching([output.port.node for output in graph.outputs if not output.training])
    maps = [node.key for node in graph.layers if node.key in kept and max(node.shape[:-1], default=1) > 1]
    return fields(graph)[maps[-1]] if maps else None
