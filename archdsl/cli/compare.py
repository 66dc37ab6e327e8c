"""`archdsl compare`: networks side by side.

In: networks, as paths or names of the zoo. Out: a table on standard output, or a picture in a file. Figures come from
`archdsl.analysis.figures`, tables from `archdsl.report.comparison`, the picture from `archdsl.draw.bubbles`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.common import load_one, request_options, writing

if TYPE_CHECKING:
    from archdsl.report.comparison import Compared

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl compare zoo:resnet18 zoo:resnet50 zoo:vgg16
  archdsl compare zoo:resnet50 zoo:mobilenet_v2 --input 64x64x3 --set classes=10
  archdsl compare mine.arch zoo:resnet50 --markdown
  archdsl compare zoo:alexnet zoo:vgg16 zoo:resnet50 -o compare.svg
"""


@click.command("compare", epilog=_EXAMPLES)
@click.argument("targets", metavar="FILE[:VARIANT]…", nargs=-1, required=True)
@request_options
@click.option("--json", "as_json", is_flag=True, help="For a program, with every digit.")
@click.option("--markdown", "as_markdown", is_flag=True, help="For a README, with every digit.")
@click.option(
    "-o",
    "--out",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw them instead, as a .svg: MACs across, accuracy or parameters up, activation memory as size.",
)
@click.option(
    "--up",
    type=click.Choice(["accuracy", "params"]),
    help="What goes up in the picture [accuracy where all networks have a published one, else params].",
)
def command(
    targets: tuple[str, ...],
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    choices: tuple[str, ...],
    as_json: bool,
    as_markdown: bool,
    output: Path | None,
    up: str | None,
) -> None:
    """Put networks side by side: parameters, MACs, memory, depth, receptive field, layers.

    Numbers are for one input. A network is a path or `zoo:NAME`; --input, --set and --choose hold for all. A file
    states a published accuracy as `expect top1 76.13 "source"`: ImageNet's validation images, percent. It is shown
    with its source and never computed; under --input and --set there is none. An axis of the picture is logarithmic
    where its values are more than a factor of 30 apart.
    """
    if as_json + as_markdown + (output is not None) > 1:
        raise click.UsageError("choose one of --json, --markdown and -o")
    if up is not None and output is None:
        raise click.UsageError("--up is for the picture, and needs -o")
    if output is not None and output.suffix.lower() != ".svg":
        raise click.BadParameter(f"`{output.name}` does not end in .svg", param_hint="-o")
    from archdsl.analysis.figures import figures, top1
    from archdsl.report.comparison import Compared, comparison_json, comparison_markdown, comparison_text

    networks = [load_one(target, inputs, settings, choices) for target in targets]
    names = _names(targets, [network.name for network in networks])
    found = [
        Compared(name, figures(network.graph), top1(network.claims))
        for name, network in zip(names, networks, strict=True)
    ]
    if output is not None:
        _draw(output, found, up)
    elif as_json:
        click.echo(comparison_json(found))
    else:
        click.echo((comparison_markdown if as_markdown else comparison_text)(found), nl=False)


def _names(targets: tuple[str, ...], names: list[str]) -> list[str]:
    """What people call them; networks of one name are told apart by what was written."""
    return [
        target if names.count(name) > 1 and len(set(targets)) > 1 else name
        for target, name in zip(targets, names, strict=True)
    ]


def _draw(output: Path, found: list[Compared], up: str | None) -> None:
    from archdsl.draw.bubbles import Bubble, draw_bubbles

    unknown = [one.name for one in found if one.top1 is None]
    if up == "accuracy" and unknown:
        raise click.UsageError(
            f'no accuracy is published for {", ".join(unknown)}: state it, `expect top1 76.13 "source"`, or --up params'
        )
    made = draw_bubbles(
        [
            Bubble(
                one.name,
                one.figures.family,
                one.figures.macs,
                one.figures.params,
                one.figures.activations,
                one.top1 if not unknown and up != "params" else None,
            )
            for one in found
        ]
    )
    with writing(output):
        output.write_bytes(made)
    click.echo(f"wrote {output}", err=True)
