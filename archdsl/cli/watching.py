"""`archdsl draw --watch`: the page of a network on localhost, drawn anew when a file is saved.

In: a file, a request and what to do with a network that is right. Out: a server until Ctrl-C; what is wrong with the
text is shown in the page, with its carets. The page itself is left to `archdsl.draw.page`.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import click

from archdsl.api import Architecture, load
from archdsl.diagnostics import ArchError, Diagnostic, render_text
from archdsl.draw.image import Misfit
from archdsl.elaborate import Request

__all__ = ["Watched", "serve"]

_EVERY: Final = 0.25
"""Seconds between two looks at the files."""


@dataclass(slots=True)
class Watched:
    """The newest state of a file as a page; `number` grows with each, for the page to ask whether it is still it."""

    path: str
    request: Request
    page: Callable[[Architecture, int], str]
    wrong: Callable[[str, int], str]
    number: int = 0
    text: str = ""
    failed: bool = False
    _files: set[Path] = field(default_factory=set)
    _stamps: dict[Path, tuple[int, int] | None] = field(default_factory=dict)

    def look(self) -> bool:
        """Read the file again where it, or one that it uses, was saved; whether that was so."""
        self._files.add(Path(self.path))
        if self.number and self._stamps == self._stamped():
            return False
        # Taken before reading, so that what is saved meanwhile is seen the next time.
        before = self._stamped()
        self.number += 1
        try:
            made = load(
                self.path,
                self.request.variant,
                settings=self.request.settings,
                inputs=self.request.inputs,
                choices=self.request.choices,
            )
            self.text, self.failed = self.page(made, self.number), False
            self._files |= {Path(node.span.source.path) for node in made.graph.nodes}
        except ArchError as error:
            self._say(render_text(error.diagnostics))
            self._files |= _places(error.diagnostics)
        except Misfit as error:
            self._say(f"--{error.option} {error.reason}")
        self._stamps = {**self._stamped(), **before}
        return True

    def _say(self, text: str) -> None:
        self.text, self.failed = self.wrong(text, self.number), True
        click.echo(text, err=True)

    def _stamped(self) -> dict[Path, tuple[int, int] | None]:
        return {path: _stamp(path) for path in self._files}


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None  # between the two steps of an editor that saves by renaming, or gone
    return found.st_mtime_ns, found.st_size


def _places(diagnostics: Sequence[Diagnostic]) -> set[Path]:
    return {Path(entry.span.source.path) for entry in diagnostics if entry.span is not None}


def serve(watched: Watched) -> None:
    """Serve until Ctrl-C, which ends the process with status 130. Raises `click.ClickException`."""
    watched.look()
    try:
        server = _Server(("127.0.0.1", 0), _handler(watched))
    except OSError as error:
        raise click.ClickException(f"cannot serve on localhost: {error.strerror}") from None
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": _EVERY}, daemon=True).start()
    click.echo(f"http://127.0.0.1:{server.server_port}/ shows {watched.path}; Ctrl-C ends it", err=True)
    try:
        while True:
            time.sleep(_EVERY)
            if watched.look() and not watched.failed:
                click.echo(f"drew {watched.path}", err=True)
    except KeyboardInterrupt:
        server.shutdown()
        server.server_close()
        sys.exit(130)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that leaves in the middle of an answer is no mistake; all else is told as it is."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(watched: Watched) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = (self.headers.get("Host") or "").partition(":")[0]
            # Another site's name that leads here is that site's script, which may not read the text.
            if host not in ("127.0.0.1", "localhost"):
                self.send_error(403)
            elif self.path == "/":
                self._answer(watched.text, "text/html; charset=utf-8")
            elif self.path == "/number":
                self._answer(str(watched.number), "text/plain; charset=utf-8")
            else:
                self.send_error(404)

        def _answer(self, text: str, kind: str) -> None:
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the page asks several times a second."""

    return Handler
