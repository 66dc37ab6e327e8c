"""The lines under a summary: every total with what it counts.

In: a `Summary`. Out: `Total` lines in words. How they are set is left to the forms.
"""

from __future__ import annotations

from typing import NamedTuple

from archdsl.analysis.training_memory import NOT_CONTAINED, TrainingEstimate
from archdsl.ops.base import show_shape
from archdsl.report.numbers import binary, grouped, short
from archdsl.report.summary import Summary

__all__ = ["Total", "heading", "totals"]


class Total(NamedTuple):
    """`label`, its `amount` with its unit, and in `meaning` what is in it."""

    label: str
    amount: str
    meaning: str


def heading(found: Summary) -> str:
    """The network in one line: `resnet:resnet50, 224x224x3 -> 1000`."""
    graph = found.graph
    entering = ", ".join(
        show_shape(node.shape) if len(graph.inputs) == 1 else f"{node.label or 'input'} {show_shape(node.shape)}"
        for node in graph.inputs
    )
    kept = [output for output in graph.outputs if not output.training]
    leaving = ", ".join(
        show_shape(graph.shape(output.port))
        if len(kept) == 1
        else f"{output.name} {show_shape(graph.shape(output.port))}"
        for output in kept
    )
    return f"{graph.full_name}, {entering} -> {leaving}"


def totals(found: Summary) -> tuple[Total, ...]:
    """The totals, most asked for first."""
    total, extra, kept, training = found.counts.total, found.counts.training, found.memory, found.training
    several = any(node.shared is not None for node in found.graph.nodes)
    lines = [
        Total(
            "params",
            grouped(total.params),
            f"{short(total.params)} trainable values" + (", shared weights once" if several else ""),
        ),
        Total("buffers", grouped(total.buffers), "values kept but not trained (running statistics)"),
        Total("weights", binary(kept.weights), "params and buffers as float32"),
        Total("MACs", grouped(total.macs), f"{short(total.macs)} per image: convolutions and matrix products, no bias"),
        Total("FLOPs", grouped(total.flops), f"{short(total.flops)} per image: 2 x MACs"),
        Total("other ops", grouped(total.work), f"{short(total.work)} per image: {_WORK}"),
        Total("depth", grouped(found.depth), "weight layers on the longest path; gates do not count"),
        Total("layers", grouped(total.layers), "ops of every kind"),
        Total("activations", binary(kept.activations), f"per image, forward, float32: {_ACTIVATIONS}"),
        Total("peak", binary(kept.peak), "per image, inference: alive at once, input included, weights not"),
        Total("training", binary(training.total), _contents(training)),
    ]
    if extra.layers:
        names = ", ".join(output.name for output in found.graph.outputs if output.training)
        more = f"{grouped(extra.buffers)} buffers, {grouped(extra.macs)} MACs, {grouped(extra.layers)} layers"
        meaning = f"more params ({more}) in what exists in training only, {names}; in no other total but `training`"
        lines.append(Total("in training", grouped(extra.params), meaning))
    return tuple(lines)


_WORK = "bias, normalisation, pooling, activation, merging"
_ACTIVATIONS = "the outputs of all layers, none taken as in place or a view; without the input"


_MOMENTS = {
    "forward": "in the forward pass",
    "backward": "in the backward pass",
    "optimizer": "while the optimizer steps",
}


def _contents(training: TrainingEstimate) -> str:
    """What is in the estimate, and what is not."""
    parts = (
        ("weights", training.weights),
        ("gradients", training.gradients),
        ("optimizer state", training.optimizer_state),
        ("input, what is kept for backward and what passes", training.activations),
    )
    held = " + ".join(f"{name} {binary(value)}" for name, value in parts)
    moment = _MOMENTS[training.moment]
    head = f"batch {grouped(training.batch)}, {training.optimizer}, float32, at its fullest {moment}"
    return f"{head}: {held}; not in it: {NOT_CONTAINED}"
