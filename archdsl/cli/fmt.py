"""`archdsl fmt`: files in the one layout.

In: files, or `-` for standard input. Out: the files laid out anew, each replaced at once or not at all; with `--check`
and `--diff` nothing is written. The layout is `archdsl.syntax.formatter`'s.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from archdsl.cli.common import fail, report, with_folders
from archdsl.diagnostics import ArchError, Collector, Source, counted
from archdsl.elaborate.bare_flags import with_bare_flags
from archdsl.syntax.formatter import format_source, same_program
from archdsl.zoo import find, in_zoo

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl fmt resnet.arch
  archdsl fmt --check specs
  archdsl fmt --diff vgg.arch
  archdsl fmt - < draft.arch
"""


class _File(click.Path):
    """A file, `-`, or the file of a network of the zoo."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if in_zoo(value):
            try:
                value = str(find(value).path)
            except ArchError as error:
                fail(error.diagnostics)
        return super().convert(value, param, ctx)


@click.command("fmt", epilog=_EXAMPLES)
@click.argument("files", metavar="[FILE|FOLDER]…", nargs=-1, required=True, type=_File(exists=True, allow_dash=True))
@click.option("--check", is_flag=True, help="Write nothing; name the files that would change, with status 1.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change, with status 1.")
def command(files: tuple[str, ...], check: bool, diff: bool) -> None:
    """Lay files out in the one canonical way; comments stay, and the network is never changed.

    A flag that is set by a value, `ceil=true`, becomes its bare word, `ceil`.

    `-` reads standard input and writes standard output; of a FOLDER, and of those inside, it is every .arch file.
    Ends with status 0; 1 where a file has syntax errors, which leave it as it is, or where --check or --diff found
    something to change; 2 for a wrong command line.
    """
    outcomes = [_format(path, check=check, diff=diff) for path in with_folders(files)]
    changed, same, failed = (outcomes.count(outcome) for outcome in ("changed", "same", "failed"))
    dry = check or diff
    parts = (
        (changed, "would be reformatted" if dry else "reformatted"),
        (same, "already formatted" if dry else "left unchanged"),
        (failed, "with errors, not touched"),
    )
    click.echo(", ".join(f"{counted(number, 'file')} {what}" for number, what in parts if number), err=True)
    if failed or (dry and changed):
        sys.exit(1)


def _format(path: str, *, check: bool, diff: bool) -> str:
    """Format one file: `same`, `changed` or `failed`, which has been reported."""
    name = "<stdin>" if path == "-" else click.format_filename(path)
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        before = Source(name, data.decode("utf-8-sig"))
    except OSError as error:
        return _failed(f"{name} cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        return _failed(f"{name} is not UTF-8 text: byte {error.start}")
    found = Collector()
    bare = with_bare_flags(before)
    text = format_source(bare, found)
    if text is None:
        report(found.sorted())
        return "failed"
    if text != before.text and not same_program(bare, Source(name, text)):
        return _failed(f"{name} would become another program: this is a mistake of archdsl, please report it")
    if diff:
        click.echo(_difference(before.text, text, name), nl=False)
    elif path == "-" and not check:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.buffer.flush()
    if text == before.text:
        return "same"
    if not (check or diff or path == "-"):
        try:
            _replace(Path(path), text)
        except OSError as error:
            return _failed(f"{name} cannot be written: {error.strerror}")
    if path != "-" or check or diff:
        click.echo(f"{'would reformat' if check or diff else 'reformatted'} {name}", err=True)
    return "changed"


def _failed(message: str) -> str:
    click.echo(f"error: {message}", err=True)
    return "failed"


def _difference(before: str, after: str, name: str) -> str:
    """A unified diff, as `patch` takes it."""
    import difflib

    def lines(text: str) -> list[str]:
        *whole, rest = text.split("\n")
        return [f"{line}\n" for line in whole] + ([rest] if rest else [])

    made = difflib.unified_diff(lines(before), lines(after), name, name)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in made)


def _replace(path: Path, text: str) -> None:
    """Put a text in a file's place at once, its permissions kept; a link goes on pointing to it."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, name)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
