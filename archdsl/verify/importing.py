"""A table as an `.arch` file: its networks, what was assumed as comments, what it prints as claims.

In: a `Reading`, and those of the same document for their totals. Out: formatted text that checks without a mistake.
Reading documents and writing files are left to the command line, rows to `drafting.py`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath

from archdsl.diagnostics import ArchError, Collector, Source, nearest
from archdsl.ops.base import Shape, show_shape
from archdsl.syntax.formatter import format_source
from archdsl.verify.called import called, parts
from archdsl.verify.drafting import Draft, come_out, draft, operations, table_style
from archdsl.verify.figures import reading as reads
from archdsl.verify.fitting import Elaborate, Trials
from archdsl.verify.table import Column, Line, Number, Reading

__all__ = ["import_table", "name_of"]

_WIDTH = 118
_LETTERS = ("", "K", "M", "G", "T")


def import_table(
    reading: Reading,
    elaborate: Elaborate,
    *,
    name: str = "",
    other: str = "",
    network: str = "",
    input: Shape | None = None,
    beside: Sequence[Reading] = (),
) -> str:
    """Write the networks of a table as an `.arch` file: one, or a variant for each column that is a network.

    >>> print(import_table(alexnet_table, elaborate))
    # From alexnet_wei_table3.1.csv.
    …
    conv 11x11/4 96 -> relu :: 55x55x96
    …

    - `name`: of the architecture; else the column's where there is one only, or `other`, or the document's.
    - `network`: the header of one network's column, to write it alone.
    - `input`: (H, W, C), where the table does not print it.
    - `beside`: the document's other tables, whose totals are claims as well.

    Raises `ArchError`, located in the document, for a row of which nothing can be made.
    """
    columns = _columns(reading, network)
    style, told = table_style(reading, columns)
    trials = Trials(elaborate)
    one = columns[0] if len(columns) == 1 else None
    own = name or (_variant(one) if one is not None else "") or other
    own = own or name_of(PurePath(reading.table.path).stem)
    drafts = []
    blocks: dict[str, str] = {}
    taken: set[str] = set()
    for column in columns:
        called_so = own if column is None or len(columns) == 1 else _free(_variant(column), taken)
        taken.add(called_so)
        made = draft(reading, column, called_so, style, trials, input, blocks)
        printed = operations(reading, column)
        if not come_out(printed, made.parts.macs):
            later = draft(reading, column, called_so, replace(style, early=False), trials, input, blocks)
            made = later if come_out(printed, later.parts.macs) else made
        drafts.append(made)
    totals = [_totals(made, column, reading, beside) for made, column in zip(drafts, columns, strict=True)]
    if len({made.input for made in drafts}) > 1:
        raise ArchError.of(
            "import-row",
            "the networks of the table have inputs of several sizes",
            hint="import them one by one: --network COLUMN",
        )
    text = "\n".join(_file(own, reading, drafts, totals, told))
    return _formatted(text, reading)


def _columns(reading: Reading, network: str) -> list[Column | None]:
    networks = [column for column in reading.columns if column.role == "network"]
    if not network:
        return list(networks) or [None]
    names = [column.header for column in networks]
    chosen = called(network, names) or called(network, [column.detail for column in networks])
    found = [column for column in networks if column.header in chosen or column.detail in chosen]
    if len(found) == 1:
        return list(found)
    if not networks:
        raise ArchError.of(
            "unknown-variant",
            "the table is about one network and has no columns of several",
            hint="leave --network out",
        )
    close = nearest(network, names)
    hint = f"did you mean `{close}`? " if close else ""
    raise ArchError.of(
        "unknown-variant", f"`{network}` is the column of no network", hint=f"{hint}the columns: {', '.join(names)}"
    )


# ---------------------------------------------------------------- names


def name_of(text: str) -> str:
    """A name of the language from any text.

    >>> name_of("vgg16_wei_table3.2"), name_of("表")
    ('vgg16_wei_table3_2', 'net')
    """
    made = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")[:60]
    if not made:
        return "net"
    return made if not made[0].isdigit() else f"net_{made}"


def _variant(column: Column) -> str:
    """`18-layer` is `layer18`, `A-LRN` is `A_LRN`."""
    printed = column.detail or column.header
    leading = re.fullmatch(r"(\d{1,9})\W*([A-Za-z]\w*)", printed, re.ASCII)
    return name_of(leading[2] + leading[1] if leading else printed)


def _free(name: str, taken: set[str]) -> str:
    made, number = name, 2
    while made in taken:
        made, number = f"{name}_{number}", number + 1
    return made


# ---------------------------------------------------------------- the file


def _file(
    own: str,
    reading: Reading,
    drafts: Sequence[Draft],
    totals: Sequence[tuple[Sequence[str], Sequence[str]]],
    told: Sequence[str],
) -> Iterator[str]:
    document = _plain(PurePath(reading.table.path).name)
    where = f"table {reading.table.number} of {document}" if reading.table.number > 1 else document
    caption = _plain(reading.table.caption)[:300]
    yield from _comment(f"From {where}, row by row{f': {caption}' if caption else '.'}")
    yield from _comment("Assumed, since the table does not print it:")
    for what, rows in _assumed(reading, drafts):
        yield from _comment(f"{what}{_rows(rows)}", "- ")
    for sentence in told:
        yield from _comment(sentence, "- ")
    wrong = list(dict.fromkeys(row for made in drafts for row in made.wrong))
    if wrong:
        yield from _comment(f"The table contradicts itself{_rows(wrong)}: each is said where it stands.")
    used = [f"{letter}={value}" for letter, value in reading.symbols.items() if _uses(drafts, letter)]
    several = len(drafts) > 1
    parameters = ["layers", *used] if several else used
    listed = f"<{', '.join(parameters)}>" if parameters else ""
    yield f"arch {own}{listed}"
    yield f"input {show_shape(drafts[0].input)}"
    yield ""
    blocks = [block for name, block in drafts[0].blocks.items() if _uses(drafts, name)]
    yield from [*blocks, ""] if blocks else []
    if not several:
        yield from _chain(drafts[0])
        yield ""
        yield from _claims(totals[0], "expect ")
        return
    for made in drafts:
        yield f"block {_body(made)} ="
        yield from _chain(made)
        yield ""
    yield "layers"
    yield ""
    for made, (claims, notes) in zip(drafts, totals, strict=True):
        for note in notes:
            yield from _comment(f"{made.name}: {note}")
        tail = f" expect {' '.join(claims)}" if claims else ""
        yield f"variant {made.name} = {own}<{_body(made)}>{tail}"


def _body(made: Draft) -> str:
    return f"{made.name}_layers"


def _uses(drafts: Sequence[Draft], letter: str) -> bool:
    return any(re.search(rf"\b{re.escape(letter)}\b", line.text) for made in drafts for line in made.lines)


def _chain(made: Draft) -> Iterator[str]:
    for at, line in enumerate(made.lines):
        for note in line.notes:
            yield from _comment(note)
        claim = f" :: {show_shape(line.claim)}" if line.claim is not None else ""
        yield f"{'-> ' if at else ''}{line.text}{claim}"


def _assumed(reading: Reading, drafts: Sequence[Draft]) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for made in drafts:
        for what, rows in made.assumed.items():
            known = found.setdefault(what, [])
            known += [row for row in rows if row not in known]
    order = {line.number: at for at, line in enumerate(reading.lines)}
    return [(what, sorted(rows, key=lambda row: order.get(row, 0))) for what, rows in found.items()]


def _rows(rows: Sequence[str]) -> str:
    if not rows:
        return ""
    shown = ", ".join(rows[:12]) + (", …" if len(rows) > 12 else "")
    return f" (row{'s' if len(rows) > 1 else ''} {shown})"


def _comment(text: str, mark: str = "") -> Iterator[str]:
    """A sentence as comment lines."""
    rest = " " * len(mark)
    for line in textwrap.wrap(_plain(text), _WIDTH - 2 - len(mark)) or [""]:
        yield f"# {mark}{line}"
        mark = rest


def _plain(text: str) -> str:
    """A text of the document where it can end neither a comment nor a string."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(shown.replace('"', "'").replace("\\", "/").split())


