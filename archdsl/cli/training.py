"""What `train`, `eval` and `predict` share: settings of the command line, and saying what went wrong.

In: texts, exceptions of `archdsl.train`. Out: a `Recipe`; lines on standard error, and the exit status.
"""

from __future__ import annotations

import os
import sys
import textwrap
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from archdsl.cli.common import fail
from archdsl.diagnostics import ArchError, Collector

if TYPE_CHECKING:
    from archdsl.elaborate.recipe import Recipe
    from archdsl.graph import Graph

__all__ = ["errors_shown", "refuse_windows", "said", "wrapped", "written_settings"]


def refuse_windows() -> None:
    """End a command of run folders on Windows, which has no POSIX lock to give a folder to one run at a time."""
    if sys.platform == "win32":
        raise click.ClickException("train, eval and predict need Linux or macOS; on Windows they run within WSL")


def wrapped(text: str) -> str:
    """Sentences for people in lines of 80 columns, those behind the first set in; a word is never broken."""
    made: list[str] = []
    for line in text.splitlines():
        inset = " " * (len(line) - len(line.lstrip()) + 2)
        made += textwrap.wrap(line, 80, subsequent_indent=inset, break_long_words=False, break_on_hyphens=False)
    return "\n".join(made)


def said(text: str) -> None:
    """A sentence on standard error: folded on a terminal, elsewhere a line, which can be searched for."""
    click.echo(wrapped(text) if sys.stderr.isatty() else text, err=True)


def written_settings(lines: Iterable[str], graph: Graph) -> Recipe | None:
    """What `--recipe` says, or None; ends the process after saying what is wrong with it."""
    from archdsl.elaborate.recipe import read_settings

    text = "\n".join(lines)
    if not text:
        return None
    found = Collector()
    recipe = read_settings(text, graph, found)
    if recipe is None:
        fail(found.sorted())
    return recipe


@contextmanager
def errors_shown() -> Iterator[None]:
    """End the process with status 1 after saying what is wrong, with 130 where the user breaks it off.

    One of a team ends with `AGAIN` where nothing is wrong with what it was told.
    """
    from archdsl.train.errors import AGAIN, SaidElsewhere, TrainError

    try:
        yield
    except ArchError as error:
        fail(error.diagnostics)
    except SaidElsewhere as error:
        _end(error.status)
    except TrainError as error:
        rank = os.environ.get("RANK", "0")  # of a process that torchrun began
        said(f"error{f' (process {rank})' if rank != '0' else ''}: {error.message}")
        if error.hint:
            said(f"  hint: {error.hint}")
        _end(error.status)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:
        if "RANK" not in os.environ:
            raise
        traceback.print_exc()
        _end(AGAIN)


def _end(status: int) -> NoReturn:
    """End the process; one of a team at once, since it could wait for others that are gone, or be gone after them.

    What torchrun sees first says whether a mistake ended them all.
    """
    if "RANK" in os.environ:
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)
