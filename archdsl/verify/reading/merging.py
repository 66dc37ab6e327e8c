"""The layers of a row, from all its columns: `conv | 7x7 | 2 | 64` is one layer.

In: a row's entries. Out: layers and groups. Columns of role `network` are left out: they have layers of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archdsl.verify.table import Entry, Group, Number, Said

__all__ = ["merged"]


def merged(entries: Sequence[Entry]) -> tuple[Said | Group, ...]:
    """The layers that a row names."""
    named: list[Said | Group] = []
    further: list[Said] = []
    listed: list[Said | Group] = []
    times = 1
    for entry in entries:
        role, value = entry.column.role, entry.value
        if entry.problem:
            continue
        if role == "layer" and isinstance(value, tuple):
            named = _both(named, list(value))
        elif role == "arguments" and isinstance(value, tuple) and not (len(value) == 1 and isinstance(value[0], Said)):
            listed = list(value)
        elif role in ("arguments", "kernel", "stride", "padding", "filters") and isinstance(value, tuple):
            further += [one for one in value if isinstance(one, Said)]
        elif role == "filters" and isinstance(value, Number) and _whole(value) is not None:
            further.append(Said(value.text, filters=_whole(value)))
        elif role == "groups" and isinstance(value, Number) and _whole(value) is not None:
            further.append(Said(value.text, groups=_whole(value)))
        elif role == "repeat" and isinstance(value, Number):
            times = _whole(value) or 1
    if len(named) == 1 and isinstance(named[0], Group) and len(named[0].items) == 1 and not listed:
        times, named = times * named[0].times, list(named[0].items)
    if listed:
        items = listed
    elif len(named) == 1 and isinstance(named[0], Said):
        items = [_merged(named[0], further)]
    elif named:
        items = named
    else:
        items = [_merged(further[0], further[1:])] if further else []
    if times > 1 and items:
        return (Group(tuple(items), times),)
    return tuple(items)


def _both(first: list[Said | Group], second: list[Said | Group]) -> list[Said | Group]:
    """Two columns that name the layer, its name and its type: one layer where both have one."""
    if len(first) == 1 and len(second) == 1 and isinstance(first[0], Said) and isinstance(second[0], Said):
        name, type_ = first[0], second[0]
        kind = type_.kind or name.kind
        label = name.label or type_.label or (name.text if name.kind != kind and name.kind is not None else None)
        return [replace(_merged(replace(type_, kind=kind), [replace(name, kind=None)]), label=label)]
    return first or second


def _whole(value: Number) -> int | None:
    exact = value.digits * 1000**value.power
    return int(exact) if exact == exact.to_integral_value() and 0 < exact < 10**9 else None


def _merged(base: Said, further: Sequence[Said]) -> Said:
    """One layer of several parts; what an earlier part says, a later one does not change."""
    said = base
    for part in further:
        said = Said(
            " ".join(dict.fromkeys((said.text, part.text))),
            said.kind or part.kind,
            said.label or part.label,
            said.kernel or part.kernel,
            said.stride or part.stride,
            said.padding if said.padding is not None else part.padding,
            said.filters if said.filters is not None else part.filters,
            said.groups if said.groups is not None else part.groups,
            said.same or part.same,
            said.rate if said.rate is not None else part.rate,
            (*said.extra, *(pair for pair in part.extra if pair not in said.extra)),
        )
    return said
