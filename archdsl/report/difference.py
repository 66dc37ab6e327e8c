"""A difference between two networks, for people and for programs.

In: a `Difference` and the two networks' names. Out: text in the manner of `diff`, or JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from archdsl.analysis.figures import Figures
from archdsl.diagnostics import counted
from archdsl.differing import Change, Difference, Layer, Tensor
from archdsl.ops.base import Shape, show_shape, show_tensor_shape
from archdsl.report.numbers import clean, fit, grouped, short, width

__all__ = ["difference_json", "difference_text"]

_WIDTH: Final = 80
_TENSORS: Final = 8
_SIZE: Final = 20
_CALL: Final = 12
"""What an op's call gets at least, where names are long."""


def difference_text(found: Difference, before: str, after: str) -> str:
    """The layers that changed, the totals, and the weights that still fit; at most 80 columns wide.

    ```
      layer  op       output   params    MACs
    - fc     fc 1000  1000
    + fc     fc 10    10      -2.03M  -2.03M
    ```
    """
    lines = [f"--- {clean(before)}", f"+++ {clean(after)}"]
    if found.different:
        lines += _changes(found.changes)
    else:
        lines.append("the same network" + _renamed(found.changes))
    if found.outputs:
        lines.append("the results are other layers, or have other names")
    lines += ["", *_totals(found.before, found.after), "", *_weights(found)]
    return "\n".join(lines) + "\n"


def _renamed(changes: Sequence[Change]) -> str:
    renamed = sum(change.kind == "renamed" for change in changes)
    return f"; {counted(renamed, 'layer')} of another name" if renamed else ""


def _changes(changes: Sequence[Change]) -> list[str]:
    """A row a layer, `-` before and `+` after; what a change adds or saves stands in its last row."""
    shown = [change for change in changes if change.kind not in ("same", "renamed")]
    layers = [layer for change in shown for layer in (change.before, change.after) if layer is not None]
    told = [("params", "MACs"), *map(_told, shown)]
    params, macs = (max(map(len, column)) for column in zip(*told, strict=True))
    size = max([len("output"), *(min(_SIZE, width(_sizes(layer.shapes))) for layer in layers)])
    name, call = _room(
        max([len("layer"), *(width(clean(layer.name)) for layer in layers)]),
        max([len("op"), *(width(clean(layer.call)) for layer in layers)]),
        _WIDTH - (2 + 2 + 2 + size + 2 + params + 2 + macs),
    )

    def row(sign: str, layer: Layer, told: tuple[str, str] = ("", "")) -> str:
        sizes = fit(_sizes(layer.shapes), size)
        cells = f"{sign} {fit(layer.name, name, front=True)}  {fit(layer.call, call)}  {sizes}"
        return f"{cells}  {told[0]:>{params}}  {told[1]:>{macs}}".rstrip()

    heading = f"  {'layer':{name}}  {'op':{call}}  {'output':{size}}  {'params':>{params}}  {'MACs':>{macs}}"
    lines = [heading] if layers else []
    for equal, group in groupby(changes, key=lambda change: change.kind in ("same", "renamed")):
        part = list(group)
        if equal:
            lines.append(f"  … {counted(len(part), 'layer')} the same{_moved(part)}")
            continue
        for change in part:
            if change.before is not None and change.kind != "rewired":
                lines.append(row("-", change.before, ("", "") if change.after else _told(change)))
            if change.after is not None:
                lines.append(row("~" if change.kind == "rewired" else "+", change.after, _told(change)))
    return lines


def _told(change: Change) -> tuple[str, str]:
    """What stands in the columns of parameters and MACs."""
    return ("reads", "another") if change.kind == "rewired" else (_signed(change.params), _signed(change.macs))


def _room(name: int, call: int, both: int) -> tuple[int, int]:
    """How wide names and calls are, where they share so many columns: calls give way first."""
    if name + call <= both:
        return name, call
    call = min(call, max(_CALL, both - name))
    return min(name, both - call), call


def _moved(part: Sequence[Change]) -> str:
    renamed = sum(change.kind == "renamed" for change in part)
    return f", {grouped(renamed)} of another name" if renamed else ""


