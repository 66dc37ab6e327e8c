"""`archdsl verify`: published tables, cell by cell.

In: networks, tables and folders. Out: verdicts on standard output, mistakes on standard error; status 0, 1
(contradictions) or 2 (something could not be compared). What there is to do is found by `archdsl.gathering`, done by
`archdsl.verifying`.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.common import colour, read_request, report, request_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from archdsl.verification import Verification, Wishes

__all__ = ["command", "read_columns", "read_letters"]

_EXAMPLES = """\b
Examples:
  archdsl verify resnet.arch table1.md      every variant against its column
  archdsl verify vgg.arch:vgg16 table.csv   one network
  archdsl verify table.csv                  the network that its first lines
                                            name, else itself
  archdsl verify googlenet.arch             the tables beside it, its claims
  archdsl verify specs/ --report errata.md  everything in a folder, as a page
  archdsl verify net.arch t.csv --columns "params=#Params,output=Size"

\b
Lines at the head of a table (# in CSV and .txt, <!-- --> in Markdown and
HTML, % in LaTeX); a network is relative to the table, several are separated
by commas:
  # archdsl network: vgg.arch:vgg16
  # archdsl columns: params=#Params, output=Output size
  # archdsl let: C=1000

\b
Known misprints, in table.known.csv beside table.csv; an entry that no longer
applies is an error:
  row,column,printed,why
  10,params,463K,"the filters of the row give 498K"

\b
--json: {"cells": [{"table", "row", "column", "printed", "computed",
"verdict", "convention", "explanation", "suggestion"}], "totals": {…}}.
`verdict` is one of holds, rounded, convention, contradiction, acknowledged,
not-checked. Totals: tables, cells, compared (cells), facts, one for each
verdict, claims, false_claims, documents_passed_over. Mistakes are on
standard error.

