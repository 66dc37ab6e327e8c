"""`archdsl new`: a file of one's own.

In: a name, and perhaps a network of the zoo or a file. Out: a new file; one that exists is left alone. The text comes
from `archdsl.starting`.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from archdsl.cli.common import fail, writing

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl new mynet
  archdsl new mynet --from resnet50
  archdsl new mynet --from other.arch -o nets/mynet.arch
"""


@click.command("new", epilog=_EXAMPLES)
@click.argument("name")
@click.option("--from", "origin", metavar="NETWORK", help="Copy a network of the zoo, by name, or a file, by its path.")
@click.option(
    "-o", "--out", "output", type=click.Path(dir_okay=False, path_type=Path), help="Where to write [NAME.arch]."
)
def command(name: str, origin: str | None, output: Path | None) -> None:
    """Start a file with the network NAME: a small one with comments, or a copy of another under that name.

    A copy has the whole file, with its variants and its comments. Nothing is overwritten.
    """
    from archdsl.diagnostics import ArchError
    from archdsl.starting import copied, template

    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise click.UsageError(f"`{name}` is no name: write letters, digits and underscores, a letter first")
    path = output or Path(f"{name}.arch")
    if path.exists():
        raise click.ClickException(f"{path} exists, and is not overwritten; -o names another file")
    try:
        text = template(name) if origin is None else copied(name, _origin(origin))
    except ArchError as error:
        fail(error.diagnostics)
    with writing(path), path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
    click.echo(f"wrote {path}", err=True)


def _origin(written: str) -> Path:
    """A file, where there is one of that path or the text can be nothing else; else the zoo's."""
    from archdsl.zoo import find, in_zoo

    path = Path(written)
    if not in_zoo(written) and (path.is_file() or path.suffix == ".arch" or len(path.parts) > 1):
        return path
    return find(written).path
