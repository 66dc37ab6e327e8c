"""What each column of a table is about: said outright, or found from its header and its values.

In: a table. Out: a `Column` for each of its columns, `unknown` where neither tells. Cells are left to `cells.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import get_args

from archdsl.diagnostics import Collector, nearest
from archdsl.verify.reading.cells import is_nothing
from archdsl.verify.reading.kinds import longest_kind
from archdsl.verify.reading.numbers import NotANumber, figure
from archdsl.verify.reading.phrases import NoLayers, layers
from archdsl.verify.reading.places import line_span
from archdsl.verify.reading.quantities import is_total, quantity
from archdsl.verify.reading.sizes import NotASize, size
from archdsl.verify.reading.text import plain
from archdsl.verify.reading.vocabulary import Header, header, is_network, key
from archdsl.verify.table import Column, Group, Role, Row, Said, Table

__all__ = ["columns_of"]

_TIMES = re.compile(r"\d{1,4} ?[×xX]|[×xX] ?\d{1,4}")
_SAMPLE = 60
"""Cells of a column that are looked at."""
_KERNEL = 11
"""The largest kernel's side that a table without any header is taken to print: AlexNet's first."""
_LONGEST = 400
"""Characters of a cell that is looked at."""
_LETTERS = frozenset("tcns")
"""MobileNetV2's columns: expansion, channels, repeats, stride."""
_SIZES = frozenset({"size", "尺寸", "大小"})
"""Headers of what leaves a layer, or of its window."""
_NAMES = frozenset({"name", "名称"})
"""Headers of layers, or of networks."""
_FIGURES: frozenset[Role] = frozenset({"params", "ops", "memory", "connections", "depth", "branch"})
_OF_LAYERS: frozenset[Role] = frozenset(
    {"layer", "arguments", "branch", "kernel", "stride", "padding", "filters", "groups", "repeat", "output"}
)
"""What tables print of layers, and tables of results do not print of networks."""
_OF_NETWORKS: frozenset[Role] = frozenset({"measured", "depth"})


@dataclass(frozen=True, slots=True)
class _Values:
    """How many cells of a column are of which kind; one may be of several.

    `filled` counts those that say anything, `kinds` those that name a known layer, `layers` also `3x3, 64`,
    `attributes` those with a window and more, `times` those like `8×`. `counting`: they count from 0 or 1. `small`: all
    are windows of two sides, each as small as a kernel's.
    """

    filled: int
    numbers: int
    wholes: int
    windows: int
    arguments: int
    kinds: int
    layers: int
    attributes: int
    quantities: int
    times: int
    counting: bool
    small: bool

    def mostly(self, count: int) -> bool:
        return self.filled > 0 and count * 2 > self.filled


def columns_of(table: Table, said: Mapping[str, str], found: Collector) -> tuple[Column, ...]:
    """The columns of a table; `said` gives roles by header, or by number from 1, over what the document says."""
    outright = _outright(table, said, found)
    values = [_values(texts) for texts in _by_column(table)]
    texts = [cell.text for cell in table.headers]
    headless = not any(texts)
    lettered = len(_LETTERS & set(texts)) >= 3
    headers = [header(text) if text else None for text in texts]
    columns: list[Column] = []
    for at, (text, names) in enumerate(zip(texts, headers, strict=True)):
        role = outright.get(at)
        if role is not None:
            same = names is not None and names.role == role
            detail = names.detail if names and same else text if role in ("branch", "network") else ""
            columns.append(Column(text, role, detail, names.power if names and role in _FIGURES else 0, "said"))
        elif lettered and text == "t":
            columns.append(Column(text, "arguments", "t", 0, "header"))
        elif (key(text) in _NAMES or _is_first(at, names) or (names and names.role == "model")) and _of_results(
            table, at, headers, outright
        ):
            columns.append(Column(text, "model", "", 0, "header"))
        else:
            columns.append(_column(text, names, values[at], lettered))
    return tuple(_completed(columns, values, headless))


def _of_results(table: Table, at: int, headers: Sequence[Header | None], outright: Mapping[int, Role]) -> bool:
    """Whether each row of a table is a network, whatever word its name begins with: `BN-10`, `Pool-A`.

    Each has another name, which is no layer's alone, or beside it stands what only networks have; and nothing
    beside it is about layers. Under `Name`, which may be that of layers, it is known to be a network's.
    """
    roles = {outright.get(place, names.role if names else None) for place, names in enumerate(headers) if place != at}
    texts = [row.cells[at].text for row in table.rows if not is_nothing(row.cells[at].text)]
    alike = len({key(text) for text in texts}) < len(texts)
    if roles & _OF_LAYERS or alike or any(map(_summary, table.rows)):
        return False
    if roles & _OF_NETWORKS:
        return True
    if key(table.headers[at].text) in _NAMES:
        return 2 * sum(map(is_network, texts)) > len(texts)
    if _is_first(at, headers[at]):
        return bool(roles & {"params", "ops"}) and 2 * sum(map(is_network, texts)) >= len(texts) > 0
    return 2 * sum(map(_is_layer_alone, texts)) < len(texts)


