"""What `train`, `eval` and `predict` share: saying what went wrong.

In: exceptions of `archdsl.train`. Out: lines on standard error, and the exit status. Imports torch when it is used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from archdsl.cli.common import fail
from archdsl.diagnostics import ArchError

__all__ = ["errors_shown"]


@contextmanager
def errors_shown() -> Iterator[None]:
    """End the process with status 1 after saying what is wrong, with 130 where the user breaks it off."""
    from archdsl.train.errors import TrainError

    try:
        yield
    except ArchError as error:
        fail(error.diagnostics)
    except TrainError as error:
        click.echo(f"error: {error.message}", err=True)
        if error.hint:
            click.echo(f"  hint: {error.hint}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
