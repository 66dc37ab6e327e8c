"""`archdsl zoo`: the networks that come with archdsl.

In: a name, or none. Out: the list, a file's text, or its path, on standard output. Names come from `archdsl.zoo`,
figures from `archdsl.listing`, lines from `archdsl.report.listing`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from archdsl.cli.common import colour, fail

if TYPE_CHECKING:
    from collections.abc import Callable

    from archdsl.zoo import Place

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl zoo
  archdsl zoo resnet50
  archdsl zoo resnet50 --path
  archdsl zoo --json
  archdsl summary zoo:resnet50
"""


@click.command("zoo", epilog=_EXAMPLES)
@click.argument("name", required=False)
@click.option("--path", "as_path", is_flag=True, help="Where the file of NAME is.")
@click.option("--json", "as_json", is_flag=True, help="The list for a program.")
def command(name: str | None, as_path: bool, as_json: bool) -> None:
    """List the networks that come with archdsl, family by family, or print the file in which NAME is written.

    The list shows trainable parameters, MACs for one input, depth in weight layers, the input and the paper. NAME is a
    variant (resnet50), an architecture or a file (resnet), or both (resnet:resnet50). The text of a file goes to
    standard output, the line of the network in it to standard error.
    """
    from archdsl.diagnostics import ArchError
    from archdsl.zoo import find

    if name is None:
        if as_path:
            raise click.UsageError("--path needs a NAME")
        try:
            _list_json() if as_json else _list_text()
        except ArchError as error:
            fail(error.diagnostics)
        return
    if as_json:
        raise click.UsageError("--json goes with the list alone; `archdsl summary zoo:NAME --json` has one network")
    try:
        place = find(name)
    except ArchError as error:
        fail(error.diagnostics)
    if as_path:
        click.echo(place.path)
    else:
        _print(place)


def _print(place: Place) -> None:
    lines = place.path.read_text(encoding="utf-8").splitlines()
    strong = colour(sys.stdout)
    for number, line in enumerate(lines, 1):
        click.echo(click.style(line, bold=True) if strong and number == place.line else line)
    what = f"variant {place.variant}" if place.variant else "the file's own network"
    click.echo(f"{what}: line {place.line} of {place.path}", err=True)


def _list_text() -> None:
    from archdsl.listing import list_file
    from archdsl.report.listing import LEGEND, columns, heading, line
    from archdsl.zoo import entries

    click.echo(columns())
    known = tuple(entries())
    # On a terminal the rows themselves are the progress.
    with _progress(len(known), when=not sys.stdout.isatty()) as advance:
        for entry in known:
            rows = tuple(list_file(entry))
            paper = rows[0].figures.title if rows else ""
            click.echo("\n".join(["", heading(entry.title, paper), *map(line, rows)]))
            advance()
    click.echo("\n" + "\n".join(LEGEND))


def _list_json() -> None:
    import json

    from archdsl.listing import list_file
    from archdsl.report.listing import record
    from archdsl.zoo import entries

    known = tuple(entries())
    records = []
    with _progress(len(known), when=True) as advance:
        for entry in known:
            records += [record(listed) for listed in list_file(entry)]
            advance()
    click.echo(json.dumps({"networks": records}, indent=2, ensure_ascii=False))


@contextmanager
def _progress(number: int, *, when: bool) -> Iterator[Callable[[], None]]:
    """A bar over files, on standard error and only where that is a terminal."""
    if not (when and sys.stderr.isatty()):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("counting the zoo", total=number)
        yield lambda: bar.advance(task)
