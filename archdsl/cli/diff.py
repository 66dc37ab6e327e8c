"""`archdsl diff`: what changed between two networks.

In: two networks, as paths or names of the zoo. Out: a text or JSON on standard output. What changed is found by
`archdsl.differing`, and set by `archdsl.report.difference`.
"""

from __future__ import annotations

import click

from archdsl.cli.common import load_one, request_options

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl diff zoo:resnet50_v1 zoo:resnet50
  archdsl diff zoo:vgg16 mine.arch
  archdsl diff old.arch new.arch --exit-code
"""


@click.command("diff", epilog=_EXAMPLES)
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@request_options
@click.option("--exit-code", is_flag=True, help="End with status 1 where the networks differ.")
@click.option("--json", "as_json", is_flag=True, help="For a program: every change and every weight.")
def command(
    before: str,
    after: str,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    choices: tuple[str, ...],
    exit_code: bool,
    as_json: bool,
) -> None:
    """Say what changed between two networks: layers, sizes, parameters, MACs, and which weights still fit.

    BEFORE and AFTER are paths, FILE[:VARIANT], or names of the zoo, zoo:NAME; --input, --set and --choose hold for
    both. A weight fits where the compiled modules have a tensor of the same name and shape. `-` and `+` are layers
    before and after, `~` one that reads another layer.
    """
    from archdsl.differing import compare
    from archdsl.report.difference import difference_json, difference_text

    found = compare(*(load_one(target, inputs, settings, choices).graph for target in (before, after)))
    if as_json:
        click.echo(difference_json(found, before, after))
    else:
        click.echo(difference_text(found, before, after), nl=False)
    if exit_code and found.different:
        raise SystemExit(1)
