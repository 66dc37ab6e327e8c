"""`archdsl compile`: the network as PyTorch source.

In: the file and options of a command line. Out: a Python file, or the source on standard output. Loads no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.common import target_options, writing
from archdsl.codegen.source import source

if TYPE_CHECKING:
    from archdsl.api import Architecture

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl compile lenet5.arch
  archdsl compile resnet.arch:resnet50 --set classes=10 -o resnet50.py
"""


@click.command("compile", epilog=_EXAMPLES)
@target_options
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="Where to; standard output unless given.",
)
def command(architecture: Architecture, output: Path | None) -> None:
    """Write the network as PyTorch source that needs torch and nothing else."""
    text = source(architecture.graph)
    if output is None:
        click.echo(text, nl=False)
        return
    with writing(output):
        output.write_text(text, encoding="utf-8")
    click.echo(f"wrote {output}: {len(text.splitlines())} lines", err=True)
