"""`archdsl summary`: a row a layer, and the totals.

In: the file and options of a command line. Out: a table on standard output. The facts come from `archdsl.analysis`, the
table from `archdsl.report`, the reading of the file from `archdsl.cli.common`.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

from archdsl.analysis.training_memory import OPTIMIZERS
from archdsl.cli.common import colour, fail, target_options
from archdsl.report.columns import COLUMNS, choose_columns
from archdsl.report.summary import BATCH, OPTIMIZER, summarize
from archdsl.report.text import WIDTH

if TYPE_CHECKING:
    from archdsl.api import Architecture
    from archdsl.elaborate import Request, Workspace
    from archdsl.report.columns import Column
    from archdsl.report.summary import Summary

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl summary resnet.arch:resnet50
  archdsl summary resnet.arch:resnet50 --depth 2 --input 64x64x3 --set classes=10
  archdsl summary vgg.arch:vgg16 --columns name,op,params,flops,rf
  archdsl summary vgg.arch:vgg16 --batch 256 --optimizer adam
  archdsl summary lenet5.arch --json

"""
_COLUMNS = f"Columns: {', '.join(COLUMNS)}."


def _show_space(workspace: Workspace, request: Request, as_json: bool, **options: object) -> None:
    """What there is to say while choices are open: how many networks, the smallest and the largest."""
    given = [name for name, value in options.items() if value]
    if given:
        raise click.UsageError(
            f"--{given[0].removeprefix('as_')} needs one network, and choices are open: use --choose"
        )
    from archdsl.diagnostics import ArchError
    from archdsl.report.space import space_json, space_text
    from archdsl.space import explore

    try:
        found = explore(workspace, request)
    except ArchError as error:
        fail(error.diagnostics)
    click.echo(space_json(found) if as_json else space_text(found), nl=False)


@click.command("summary", epilog=_EXAMPLES + _COLUMNS)
@target_options(when_open=_show_space)
@click.option(
    "--depth", type=click.IntRange(min=1), metavar="N", help="Open blocks N levels deep; all the way unless given."
)
@click.option(
    "--unfold", is_flag=True, help="Show every iteration of a repeat; like ones are one row (x3) unless given."
)
@click.option("--columns", metavar="A,B,…", help="Which columns, in this order (listed below); `all` for every one.")
@click.option(
    "--batch", type=click.IntRange(min=1), metavar="N", help=f"Images in a step, for the memory estimate [{BATCH}]."
)
@click.option("--optimizer", type=click.Choice(tuple(OPTIMIZERS)), help=f"For the memory estimate [{OPTIMIZER}].")
@click.option(
    "--width", type=click.IntRange(min=40), metavar="N", help=f"Columns of the text; the terminal's, or {WIDTH}."
)
@click.option("--csv", "as_csv", is_flag=True, help="For a spreadsheet: a line a layer.")
@click.option("--markdown", "as_markdown", is_flag=True, help="For a README.")
@click.option("--latex", "as_latex", is_flag=True, help="For a paper; needs the package booktabs.")
@click.option("--json", "as_json", is_flag=True, help="For a program: all facts, a record a layer.")
def command(
    architecture: Architecture,
    depth: int | None,
    unfold: bool,
    columns: str | None,
    batch: int | None,
    optimizer: str | None,
    width: int | None,
    as_csv: bool,
    as_markdown: bool,
    as_latex: bool,
    as_json: bool,
) -> None:
    """Show sizes, parameters, MACs, memory and receptive fields, layer by layer and in total."""
    flags = (("--csv", as_csv), ("--markdown", as_markdown), ("--latex", as_latex), ("--json", as_json))
    forms = [name for name, given in flags if given]
    if len(forms) > 1:
        raise click.UsageError(f"{' and '.join(forms)} cannot stand together; choose one")
    form = forms[0] if forms else "text"
    _refuse(form, "--width", width is not None and form != "text", "only the text has a width")
    _refuse(form, "--columns", columns is not None and as_json, "it always holds every fact")
    _refuse(form, "--depth", depth is not None and as_json, "it always holds every layer")
    estimate = batch is not None or optimizer is not None
    _refuse(form, "--batch or --optimizer", estimate and form in ("--csv", "--latex"), "it holds no memory estimate")
    chosen = _columns(columns)
    found = summarize(
        architecture.graph,
        levels=depth,
        fold=not (unfold or as_csv or as_json),
        batch=BATCH if batch is None else batch,
        optimizer=OPTIMIZER if optimizer is None else optimizer,
    )
    click.echo(_render(found, form, chosen, width), nl=False)


def _refuse(form: str, option: str, when: bool, why: str) -> None:
    if when:
        raise click.UsageError(f"{option} does not go with {form}: {why}")


def _columns(text: str | None) -> tuple[Column, ...] | None:
    if text is None:
        return None
    if text.strip() == "all":
        return tuple(COLUMNS.values())
    try:
        return choose_columns([part.strip().lower() for part in text.split(",")])
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--columns") from None


def _render(found: Summary, form: str, columns: tuple[Column, ...] | None, width: int | None) -> str:
    """The summary in its form; each is loaded when it is wanted, since starting takes time."""
    if form == "--csv":
        from archdsl.report.delimited import to_csv

        return to_csv(found, columns=columns)
    if form == "--markdown":
        from archdsl.report.markdown import to_markdown

        return to_markdown(found, columns=columns)
    if form == "--latex":
        from archdsl.report.latex import to_latex

        return to_latex(found, columns=columns)
    if form == "--json":
        from archdsl.report.records import to_json

        return to_json(found)
    from archdsl.report.text import to_text

    if width is None:
        width = max(40, shutil.get_terminal_size((WIDTH, 24)).columns) if sys.stdout.isatty() else WIDTH
    return to_text(found, columns=columns, width=width, colour=colour(sys.stdout))
