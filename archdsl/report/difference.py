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
from archdsl.ops.base import Shape, show_shape
from archdsl.report.numbers import clean, grouped, short, width

__all__ = ["difference_json", "difference_text"]

_TENSORS: Final = 8
_NAME: Final = 26
_CALL: Final = 22


def difference_text(found: Difference, before: str, after: str) -> str:
    """The layers that changed, the totals, and the weights that still fit.

    ```
    - fc  fc 1000   1000
    + fc  fc 10     10      params -2,028,510  MACs -2.03M
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
    shown = [change for change in changes if change.kind not in ("same", "renamed")]
    layers = [layer for change in shown for layer in (change.before, change.after) if layer is not None]
    name = min(_NAME, max((width(layer.name) for layer in layers), default=0))
    call = min(_CALL, max((width(layer.call) for layer in layers), default=0))
    size = max((width(_sizes(layer.shapes)) for layer in layers), default=0)

    def row(sign: str, layer: Layer) -> str:
        return f"{sign} {_fit(layer.name, name)}  {_cut(layer.call, call)}  {_sizes(layer.shapes):{size}}"

    lines: list[str] = []
    for equal, group in groupby(changes, key=lambda change: change.kind in ("same", "renamed")):
        part = list(group)
        if equal:
            lines.append(f"  … {counted(len(part), 'layer')} the same{_moved(part)}")
            continue
        for change in part:
            told = _told(change)
            if change.kind == "rewired" and change.after is not None:
                lines.append(f"{row('~', change.after)}  reads another layer")
                continue
            if change.before is not None:
                lines.append((row("-", change.before) + ("" if change.after else told)).rstrip())
            if change.after is not None:
                lines.append((row("+", change.after) + told).rstrip())
    return lines


def _moved(part: Sequence[Change]) -> str:
    renamed = sum(change.kind == "renamed" for change in part)
    return f", {grouped(renamed)} of another name" if renamed else ""


def _told(change: Change) -> str:
    parts = [("params", change.params), ("MACs", change.macs)]
    return "".join(f"  {what} {_signed(value)}" for what, value in parts if value)


def _signed(value: int) -> str:
    return ("+" if value > 0 else "-" if value < 0 else "") + short(abs(value))


def _sizes(shapes: Sequence[Shape]) -> str:
    return ", ".join(map(show_shape, shapes))


def _fit(text: str, wide: int) -> str:
    """A text in so many columns; of one too long the beginning gives way, as the end says which layer it is."""
    text = clean(text)
    if width(text) > wide:
        while width(text) > wide - 1:
            text = text[1:]
        text = "…" + text
    return text + " " * (wide - width(text))


def _cut(text: str, wide: int) -> str:
    """The same for an op, whose end says least."""
    text = clean(text)
    if width(text) > wide:
        while width(text) > wide - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (wide - width(text))


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
        f"weights: {grouped(len(weights.fitting))} of the {counted(total, 'tensor')} after have the name and shape of "
        f"one before,",
        f"  {grouped(weights.values)} of {grouped(weights.of)} values{share}; running statistics are among them",
    ]
    if weights.renamed:
        lines.append(
            f"  {grouped(len(weights.renamed))} more would fit under another name: their layers stand in the same place"
        )
    for what, tensors in (
        ("another shape", weights.reshaped),
        ("only before", weights.lost),
        ("only after", weights.missing),
    ):
        if tensors:
            lines.append(f"  {what}: {counted(len(tensors), 'tensor')}")
            lines += [f"    {_tensor(tensor)}" for tensor in tensors[:_TENSORS]]
            if len(tensors) > _TENSORS:
                lines.append(f"    … and {grouped(len(tensors) - _TENSORS)} more; --json has all")
    return lines


def _tensor(tensor: Tensor) -> str:
    shapes = [_torch_shape(shape) for shape in (tensor.shape, tensor.other) if shape is not None]
    return f"{clean(tensor.name)}  {' -> '.join(shapes)}"


def _torch_shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


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
