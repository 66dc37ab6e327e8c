"""Weights into a network: its own from a file, or those of another implementation.

In: a graph, a file. Out: a filled module, or a state dict with what was matched to what. Which tensor is which is left
to `matching`, reading and writing to `weights_file`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archdsl.codegen.initialise import initialised
from archdsl.codegen.matching import Match, Mismatch, Pair, Slot, Tensor, match, slots
from archdsl.codegen.module import build
from archdsl.codegen.weights_file import Checkpoint, read_checkpoint
from archdsl.diagnostics import ArchError, Diagnostic, Note, counted
from archdsl.elaborate.recipe_init import Initial
from archdsl.graph import Graph
from archdsl.ops.base import show_tensor_shape

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["Transfer", "load_weights", "mismatch", "show_tensor", "transfer"]

_SHOWN: Final = 6


@dataclass(frozen=True)
class Transfer:
    """A state dict for the compiled module, and what each of its tensors was made of.

    `begun` are the pairs whose values are initial ones: another head, or what is there in training only. `converted`
    are the kinds of numbers of the checkpoint, where they are not ours.
    """

    values: Mapping[str, torch.Tensor]
    match: Match
    begun: tuple[Pair, ...]
    converted: tuple[str, ...]

    @property
    def taken(self) -> int:
        """How many numbers come from the checkpoint."""
        return sum(math.prod(pair.ours.shape) for pair in self.match.pairs if pair.fits)


def transfer(graph: Graph, checkpoint: Checkpoint, rules: Sequence[Initial], seed: int) -> Transfer:
    """The weights of another implementation under our names.

    torchvision's `layer1.0.downsample.0.weight` 256x64x1x1 becomes `stage1.bottleneck1.project.conv.weight`. What the
    checkpoint has no values for begins as in a new network with these rules and this seed.

    Raises `ArchError` with a `weights-mismatch` where the two are not the same network but for its heads.
    """
    ours = slots(graph)
    found = match(checkpoint.tensors, ours)
    if isinstance(found, Mismatch):
        raise ArchError([mismatch(graph, found, checkpoint.tensors, ours)])
    begun = tuple(pair for pair in found.pairs if not pair.fits)
    made = initialised(graph, rules, seed) if begun else build(graph)
    values: dict[str, torch.Tensor] = {}
    by_name = {pair.ours.name: pair for pair in found.pairs}
    converted: dict[str, None] = {}
    for name, own in made.state_dict().items():
        pair = by_name.get(name)
        if pair is None:
            values[name] = _counter(own, name, by_name, checkpoint)
        elif pair.theirs is None or not pair.fits:
            values[name] = own
        else:
            given = checkpoint.values[pair.theirs.name]
            if given.dtype != own.dtype:
                converted[str(given.dtype).removeprefix("torch.")] = None
            values[name] = given.detach().reshape(own.shape).to(own.dtype)
    return Transfer(values, found, begun, tuple(converted))


def _counter(own: torch.Tensor, name: str, by_name: Mapping[str, Pair], checkpoint: Checkpoint) -> torch.Tensor:
    """How many batches a norm has seen, from beside its mean; 0 where the checkpoint does not say."""
    import torch

    stem, dot, last = name.rpartition(".")
    mean = by_name[f"{stem}{dot}running_mean"].theirs
    if mean is not None:
        theirs = checkpoint.values.get(mean.name.removesuffix("running_mean") + last)
        if theirs is not None:
            return theirs.detach().reshape(own.shape).to(own.dtype)
    return torch.zeros(own.shape, dtype=own.dtype)


def load_weights(graph: Graph, path: Path) -> nn.Module:
    """The network with the weights of a file that has our names.

    Raises `CheckpointError` for a file that cannot be read, and `ArchError` with a `weights-mismatch` for names or
    shapes that are not those of the network.
    """
    import torch

    place = torch.empty(0).device
    checkpoint = read_checkpoint(path)
    made = build(graph)
    own = made.state_dict()
    given = checkpoint.values
    wrong = [name for name, value in own.items() if name not in given or given[name].shape != value.shape]
    extra = [name for name in given if name not in own]
    if wrong or extra:
        raise ArchError([_unlike(graph, path, wrong, extra, checkpoint)])
    values = {name: given[name].to(own[name].dtype) for name in own}
    made.load_state_dict(values, assign=True)
    for parameter in made.parameters():
        parameter.requires_grad_(True)
    return made.to(place)


def _unlike(graph: Graph, path: Path, wrong: list[str], extra: list[str], checkpoint: Checkpoint) -> Diagnostic:
    """The first difference between a file and the names of a network."""
    by_name = {slot.name: slot for slot in slots(graph)}
    hint = f"archdsl weights FILE --from {path} -o weights.safetensors brings a checkpoint of another naming onto ours"
    if not wrong:
        message = f"{path} has `{extra[0]}`, which the network has not"
        return Diagnostic("weights-mismatch", message, hint=hint)
    slot = by_name[wrong[0]]
    there = checkpoint.values.get(slot.name)
    says = f"no `{slot.name}`" if there is None else f"`{slot.name}` {show_tensor_shape(tuple(there.shape))}"
    message = f"{path} has {says}, and the network has it in {show_tensor_shape(slot.shape)}"
    return Diagnostic("weights-mismatch", message, graph.nodes[slot.node].span, hint=hint)


def mismatch(graph: Graph, found: Mismatch, theirs: Sequence[Tensor], ours: Sequence[Slot]) -> Diagnostic:
    """What of a checkpoint does not fit a network, the first that stands on both sides located in both."""
    rows = sorted(found.rows, key=lambda row: None in row)
    first, *rest = rows
    notes = [Note(_row(*row)) for row in rest[: _SHOWN - 1]]
    if len(rest) >= _SHOWN:
        notes.append(Note(f"and {counted(len(rest) - _SHOWN + 1, 'tensor')} more"))
    wanted = [slot for slot in ours if not slot.counter]
    totals = [
        f"{counted(len(side), 'tensor')}, {sum(math.prod(tensor.shape) for tensor in side):,} values"
        for side in (theirs, wanted)
    ]
    notes.append(Note(f"the checkpoint has {totals[0]}; the network {totals[1]}"))
    return Diagnostic(
        "weights-mismatch",
        _row(*first),
        graph.nodes[first[1].node].span if first[1] is not None else None,
        notes=tuple(notes),
        hint="name the network that the checkpoint is of; only the number of outputs may differ",
    )


def _row(theirs: Tensor | None, ours: Slot | None) -> str:
    if theirs is None:
        assert ours is not None
        return f"nothing in the checkpoint stands for {show_tensor(ours)}"
    if ours is None:
        return f"{show_tensor(theirs)} of the checkpoint stands for nothing here"
    return f"{show_tensor(theirs)} does not fit {show_tensor(ours)}"


def show_tensor(tensor: Tensor | Slot) -> str:
    """A tensor by name and shape.

    >>> show_tensor(Tensor("layer3.0.downsample.0.weight", (1024, 512, 1, 1)))
    '`layer3.0.downsample.0.weight` 1024x512x1x1'
    """
    return f"`{tensor.name}` {show_tensor_shape(tensor.shape)}"
