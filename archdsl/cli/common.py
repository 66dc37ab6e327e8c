"""What the commands share: naming a network on the command line, and saying what is wrong with it.

In: `FILE[:VARIANT]` or `zoo:NAME`, `--input`, `--set`, `--choose`. Out: an `Architecture`, or diagnostics on standard
error and status 1.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from archdsl.analysis.claims import check_claims
from archdsl.api import Architecture, unresolved
from archdsl.diagnostics import ArchError, Collector, Diagnostic, HintedError, render_text
from archdsl.elaborate import Request, Unresolved, Workspace
from archdsl.walking import NETWORK, walk
from archdsl.zoo import split_target

__all__ = [
    "colour",
    "fail",
    "format_of",
    "load_one",
    "read_request",
    "refusal",
    "refuse_folder",
    "report",
    "request_options",
    "split_target",
    "target_options",
    "with_folders",
    "writing",
]


F = TypeVar("F", bound=str)


def target_options(
    command: Callable[..., None] | None = None,
    *,
    when_open: Callable[..., None] | None = None,
    when_watched: Callable[..., None] | None = None,
) -> Callable[..., Any]:
    """Give a command FILE[:VARIANT], --input, --set and --choose, and call it with the `architecture` they name.

    Where the file leaves a choice open, `when_open` is called in its place, with the `workspace` and the `request`;
    without it, that is an error. Where the command's option `watch` is set, `when_watched` is called with the `path`
    and the `request`, and nothing is read.
    """
    if command is None:
        return functools.partial(target_options, when_open=when_open, when_watched=when_watched)

    @click.argument("target", metavar="FILE[:VARIANT]")
    @request_options
    @functools.wraps(command)
    def wrapped(
        target: str, inputs: tuple[str, ...], settings: tuple[str, ...], choices: tuple[str, ...], **rest: Any
    ) -> None:
        if when_watched is not None and rest.pop("watch"):
            path, variant = _split(target)
            when_watched(path=path, request=read_request(variant, inputs, settings, choices), **rest)
            return
        try:
            architecture = _load(target, inputs, settings, choices)
        except _OpenChoice as left:
            if when_open is None:
                fail([left.diagnostic])
            when_open(workspace=left.workspace, request=left.request, **rest)
            return
        command(architecture=architecture, **rest)

    return wrapped


def request_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --input, --set and --choose, as `inputs`, `settings` and `choices` for `read_request`."""
    for option in (
        click.option(
            "--choose", "choices", multiple=True, metavar="NAME=OPTION", help="What to take where a choice is open."
        ),
        click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the architecture."),
        click.option("--input", "inputs", multiple=True, metavar="[NAME=]SIZE", help="Another input size: 64x64x3."),
    ):
        command = option(command)
    return command


def read_request(
    variant: str | None, inputs: Iterable[str], settings: Iterable[str], choices: Iterable[str]
) -> Request:
    """The options as a request. Raises `click.BadParameter`."""
    return Request(variant, _pairs(settings, "--set"), dict(map(_input, inputs)), _pairs(choices, "--choose"))


def _load(target: str, inputs: Iterable[str], settings: Iterable[str], choices: Iterable[str]) -> Architecture:
    """The network that a command line names; ends the process with status 1 after saying what is wrong.

    Raises `_OpenChoice`.
    """
    path, variant = _split(target)
    request = read_request(variant, inputs, settings, choices)
    found = Collector()
    workspace = Workspace.open(path, found)
    try:
        network = workspace.network(request, found)
    except Unresolved as left:
        raise _OpenChoice(workspace, request, unresolved(workspace, left)) from None
    if network is None:
        fail(found.sorted())
    check_claims(network.graph, network.claims, found)
    report(found.sorted())
    return Architecture(network, workspace, request)


def _split(target: str) -> tuple[str, str | None]:
    try:
        return split_target(target)
    except ArchError as error:
        fail(error.diagnostics)


def load_one(target: str, inputs: Iterable[str], settings: Iterable[str], choices: Iterable[str]) -> Architecture:
    """The network that a command line names; ends the process with status 1 after saying what is wrong.

    `load_one("zoo:resnet50", ["64x64x3"], ["classes=10"], [])` takes 64x64x3 to 10. A choice that is left open is an
    error, too.
    """
    try:
        return _load(target, inputs, settings, choices)
    except _OpenChoice as left:
        fail([left.diagnostic])


class _OpenChoice(Exception):
    """The file leaves a choice open, and one network is needed."""

    def __init__(self, workspace: Workspace, request: Request, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.workspace = workspace
        self.request = request
        self.diagnostic = diagnostic


def report(diagnostics: Iterable[Diagnostic]) -> None:
    """Diagnostics on standard error, coloured on a terminal."""
    text = render_text(diagnostics, colour=colour(sys.stderr))
    if text:
        click.echo(text, err=True)


def fail(diagnostics: Iterable[Diagnostic]) -> NoReturn:
    """The same, and the end of the process with status 1."""
    report(diagnostics)
    raise SystemExit(1)


def refusal(error: HintedError) -> click.ClickException:
    """What ends a command that cannot do its work, with the hint on a line of its own."""
    return click.ClickException(error.message + (f"\n  hint: {error.hint}" if error.hint else ""))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """End a command that cannot write its file after saying why."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from None


def with_folders(words: Iterable[str]) -> list[str]:
    """The words of a command line, in place of each folder the `.arch` files in it and in the folders within.

    Raises `click.UsageError` for a folder without any, and `click.ClickException` for one that cannot be read.
    """
    found: list[str] = []
    for word in words:
        if not os.path.isdir(word):
            found.append(word)
            continue
        inside = [str(path) for path in walk(Path(word), _unreadable) if path.suffix == NETWORK and path.is_file()]
        if not inside:
            raise click.UsageError(f"the folder {word} holds no {NETWORK} file")
        found += inside
    return list(dict.fromkeys(found))


def _unreadable(error: OSError) -> NoReturn:
    raise click.ClickException(f"cannot read the folder {error.filename}: {error.strerror}")


def refuse_folder(output: Path) -> None:
    """End a command before its work where the folder of its output does not exist."""
    if not output.parent.is_dir():
        raise click.ClickException(f"cannot write {output}: there is no folder {output.parent}")


def colour(stream: Any) -> bool:
    """Whether a stream is a terminal that may be coloured."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR")


def _pairs(written: Iterable[str], option: str) -> dict[str, str]:
    made: dict[str, str] = {}
    for text in written:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name or not value.strip():
            raise click.BadParameter(f"`{text}` is not NAME=VALUE", param_hint=option)
        if name in made:
            raise click.BadParameter(f"`{name}` is given twice", param_hint=option)
        made[name] = value.strip()
    return made


def _input(text: str) -> tuple[str | None, tuple[int, ...]]:
    name, equals, size = text.rpartition("=")
    if not re.fullmatch(r"[1-9][0-9]{0,14}(x[1-9][0-9]{0,14}){0,3}", size):
        raise click.BadParameter(f"`{size}` is not a size: write 64x64x3, HxWxC", param_hint="--input")
    return (name if equals else None), tuple(int(part) for part in size.split("x"))


def format_of(path: Path, formats: Iterable[F]) -> F:
    """The format that the end of an output's name says. Raises `click.BadParameter` where it says none of them."""
    known = {f".{format}": format for format in formats}
    found = known.get(path.suffix.lower())
    if found is None:
        raise click.BadParameter(f"`{path.name}` does not end in one of {', '.join(known)}", param_hint="-o")
    return found