def _is_first(at: int, names: Header | None) -> bool:
    """Whether a column is the first, and its header says nothing."""
    return at == 0 and names is None


def _is_layer_alone(text: str) -> bool:
    """Whether a text is a layer's name, with its number perhaps: `Max pooling 2`, but not `Pool-A`."""
    words = re.sub(r"[\d_]+$", "", plain(text)).split()
    return bool(words) and longest_kind(words)[1] == len(words)


def _by_column(table: Table) -> list[list[str]]:
    """The cells of each column that print anything, in rows that are about layers; of all rows, if there are none."""
    about_layers = [row for row in table.rows if not _summary(row)] or table.rows
    return [
        [row.cells[at].text for row in about_layers if not is_nothing(row.cells[at].text)]
        for at in range(len(table.headers))
    ]


def _summary(row: Row) -> bool:
    """Whether the first words of a row name a quantity of a whole network."""
    first = next((cell.text for cell in row.cells if not is_nothing(cell.text)), "")
    return is_total(first) or (quantity(first) is not None and not first[:1].isdecimal())


def _outright(table: Table, said: Mapping[str, str], found: Collector) -> dict[int, Role]:
    """Roles that the document or the caller gives, by place."""
    given: dict[int, Role] = {}
    places: dict[str, list[int]] = {}
    for at, cell in enumerate(table.headers):
        places.setdefault(key(cell.text) or str(at + 1), []).append(at)
    place = line_span(table.source, table.headers[0].line) if table.source is not None else None
    for source, span in ((table.directives.columns, place), (said, None)):
        for name, role in source.items():
            if role not in get_args(Role):
                close = nearest(role, get_args(Role))
                hint = f"did you mean `{close}`? " if close else ""
                found.error(
                    "table-directive",
                    f"there is no role `{role[:40]}`",
                    span,
                    hint=f"{hint}the roles: {', '.join(get_args(Role))}",
                )
                continue
            here = places.get(key(name)) or ([int(name) - 1] if _is_place(name, len(table.headers)) else [])
            if not here:
                headers = [cell.text for cell in table.headers if cell.text]
                close = nearest(name, headers)
                hint = f"did you mean `{close}`? " if close else ""
                found.error(
                    "table-directive",
                    f"{table.name} has no column `{name[:40]}`",
                    span,
                    hint=f"{hint}the columns: {', '.join(headers[:20]) or 'numbered from 1'}",
                )
            for at in here:
                given[at] = role  # type: ignore[assignment]  # it is one of `Role`, tested above
    return given


def _is_place(name: str, width: int) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 4 and 1 <= int(name) <= width


def _values(texts: Sequence[str]) -> _Values:
    numbers = wholes = windows = arguments = kinds = layered = attributes = quantities = small = 0
    figures: list[int] = []
    sample = list(islice((text for text in texts if len(text) <= _LONGEST), _SAMPLE))
    for text in sample:
        said = plain(text)
        try:
            number = figure(text)
        except NotANumber:
            pass
        else:
            numbers += not number.counted
            if said.isdecimal():
                wholes += 1
                figures.append(int(said))
        with suppress(NotASize):
            parts = size(text).parts
            windows += len(parts) > 1
            small += len(parts) == 2 and all(isinstance(part, int) and part <= _KERNEL for part in parts)
        pairs = "=" in said
        arguments += pairs
        quantities += quantity(text) is not None
        try:
            found = layers(text, dict.fromkeys("BDLMNnkGgR", 1))
        except NoLayers:
            continue
        said_of = list(_flat(found))
        known = [one for one in said_of if _is_known(one.kind)]
        kinds += bool(known) and not pairs
        layered += bool(known) or any(one.filters is not None and one.kernel is not None for one in said_of)
        attributes += any(one.kernel is not None and (one.stride or one.filters) for one in said_of)
    first = figures[0] if figures else -1
    counting = len(figures) > 1 and first in (0, 1) and figures == list(range(first, first + len(figures)))
    few = 0 < small == len(sample)
    times = sum(_TIMES.fullmatch(plain(text)) is not None for text in sample)
    return _Values(
        len(sample), numbers, wholes, windows, arguments, kinds, layered, attributes, quantities, times, counting, few
    )


def _flat(found: Iterable[Said | Group]) -> Iterable[Said]:
    waiting = list(found)
    while waiting:
        one = waiting.pop()
        if isinstance(one, Said):
            yield one
        else:
            waiting.extend(one.items)


def _is_known(kind: str | None) -> bool:
    """Whether a kind is one of those that layers have, and not merely the words of the cell."""
    return kind is not None and longest_kind(kind.split())[0] is not None