def _formatted(text: str, reading: Reading) -> str:
    found = Collector()
    made = format_source(Source(reading.table.path, text), found)
    if made is None:
        raise ArchError(found.sorted())
    return made


# ---------------------------------------------------------------- totals


def _totals(
    made: Draft, column: Column | None, reading: Reading, beside: Sequence[Reading]
) -> tuple[list[str], list[str]]:
    """Claims, each with its source, and sentences about totals that the network does not have."""
    by_source: dict[str, list[str]] = {}
    notes: list[str] = []
    for table in (reading, *(other for other in beside if other is not reading)):
        for line in table.lines:
            for quantity, number in _figures(line, column, own=table is reading):
                source = _plain(PurePath(table.table.path).name)
                claim, note = _claim(made, quantity, number, source)
                if claim:
                    by_source.setdefault(source, []).append(claim)
                notes += [note] if note else []
    return [f'{" ".join(dict.fromkeys(claims))} "{source}"' for source, claims in by_source.items()], notes


def _figures(line: Line, column: Column | None, *, own: bool) -> Iterator[tuple[str, Number]]:
    for entry in line.entries:
        if not line.quantity or not isinstance(entry.value, Number):
            continue
        if entry.column.role == "network":
            name = (column.detail or column.header) if column is not None else ""
            if column is None or (entry.column != column and name not in parts(entry.column.detail)):
                continue
            yield line.quantity, entry.value
        elif own:
            role = entry.column.role
            yield (role if role in ("params", "ops", "depth", "connections") else line.quantity), entry.value


def _claim(made: Draft, quantity: str, number: Number, source: str) -> tuple[str, str]:
    """The claim, or a sentence where the figure is another."""
    sums = made.parts
    meant = {
        "params": [("params", sums.weights + sums.biases + sums.norms)],
        "ops": [("macs", sums.macs), ("flops", 2 * sums.macs)],
        "depth": [("depth", made.depth)],
        "connections": [("connections", sums.connections)],
    }.get(quantity, [])
    for name, value in meant:
        how = reads(number, value)
        if how in ("exact", "rounded"):
            return f"{name} {_figure(number)}", ""
    if not meant:
        return "", f"{source} prints {number.text} of {quantity}, which is not claimed here"
    name, value = meant[0]
    cut = " (cut off, not rounded)" if any(reads(number, one) for _, one in meant) else ""
    return "", f"{source} prints {number.text}{cut}, and the network has {name} {value:_}"


def _figure(number: Number) -> str:
    """`133M` as it is claimed: with as many digits as are printed."""
    if number.power:
        return f"{number.digits:f}{_LETTERS[number.power]}"
    if number.last <= 1 and number.digits == number.digits.to_integral_value():
        return f"{int(number.digits):_}"
    power = max(0, min(len(_LETTERS) - 1, number.digits.adjusted() // 3))
    places = max(0, 3 * power - number.last.adjusted())
    return f"{number.digits.scaleb(-3 * power):.{places}f}{_LETTERS[power]}"


def _claims(totals: tuple[Sequence[str], Sequence[str]], word: str) -> Iterable[str]:
    claims, notes = totals
    for note in notes:
        yield from _comment(note)
    for claim in claims:
        yield word + claim
