"""What a checkpoint was matched to, for people and for programs.

In: a `Transfer` and names. Out: a table of layers within 80 columns, or JSON. Matching is left to `archdsl.codegen`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Final

from archdsl.diagnostics import counted
from archdsl.ops.base import show_tensor_shape
from archdsl.report.numbers import clean, fit, grouped, width

if TYPE_CHECKING:
    from archdsl.codegen.matching import Pair, Slot, Tensor
    from archdsl.codegen.weights import Transfer
    from archdsl.codegen.weights_file import Checkpoint

__all__ = ["transfer_json", "transfer_text"]

_WIDE: Final = 80
_NARROW: Final = 20
_NAME: Final = 29
_LISTED: Final = 4


def transfer_text(found: Transfer, checkpoint: Checkpoint, file: str, network: str, seed: int) -> str:
    """A row for each layer, then what is not as plain as the rows.

    ```
    checkpoint              network                        shape
    layer1.0.downsample.0   stage1.bottleneck1.project.conv  256x64x1x1
    ```
    """
    pairs = found.match.pairs
    rows = [("checkpoint", "network", "shape"), *map(_row, _layers(pairs))]
    one, other, shape = (max(width(clean(row[column])) for row in rows) for column in range(3))
    room = max(_WIDE - 4 - shape, 2 * _NARROW)
    widths = (min(one, max(room // 2, room - other)), min(other, max(room // 2, room - one)))
    lines = [
        f"{fit(theirs, widths[0], front=True)}  {fit(ours, widths[1], front=True)}  {size}"
        for theirs, ours, size in rows
    ]
    return "\n".join([*lines, "", *_remarks(found, checkpoint, file, network, seed)]) + "\n"


def _layers(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    """Tensors that are of one layer on both sides."""

    def layer(pair: Pair) -> tuple[str, str, bool]:
        return _stem(pair.theirs), _stem(pair.ours), pair.fits

    yield from (list(group) for _, group in groupby(pairs, key=layer))


def _stem(tensor: Tensor | Slot | None) -> str:
    return "" if tensor is None else tensor.name.rpartition(".")[0]


def _row(layer: list[Pair]) -> tuple[str, str, str]:
    first = layer[0]
    theirs = "–" if first.theirs is None else _stem(first.theirs) or first.theirs.name
    ours = _stem(first.ours) or first.ours.name
    if first.theirs is None or first.fits:
        return theirs, ours, show_tensor_shape(first.ours.shape)
    return theirs, ours, f"{show_tensor_shape(first.theirs.shape)}, here {show_tensor_shape(first.ours.shape)}"


def _remarks(found: Transfer, checkpoint: Checkpoint, file: str, network: str, seed: int) -> Iterator[str]:
    pairs = found.match.pairs
    taken = [pair for pair in pairs if pair.fits]
    sure = sum(not pair.rivals for pair in taken)
    under = f", under {' / '.join(map(clean, checkpoint.under))}" if checkpoint.under else ""
    statistics = any("running_" in pair.ours.name for pair in taken)
    yield f"{network}: {len(taken):,} of {counted(len(pairs), 'tensor')} from {clean(file)}{under}:"
    yield f"  {grouped(found.taken)} values" + ", running statistics among them" * statistics
    if found.match.named:
        yield "by name: the checkpoint has the network's own"
    elif len(taken) - sure:
        yield f"by kind and shape alone: {sure:,}; by their module and its order: {len(taken) - sure:,}"
        if found.match.alphabetical:
            yield "the file is in the order of the alphabet, as safetensors writes it: which of equal"
            yield "  layers is which was told by their modules and numbers; compare the outputs"
    if found.match.alike:
        yield f"parts that only their order tells apart, in {counted(len(found.match.alike), 'place')}:"
        yield from (f"  {_listed(names)}" for names in found.match.alike[:_LISTED])
        if len(found.match.alike) > _LISTED:
            yield f"  … and {len(found.match.alike) - _LISTED:,} more; --json has all"
    if found.match.tied:
        yield "could be laid in another way just as well, compare the outputs:"
        yield f"  {_listed(tuple(name or 'the whole' for name in found.match.tied))}"
    for why, begun in (
        ("another shape in the checkpoint", [pair for pair in found.begun if pair.theirs is not None]),
        ("not in the checkpoint, needed in training only", [pair for pair in found.begun if pair.theirs is None]),
    ):
        if begun:
            yield f"begin anew, seed {seed} ({why}):"
            yield from (
                f"  {clean(pair.ours.name)} {show_tensor_shape(pair.ours.shape)}" for pair in begun[: 2 * _LISTED]
            )
            if len(begun) > 2 * _LISTED:
                yield f"  … and {len(begun) - 2 * _LISTED:,} more; --json has all"
    if found.converted:
        yield f"converted to float32 from {', '.join(found.converted)}"
    if checkpoint.others:
        yield f"no weights, left out: {_listed(checkpoint.others)}"


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(fit(name, min(_NAME, width(clean(name))), front=True) for name in names[:2])
    if len(names) == 3:
        shown += f", {fit(names[2], min(14, width(clean(names[2]))), front=True)}"
    return f"{shown} … ({len(names):,})" if len(names) > 3 else shown


def transfer_json(
    found: Transfer, checkpoint: Checkpoint, file: str, network: str, seed: int, output: str | None
) -> str:
    """`{"tensors": [{"ours", "theirs", "from", "rivals"}], "alike": […], …}`; shapes are PyTorch's."""
    record = {
        "network": network,
        "checkpoint": file,
        "under": list(checkpoint.under),
        "output": output,
        "values_taken": found.taken,
        "values": sum(math.prod(pair.ours.shape) for pair in found.match.pairs),
        "seed": seed,
        "tensors": [
            {
                "ours": _tensor(pair.ours),
                "theirs": None if pair.theirs is None else _tensor(pair.theirs),
                "from": "checkpoint" if pair.fits else "initial",
                "rivals": pair.rivals,
            }
            for pair in found.match.pairs
        ],
        "alphabetical": found.match.alphabetical,
        "alike": [list(names) for names in found.match.alike],
        "tied": list(found.match.tied),
        "converted_from": list(found.converted),
        "left_out": list(checkpoint.others),
    }
    return json.dumps(record, indent=2, ensure_ascii=False)


def _tensor(tensor: Tensor | Slot) -> dict[str, object]:
    return {"name": tensor.name, "shape": list(tensor.shape)}