def _column(text: str, names: Header | None, values: _Values, lettered: bool) -> Column:
    """A column by its header, where its values agree; by its values, where they say otherwise."""
    if names is None or (len(text) == 1 and text.isascii() and not lettered and values.mostly(values.layers)):
        return Column(text, "unknown")
    role, why = _agreed(names.role, values)
    if role == "unknown":
        return Column(text, "unknown")
    power = names.power if role in _FIGURES else 0
    detail = names.detail if role in ("branch", "arguments") else ""
    return Column(text, role, detail, power, "header" if why else "values")


def _agreed(role: Role, values: _Values) -> tuple[Role, bool]:
    """The role, and whether it is the header's own."""
    if not values.filled:
        return role, True
    if role in ("params", "kernel", "filters", "depth"):
        if values.arguments * 2 >= values.filled and values.arguments > values.numbers:
            return "arguments", False
        if values.mostly(values.attributes) and not values.mostly(values.numbers):
            return "arguments", False
    if role == "params" and values.mostly(values.layers) and not values.numbers:
        return "arguments", False
    if role == "filters" and values.mostly(values.windows):
        return "kernel", False
    if role == "layer" and values.mostly(values.wholes):
        return "index", False
    if role == "model" and values.mostly(values.kinds + values.attributes + values.quantities):
        return "layer", False
    if role == "index" and not values.mostly(values.wholes):
        return ("layer", False) if values.mostly(values.kinds) else (role, True)
    if role in ("ops", "connections") and values.mostly(values.kinds):
        return "layer", False
    return role, True


def _completed(columns: list[Column], values: Sequence[_Values], headless: bool) -> list[Column]:
    """The columns whose header says nothing: networks, or what the values alone tell; and a `size` that is a window."""
    if any(column.role == "layer" for column in columns):
        # What stands beside the layers of each network is no table of results.
        columns = [replace(one, role="layer") if one.role == "model" and one.why != "said" else one for one in columns]
    if any(column.role == "model" for column in columns):
        # `# layers` of a network is its depth; `Layers` may be encoders, which are no weight layers, and is no number.
        columns = [
            replace(one, role="depth")
            if one.role == "repeat" and "layers" in one.header.lower()
            else Column(one.header, "unknown")
            if one.role == "index" and key(one.header) == "layers" and one.why != "said"
            else one
            for one in columns
        ]
    columns = _windowed(columns, values)
    roles = {column.role for column in columns}
    open_ = [at for at, column in enumerate(columns) if column.role == "unknown"]
    first = values[0] if values else None
    if first and columns[0].role == "layer" and first.mostly(first.quantities):
        for at in open_:
            if values[at].mostly(values[at].numbers) and columns[at].header:
                columns[at] = Column(columns[at].header, "network", columns[at].header, 0, "values")
        return columns
    for at in open_:
        if values[at].mostly(values[at].times) and "repeat" not in roles:
            columns[at] = Column(columns[at].header, "repeat", "", 0, "values")
            roles.add("repeat")
    open_ = [at for at in open_ if columns[at].role == "unknown"]
    layered = [at for at in open_ if values[at].mostly(values[at].layers + values[at].quantities)]
    for at in layered:
        text = columns[at].header
        if text and (len(layered) > 1 or is_network(text)):
            columns[at] = Column(text, "network", text, 0, "header" if is_network(text) else "values")
        elif "layer" not in roles and values[at].mostly(values[at].kinds):
            columns[at] = Column(text, "layer", "", 0, "values")
            roles.add("layer")
        else:
            columns[at] = Column(text, "arguments", "", 0, "values")
    for at in open_:
        if columns[at].role == "unknown" and values[at].mostly(values[at].arguments):
            columns[at] = Column(columns[at].header, "arguments", "", 0, "values")
        if columns[at].role == "unknown" and at == 0 and values[at].counting and values[at].filled > 1:
            columns[at] = Column(columns[at].header, "index", "", 0, "values")
    if headless:
        _sized(columns, values)
    return columns


def _windowed(columns: list[Column], values: Sequence[_Values]) -> list[Column]:
    """The columns, those headed `size` that hold windows and no outputs as kernels or `11x11/4`."""
    beside = {one.role for one in columns if key(one.header) not in _SIZES}
    made = []
    for column, held in zip(columns, values, strict=True):
        if key(column.header) in _SIZES and column.why == "header":
            if held.attributes and held.mostly(held.attributes + held.windows):
                column = replace(column, role="arguments", why="values")
            elif held.small and beside & {"output", "stride"}:
                column = replace(column, role="kernel", why="values")
        made.append(column)
    return made


def _sized(columns: list[Column], values: Sequence[_Values]) -> None:
    """Without any header: one column of sizes is the output; of two the first is the input, or the kernel."""
    sized = [
        at for at, column in enumerate(columns) if column.role == "unknown" and values[at].mostly(values[at].windows)
    ]
    if len(sized) == 2 and values[sized[0]].small:
        columns[sized[0]] = Column(columns[sized[0]].header, "kernel", "", 0, "values")
        sized = sized[1:]
    if len(sized) in (1, 2):
        for at, role in zip(reversed(sized), ("output", "input"), strict=False):
            columns[at] = Column(columns[at].header, role, "", 0, "values")  # type: ignore[arg-type]
