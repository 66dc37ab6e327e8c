"""`archdsl draw --watch`: a page on localhost that follows its file.

In: files that are saved while the command runs. Out: what the server answers, and how the command ends.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from archdsl.cli.watching import Watched
from archdsl.draw.page import to_error_page, to_page
from archdsl.elaborate import Request

_NET = "input 16x16x3\nconv 3x3 8 -> relu\n-> gap -> fc 10\n"
_WRONG = _NET.replace("3x3", "33x33")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "net.arch"
    made.write_text(_NET)
    return made


def _watched(file: Path) -> Watched:
    return Watched(
        str(file), Request(), lambda made, number: to_page(made.graph, live=number), lambda *said: to_error_page(*said)
    )


def test_a_page_a_save(file: Path) -> None:
    watched = _watched(file)
    assert watched.look()
    assert not watched.look()
    assert 'data-number="1"' in watched.text
    assert "conv 3×3 8" in watched.text
    file.write_text(_NET.replace("conv 3x3 8", "conv 5x5 24"))
    assert watched.look()
    assert 'data-number="2"' in watched.text
    assert "conv 5×5 24" in watched.text


def test_a_mistake_is_shown_with_its_caret_until_it_is_mended(file: Path) -> None:
    file.write_text(_WRONG)
    watched = _watched(file)
    assert watched.look()
    assert watched.failed
    assert "2 | conv 33x33 8 -&gt; relu\n  | ^^^^^^^^^^^^" in watched.text
    file.unlink()  # an editor that saves by renaming
    assert watched.look()
    assert "No such file" in watched.text
    file.write_text(_NET)
    assert watched.look()
    assert not watched.failed


def test_a_file_that_is_used_counts_as_well(tmp_path: Path) -> None:
    (tmp_path / "parts.arch").write_text("block unit<w> = conv 3x3 w -> relu\n")
    file = tmp_path / "net.arch"
    file.write_text('use "parts.arch"\ninput 16x16x3\nunit<8> -> gap -> fc 10\n')
    watched = _watched(file)
    assert watched.look()
    assert not watched.failed, watched.text
    (tmp_path / "parts.arch").write_text("block unit<w> = conv 5x5 w -> relu -> bn\n")
    assert watched.look()
    assert "conv 5×5 8" in watched.text


def test_a_live_page_may_ask_its_own_server_alone(file: Path) -> None:
    watched = _watched(file)
    watched.look()
    assert "connect-src 'self'" in watched.text
    assert "unsafe" not in watched.text.partition("</head>")[0].partition("<style>")[0]


@pytest.fixture
def command(file: Path) -> Iterator[tuple[subprocess.Popen[str], IO[str], int]]:
    call = [sys.executable, "-m", "archdsl", "draw", "net.arch", "--watch", "-o", "net.svg"]
    made = subprocess.Popen(call, cwd=file.parent, stderr=subprocess.PIPE, text=True, env={**os.environ})
    assert made.stderr is not None
    port = int(made.stderr.readline().partition("127.0.0.1:")[2].partition("/")[0])
    yield made, made.stderr, port
    made.kill()
    made.wait()
    made.stderr.close()


def _get(port: int, path: str, host: str = "localhost") -> tuple[int, str]:
    made = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    made.request("GET", path, headers={"Host": host})
    answer = made.getresponse()
    text = answer.read().decode()
    made.close()
    return answer.status, text


def test_the_command_serves_draws_and_ends(file: Path, command: tuple[subprocess.Popen[str], IO[str], int]) -> None:
    process, said, port = command
    assert _get(port, "/number") == (200, "1")
    assert "conv 3×3 8" in _get(port, "/")[1]
    assert ">conv 3×3 8<" in (file.parent / "net.svg").read_text()
    assert _get(port, "/../net.arch")[0] == 404
    assert _get(port, "/", "evil.example")[0] == 403
    file.write_text(_WRONG)
    assert said.readline().startswith("error[")
    file.write_text(_NET.replace("8", "24"))
    assert any(line == "drew net.arch\n" for line in said)
    assert ">conv 3×3 24<" in (file.parent / "net.svg").read_text()
    assert _get(port, "/number") == (200, "3")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert "Traceback" not in said.read()
