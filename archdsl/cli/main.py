"""`archdsl`: the command that finds the others.

In: arguments. Out: what the named command does; each is loaded when it is called, so that starting stays fast.
"""

from __future__ import annotations

import gc
import signal
import sys
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from archdsl import __version__

__all__ = ["archdsl", "main"]

_COMMANDS = {
    "check": "Report every mistake of a file.",
    "verify": "Compare a paper's tables with the network, cell by cell.",
    "import": "Write the .arch file of a paper's table.",
    "summary": "Show sizes, parameters, MACs and memory, layer by layer.",
    "fmt": "Lay files out in the one canonical way.",
    "ops": "List the ops and standard blocks, or explain one.",
    "explain": "Explain an error id.",
    "compile": "Write the network as PyTorch source.",
    "export": "Write the network for another program: .onnx, .pt2, .safetensors.",
    "weights": "Bring another implementation's weights onto the network.",
    "train": "Train the network.",
    "eval": "Test trained weights, or several as an ensemble.",
    "predict": "Say what trained weights see in images.",
    "draw": "Draw the network.",
    "zoo": "List the networks that come with archdsl, or print one.",
    "new": "Start a file of one's own.",
    "compare": "Put networks side by side.",
    "diff": "Say what changed between two networks.",
}

_EXAMPLES = """\b
Examples:
  archdsl check lenet5.arch
  archdsl summary resnet.arch:resnet50 --input 64x64x3 --set classes=10
  archdsl summary zoo:resnet50
  archdsl compile resnet.arch:resnet50 -o resnet50.py
  archdsl draw googlenet.arch -o googlenet.svg
  archdsl train lenet5.arch --data digits

\b
Completion, for bash (zsh and fish alike):
  eval "$(_ARCHDSL_COMPLETE=bash_source archdsl)"
"""


class _Lazy(click.Group):
    """Knows its commands by name, and loads the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        # `import` is a word of Python's, which no module can be called.
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = import_module(f"archdsl.cli.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from archdsl.diagnostics import nearest

            close = nearest(args[0], _COMMANDS)
            hint = f" Did you mean `{close}`?" if close else ""
            raise click.UsageError(f"there is no command `{args[0]}`.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # As a shell expects of Ctrl-C; click's own answer is 1.
            click.echo("interrupted", err=True)
            ctx.exit(128 + signal.SIGINT)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Lazy, epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="archdsl")
def archdsl() -> None:
    """The language in which neural-network architectures are written down.

    A .arch file reads like the layer table of a paper; from it come the checked sizes, the counts, the PyTorch module,
    the training run and the picture.
    """


def main() -> None:
    """Run the command line."""
    # Most commands end before there is garbage worth a search; a training run has its own to find, if later.
    gc.set_threshold(50_000)
    try:
        archdsl(prog_name="archdsl")
    except BrokenPipeError:
        # The reader, a pager perhaps, has gone: nobody is left to tell.
        sys.stderr.close()
        sys.exit(141)
    finally:
        # What is left goes with the process; Python would look through all of it twice.
        gc.freeze()