\b
In CI: archdsl verify papers/ --format github
"""
_FORMS = ("text", "json", "markdown", "latex", "github")


@click.command("verify", epilog=_EXAMPLES)
@click.argument("arguments", metavar="[NETWORK|TABLE|FOLDER]…", nargs=-1, required=True)
@click.option("--columns", multiple=True, metavar="ROLE=HEADER,…", help="What columns are about, said outright.")
@click.option("--let", "letters", multiple=True, metavar="C=1000,…", help="The values of letters in cells.")
@request_options
@click.option("--format", "form", type=click.Choice(_FORMS), help="For whom [text: for people].")
@click.option("--json", "as_json", is_flag=True, help="For a program; every cell.")
@click.option("--markdown", "as_markdown", is_flag=True, help="For a README.")
@click.option("--latex", "as_latex", is_flag=True, help="For a paper.")
@click.option("--all", "every", is_flag=True, help="Cells that simply hold, and every table of a folder, too.")
@click.option("--quiet", is_flag=True, help="Only the sums.")
@click.option(
    "--report",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the list of misprints, as Markdown.",
)
@click.option(
    "--acknowledge", is_flag=True, help="Write what is contradicted to .known.csv files; say why there, by hand."
)
def command(
    arguments: tuple[str, ...],
    columns: tuple[str, ...],
    letters: tuple[str, ...],
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    choices: tuple[str, ...],
    form: str | None,
    as_json: bool,
    as_markdown: bool,
    as_latex: bool,
    every: bool,
    quiet: bool,
    page: Path | None,
    acknowledge: bool,
) -> None:
    """Compare the tables of papers with the networks that they are about, cell by cell, and say why where one is wrong.

    A NETWORK is FILE.arch, FILE.arch:VARIANT or zoo:NAME. A TABLE is a .csv, .tsv, .md, .tex, .html or .txt file. In a
    FOLDER, and in those inside, every table that names its network is compared, and every claim (`expect`). Ends with
    status 0 where all is explained, 1 for contradictions and for acknowledgements that no longer apply, 2 where
    something could not be read or compared.
    """
    form = _form(form, as_json, as_markdown, as_latex)
    if quiet and (every or form != "text"):
        raise click.UsageError("--quiet goes neither with --all nor with another format")
    from archdsl.diagnostics import Collector
    from archdsl.gathering import gather
    from archdsl.verification import Wishes
    from archdsl.verifying import verify

    wishes = Wishes(read_columns(columns), read_letters(letters), read_request(None, inputs, settings, choices))
    found = Collector()
    gathered = gather(arguments, found)
    with _progress(len(gathered.documents) + len(gathered.claims)) as tell:
        made = verify(gathered, wishes, found, tell)
    _show(made, form, every, quiet)
    if wishes.request.changes and gathered.claims:
        click.echo("under --set and --input no claim was compared: they are about the network as written", err=True)
    if page is not None:
        from archdsl.report.errata import errata_markdown

        _write(page, errata_markdown(made, _command(arguments, columns, letters, wishes)), "--report")
        click.echo(f"wrote {page}", err=True)
    if acknowledge:
        _acknowledge(made)
    sys.exit(made.status)


def _show(made: Verification, form: str, every: bool, quiet: bool) -> None:
    from archdsl.report import verdicts_formats as formats
    from archdsl.report.verdicts import totals_text, verdicts_text

    if form == "github":
        text = formats.verdicts_github(made)
        if text:
            click.echo(text)
        return
    report(made.diagnostics)
    if form == "json":
        click.echo(formats.verdicts_json(made))
    elif form == "markdown":
        click.echo(formats.verdicts_markdown(made, every=every), nl=False)
    elif form == "latex":
        click.echo(formats.verdicts_latex(made, every=every), nl=False)
    elif quiet:
        for line in totals_text(made, colour=colour(sys.stdout)):
            click.echo(line)
    else:
        click.echo(verdicts_text(made, every=every, colour=colour(sys.stdout)), nl=False)


def _form(form: str | None, as_json: bool, as_markdown: bool, as_latex: bool) -> str:
    flags = (("json", as_json), ("markdown", as_markdown), ("latex", as_latex))
    asked = [name for name, flag in flags if flag] + ([form] if form is not None else [])
    if len(set(asked)) > 1:
        raise click.UsageError("choose one of --json, --markdown, --latex and --format")
    return asked[0] if asked else "text"


def read_columns(written: tuple[str, ...]) -> dict[str, str]:
    """`params=#Params`: the role of each header."""
    return {header: role for role, header in _pairs(written, "--columns", "ROLE=HEADER: params=#Params")}


def read_letters(written: tuple[str, ...]) -> dict[str, int]:
    """`C=1000`: the value of each letter."""
    from archdsl import limits

    made: dict[str, int] = {}
    for letter, value in _pairs(written, "--let", "LETTER=NUMBER: C=1000"):
        figures = value.replace(",", "").replace("_", "")
        if not figures.isascii() or not figures.isdigit() or len(figures) > 16 or int(figures) > limits.MAGNITUDE:
            raise click.BadParameter(f"`{letter}={value}` gives no letter a whole number", param_hint="--let")
        made[letter] = int(figures)
    return made


def _pairs(written: tuple[str, ...], option: str, form: str) -> Iterator[tuple[str, str]]:
    from archdsl.verify.reading.directives import pairs

    for text in written:
        for left, right in pairs(text):
            if not left or not right:
                raise click.BadParameter(f"`{left or right or text}` is not {form}", param_hint=option)
            yield left, right


def _command(arguments: tuple[str, ...], columns: tuple[str, ...], letters: tuple[str, ...], wishes: Wishes) -> str:
    """The command line that makes the same page."""
    options = [part for text in columns for part in ("--columns", text)]
    options += [part for text in letters for part in ("--let", text)]
    for name, value in (wishes.request.settings or {}).items():
        options += ["--set", f"{name}={value}"]
    for input_name, size in (wishes.request.inputs or {}).items():
        options += ["--input", (f"{input_name}=" if input_name else "") + "x".join(map(str, size))]
    for name, value in (wishes.request.choices or {}).items():
        options += ["--choose", f"{name}={value}"]
    return shlex.join(["archdsl", "verify", *arguments, *options])


def _write(path: Path, text: str, option: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise click.BadParameter(f"cannot write {path}: {error.strerror or error}", param_hint=option) from None


def _acknowledge(made: Verification) -> None:
    """Write the contradictions of each document beside it, behind what is known already."""
    from archdsl.diagnostics import counted
    from archdsl.verify.acknowledged import HEADER, unexplained

    for known in dict.fromkeys(one.known for one in made.tables):
        tables = [one.judgement for one in made.tables if one.known == known]
        lines = unexplained(tables)
        if not lines:
            continue
        try:
            before = known.read_text(encoding="utf-8") if known.exists() else HEADER
        except (OSError, UnicodeDecodeError) as error:
            raise click.BadParameter(f"cannot read {known}: {error}", param_hint="--acknowledge") from None
        _write(known, before + ("" if before.endswith("\n") else "\n") + lines, "--acknowledge")
        wrong = sum(one.count("contradiction") for one in tables)
        click.echo(f"wrote {known}: say there why, for {counted(wrong, 'contradiction')}", err=True)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """On a terminal, a line that says what is being compared."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda name: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total + 1)

        def tell(name: str) -> None:
            progress.update(task, advance=1, description=escape(name))

        yield tell