def _signed(value: int) -> str:
    return ("+" if value > 0 else "-") + short(abs(value)) if value else ""


def _sizes(shapes: Sequence[Shape]) -> str:
    return ", ".join(map(show_shape, shapes))


def _totals(before: Figures, after: Figures) -> list[str]:
    rows = [
        ("params", before.params, after.params),
        ("MACs", before.macs, after.macs),
        ("depth", before.depth, after.depth),
        ("layers", before.layers, after.layers),
    ]
    cells = [
        (what, grouped(one), grouped(other), f"{other - one:+,}" if one != other else "") for what, one, other in rows
    ]
    cells.insert(0, ("", "before", "after", "change"))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            [what.ljust(widths[0]), *(cell.rjust(wide) for cell, wide in zip(numbers, widths[1:], strict=True))]
        ).rstrip()
        for what, *numbers in cells
    ]


def _weights(found: Difference) -> list[str]:
    weights = found.weights
    total = len(weights.fitting) + len(weights.reshaped) + len(weights.missing)
    share = f" ({100 * weights.values / weights.of:.1f} %)" if weights.of else ""
    lines = [
        f"weights: {grouped(len(weights.fitting))} of the {counted(total, 'tensor')} after have the name and shape of",
        f"  one before: {grouped(weights.values)} of {grouped(weights.of)} values{share},",
        "  running statistics among them",
    ]
    if weights.renamed:
        lines.append(f"  {grouped(len(weights.renamed))} more would fit under another name: their layers stand alike")
    for what, tensors in (
        ("another shape", weights.reshaped),
        ("only before", weights.lost),
        ("only after", weights.missing),
    ):
        if tensors:
            lines.append(f"  {what}: {counted(len(tensors), 'tensor')}")
            lines += [f"    {_tensor(tensor, _WIDTH - 4)}" for tensor in tensors[:_TENSORS]]
            if len(tensors) > _TENSORS:
                lines.append(f"    … and {grouped(len(tensors) - _TENSORS)} more; --json has all")
    return lines


def _tensor(tensor: Tensor, wide: int) -> str:
    shapes = " -> ".join(show_tensor_shape(shape) for shape in (tensor.shape, tensor.other) if shape is not None)
    name = clean(tensor.name)
    return f"{fit(name, max(_CALL, min(width(name), wide - 2 - len(shapes))), front=True)}  {shapes}"


# ---------------------------------------------------------------- JSON


def difference_json(found: Difference, before: str, after: str) -> str:
    """`{"before", "after", "different", "changes": […], "weights": {…}}`; layers that are the same are only counted."""
    record = {
        "before": {"name": before, **_totals_record(found.before)},
        "after": {"name": after, **_totals_record(found.after)},
        "different": found.different,
        "outputs_differ": found.outputs,
        "same_layers": sum(change.kind in ("same", "renamed") for change in found.changes),
        "changes": [
            {
                "kind": change.kind,
                "before": _layer_record(change.before),
                "after": _layer_record(change.after),
                "params": change.params,
                "macs": change.macs,
            }
            for change in found.changes
            if change.kind != "same"
        ],
        "weights": {
            "values_fitting": found.weights.values,
            "values_after": found.weights.of,
            "renamed": dict(found.weights.renamed),
            "fitting": [tensor.name for tensor in found.weights.fitting],
            "reshaped": [
                {"name": tensor.name, "before": list(tensor.shape or ()), "after": list(tensor.other or ())}
                for tensor in found.weights.reshaped
            ],
            "only_before": [tensor.name for tensor in found.weights.lost],
            "only_after": [tensor.name for tensor in found.weights.missing],
        },
    }
    return json.dumps(record, indent=2, ensure_ascii=False)


def _totals_record(figures: Figures) -> dict[str, object]:
    return {"params": figures.params, "macs": figures.macs, "depth": figures.depth, "layers": figures.layers}


def _layer_record(layer: Layer | None) -> dict[str, object] | None:
    if layer is None:
        return None
    return {
        "name": layer.name,
        "op": layer.call,
        "outputs": [show_shape(shape) for shape in layer.shapes],
        "params": layer.params,
        "macs": layer.macs,
    }
