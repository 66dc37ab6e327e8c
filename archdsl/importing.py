"""A document's table as the text of an `.arch` file that checks.

In: a path. Out: a text; mistakes of the document, and rows of which nothing can be made, as diagnostics. Composes
reading, `archdsl.verify.importing`, elaboration and checking, which do not know each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from archdsl.checking import check_workspace
from archdsl.diagnostics import ArchError, Collector
from archdsl.elaborate import Request, Unresolved, Workspace
from archdsl.graph import Graph
from archdsl.ops.base import Shape
from archdsl.verify.importing import import_table
from archdsl.verify.reading.documents import read_tables
from archdsl.verify.reading.understand import understand
from archdsl.verify.table import Reading

__all__ = ["ImportWishes", "elaborate", "import_file"]


@dataclass(frozen=True, slots=True)
class ImportWishes:
    """What is said beside the document.

    - `table`: its number in the document, from 1; 0 is the first one with layers.
    - `network`: the column to import alone; `name`: of the architecture, `other` where neither that nor a column names
      it; `input`: (H, W, C) where none is printed.
    - `columns`: roles by header; `letters`: values.
    """

    table: int = 0
    network: str = ""
    name: str = ""
    other: str = ""
    input: Shape | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    letters: Mapping[str, int] = field(default_factory=dict)


def import_file(path: Path, wishes: ImportWishes, found: Collector) -> str | None:
    """The text of a table's networks; None where there is none, and why is in `found`.

    `alexnet_wei_table3.1.csv` gives 16 lines, `conv 11x11/4 96 -> relu :: 55x55x96` among them.
    """
    tables = read_tables(path, found)
    readings = [understand(table, wishes.columns, wishes.letters, found) for table in tables]
    if found.failed or not readings:
        return None
    try:
        reading = _chosen(path, readings, wishes.table)
        text = import_table(
            reading,
            elaborate,
            name=wishes.name,
            other=wishes.other,
            network=wishes.network,
            input=wishes.input,
            beside=readings,
        )
    except ArchError as error:
        for diagnostic in error.diagnostics:
            found.add(diagnostic)
        return None
    inner = Collector()
    checked = check_workspace(Workspace.text(text, inner, "the text that was to be written"), Request(), inner)
    for diagnostic in checked.diagnostics:
        found.add(diagnostic)
    return None if checked.failed else text


def _chosen(path: Path, readings: Sequence[Reading], number: int) -> Reading:
    if number > len(readings):
        raise ArchError.of(
            "import-row", f"{path} has no table {number}", hint=f"it has {len(readings)}: --table 1 to {len(readings)}"
        )
    if number:
        return readings[number - 1]
    return next((reading for reading in readings if _has_layers(reading)), readings[0])


def _has_layers(reading: Reading) -> bool:
    """Whether any row, in any of its cells, names layers."""
    return any(isinstance(entry.value, tuple) for line in reading.lines if not line.quantity for entry in line.entries)


def elaborate(text: str) -> Graph | None:
    """The network of a text; None where it makes none."""
    found = Collector()
    try:
        network = Workspace.text(text, found).network(Request(), found)
    except Unresolved:
        return None
    return network.graph if network is not None else None
