"""`archdsl import`: the `.arch` file of a table.

In: a document with tables. Out: a file, or the text on standard output, whole or not at all; mistakes on standard
error with status 1. Making the text is `archdsl.importing`'s.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from archdsl.cli.common import fail, read_request, report, writing
from archdsl.cli.verify import read_columns, read_letters

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl import table1.csv -o net.arch
  archdsl import vgg.md -o vgg.arch              a variant for each column
  archdsl import vgg.md --network D -o vgg16.arch
  archdsl import table.csv --input 224x224x3 --let C=10
  archdsl import table.csv --columns "arguments=Filter,output=Size"

\b
What the table does not print is assumed, and said in comments: padding from
the sizes, ReLU where no row prints one. What it prints is claimed: sizes by
`::`, totals by `expect`. Where it contradicts itself, a comment says so. Then:
  archdsl verify net.arch table1.csv
"""


@click.command("import", epilog=_EXAMPLES)
@click.argument("table", metavar="TABLE", type=click.Path(path_type=Path))
@click.option("-o", "--out", "output", type=click.Path(dir_okay=False, path_type=Path), help="Where to [screen].")
@click.option("--network", default="", metavar="COLUMN", help="The one column to write, of a table with several.")
@click.option("--table", "number", type=click.IntRange(min=1), help="Which table of the document [first with layers].")
@click.option("--name", default="", help="What to call it [as the column or file].")
@click.option("--input", "size", metavar="SIZE", help="The input, where the table does not print it: 224x224x3.")
@click.option("--columns", multiple=True, metavar="ROLE=HEADER,…", help="What columns are about, said outright.")
@click.option("--let", "letters", multiple=True, metavar="C=1000,…", help="The values of letters in cells.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def command(
    table: Path,
    output: Path | None,
    network: str,
    number: int | None,
    name: str,
    size: str | None,
    columns: tuple[str, ...],
    letters: tuple[str, ...],
    force: bool,
) -> None:
    """Write the .arch file of a published table: .csv, .tsv, .md, .tex or .html, or of a printed summary, .txt.

    Ends with status 0; 1 where nothing can be made of a row, and then nothing is written; 2 for a wrong command line.
    """
    if name and not re.fullmatch(r"[A-Za-z_]\w{0,60}", name, re.ASCII):
        raise click.BadParameter(
            f"`{name}` is no name: letters, digits and underscores, a letter first", param_hint="--name"
        )
    if output is not None and output.exists() and not force:
        raise click.ClickException(f"{output} exists, and is not overwritten without --force")
    inputs = dict(read_request(None, (size,), (), ()).inputs or {}) if size else {}
    if size and None not in inputs:
        raise click.BadParameter(f"`{size}` is not a size: write 64x64x3, HxWxC", param_hint="--input")
    from archdsl.diagnostics import Collector
    from archdsl.importing import ImportWishes, import_file
    from archdsl.verify.importing import name_of

    other = name_of(output.stem) if output is not None else ""
    roles, values = read_columns(columns), read_letters(letters)
    wishes = ImportWishes(number or 0, network, name, other, inputs.get(None), roles, values)
    found = Collector()
    text = import_file(table, wishes, found)
    if text is None:
        fail(found.sorted())
    report(found.sorted())
    if output is None:
        click.echo(text, nl=False)
        return
    with writing(output):
        output.write_text(text, encoding="utf-8", newline="\n")
    click.echo(f"wrote {output}: {len(text.splitlines())} lines", err=True)
