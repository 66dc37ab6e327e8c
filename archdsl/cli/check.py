"""`archdsl check`: every mistake of the named files in one run.

In: files, each perhaps with a variant. Out: diagnostics; status 0, 1 (errors) or 2 (usage).
"""

from __future__ import annotations

import sys

import click

from archdsl.checking import Checked, check_file
from archdsl.cli.common import colour, read_request, request_options, split_target, with_folders
from archdsl.diagnostics import ArchError, counted, render_github, render_json, render_text

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl check lenet5.arch
  archdsl check resnet.arch:resnet50 --set classes=10
  archdsl check specs --format github
"""


@click.command("check", epilog=_EXAMPLES)
@click.argument("targets", metavar="[FILE[:VARIANT]|FOLDER]…", nargs=-1, required=True)
@request_options
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "github")),
    default="text",
    show_default=True,
    help="For people, for programs, or as annotations of a pull request.",
)
def command(
    targets: tuple[str, ...], inputs: tuple[str, ...], settings: tuple[str, ...], choices: tuple[str, ...], form: str
) -> None:
    """Report every mistake: of the text, the sizes, the claims (`expect`), the recipe, and what is never used.

    A file without a variant is checked with all its variants, a folder with all its .arch files. Ends with status 0
    (warnings count as none), 1 or 2.
    """
    checked: list[Checked] = []
    request = read_request(None, inputs, settings, choices)
    for target in with_folders(targets):
        try:
            path, variant = split_target(target)
        except ArchError as error:
            checked.append(Checked(error.diagnostics, networks=0, claims=0))
            continue
        checked.append(check_file(path, request._replace(variant=variant)))
    found = [diagnostic for one in checked for diagnostic in one.diagnostics]
    if form == "json":
        click.echo(render_json(found))
    elif form == "github":
        if found:
            click.echo(render_github(found))
    else:
        if found:
            click.echo(render_text(found, colour=colour(sys.stdout)))
            click.echo()
        click.echo(_verdict(checked))
        if request.changes:
            click.echo(
                "claims (`expect`) are about the network as written, so they were not compared under --set or --input"
            )
    sys.exit(1 if any(one.failed for one in checked) else 0)


def _verdict(checked: list[Checked]) -> str:
    errors = sum(d.severity == "error" for one in checked for d in one.diagnostics)
    warnings = sum(d.severity == "warning" for one in checked for d in one.diagnostics)
    networks, claims = sum(one.networks for one in checked), sum(one.claims for one in checked)
    what = f"{counted(len(checked), 'file')}, {counted(networks, 'network')}, {counted(claims, 'claim')}"
    published = sum(one.published for one in checked)
    if published:
        what += f", {counted(published, 'published figure')} not compared"
    if not errors and not warnings:
        return f"{what}: no mistakes"
    return f"{what}: {counted(errors, 'error')}, {counted(warnings, 'warning')}"
