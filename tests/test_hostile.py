"""Hostile texts and files: an error of their own, no traceback, within a second and 200 MiB.

In: the texts of `hostile_texts`, mutations of the networks in `specs`, files that are no files. Each text is checked
in a process of its own, which reports what it took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hostile_texts import LIMITED, TAKEN
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from archdsl.checking import check_workspace
from archdsl.diagnostics import Collector, Source, render_github, render_json, render_text
from archdsl.elaborate import Request, Workspace
from archdsl.syntax.formatter import format_source

MEMORY = 200
"""MiB, of the whole process."""

PARTS = 8

_CHILD = """
import json, resource, sys, time
from pathlib import Path
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from archdsl.cli.main import main
report = sys.argv.pop(1)
status = None
try:
    main()
    status = 0
except SystemExit as end:
    status = end.code or 0
finally:
    # The peak since this program began; `ru_maxrss` remembers that of the process that started it.
    held = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    Path(report).write_text(json.dumps([status, time.process_time(), int(held[0]) / 1024]))
"""


@dataclass(frozen=True)
class _Ended:
    """How a process ended: its status, processor seconds and MiB it took, its diagnostics' ids, what it wrote."""

    status: int | None
    seconds: float
    memory: float
    ids: tuple[str, ...]
    written: str


def _check(folder: Path, *targets: str) -> _Ended:
    report = folder / "report.json"
    command = [sys.executable, "-c", _CHILD, str(report), "check", "--format", "json", *targets]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in ran.stderr, ran.stderr[-2000:]
    status, seconds, memory = json.loads(report.read_text())
    found = [entry["id"] for entry in json.loads(ran.stdout)["diagnostics"]]
    return _Ended(status, seconds, memory, tuple(found), ran.stdout + ran.stderr)


def _check_text(folder: Path, text: str) -> _Ended:
    (folder / "net.arch").write_text(text, encoding="utf-8")
    return _check(folder, "net.arch")


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> float:
    """A second of processor time on a machine where the smallest check takes a fifth of one, as ours does: a slower
    or a busier machine has longer ones.
    """
    folder = tmp_path_factory.mktemp("small")
    measured = 5 * min(_check_text(folder, "input 8x8x3\nrelu\n").seconds for _ in range(3))
    return 2 * max(1.0, measured)  # what runs beside a test lengthens even its processor time


@pytest.mark.parametrize("name", LIMITED)
def test_a_limit_has_its_own_error_within_a_second(name: str, tmp_path: Path, second: float) -> None:
    id, text = LIMITED[name]
    ended = _check_text(tmp_path, text())
    assert ended.status == 1
    assert id in ended.ids
    assert ended.seconds < second
    assert ended.memory < MEMORY
    assert len(ended.written) < 200_000


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_strange_and_right_is_taken(name: str, tmp_path: Path, second: float) -> None:
    ended = _check_text(tmp_path, TAKEN[name]())
    assert ended.status == 0, ended.written[:1000]
    assert ended.seconds < second
    assert ended.memory < MEMORY


# ---------------------------------------------------------------- files


def _use(name: str) -> str:
    return f'input 8x8x3\nuse "{name}"\nrelu\n'


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / "it")


def _link(target: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "it").symlink_to(target)


@pytest.mark.parametrize(
    ("make", "name", "id"),
    [
        (_pipe, "it", "unreadable-file"),
        (lambda folder: (folder / "it").mkdir(), "it", "unreadable-file"),
        (lambda folder: (folder / "it").write_bytes(bytes(range(256)) * 100), "it", "unreadable-file"),
        (lambda folder: (folder / "it").write_bytes(b"\xed\xa0\x80"), "it", "unreadable-file"),
        (lambda folder: (folder / "it").write_bytes(b"block a = relu\0"), "it", "syntax"),
        (_link("it"), "it", "unreadable-file"),
        (_link("/dev/zero"), "it", "outside-project"),
        (_link("/etc"), "it/passwd", "outside-project"),
        (_link("../outside.arch"), "it", "outside-project"),
        (lambda _: None, "../outside.arch", "outside-project"),
        (lambda _: None, "/etc/passwd", "outside-project"),
        (lambda _: None, "/dev/zero", "outside-project"),
        (lambda _: None, "it", "unreadable-file"),
        (lambda _: None, "", "unreadable-file"),
        (lambda _: None, "a" * 5000, "unreadable-file"),
        (lambda _: None, "net.arch", "cyclic-use"),
        (lambda folder: (folder / "it").write_text('use "net.arch"\n'), "it", "cyclic-use"),
        (_link("net.arch"), "it", "cyclic-use"),
    ],
)
def test_what_is_used_is_a_file_of_the_project(
    make: Callable[[Path], None], name: str, id: str, tmp_path: Path
) -> None:
    (tmp_path / "outside.arch").write_text("block b = relu\n", encoding="utf-8")
    project = tmp_path / "project"
    project.mkdir()
    (project / ".archroot").touch()
    make(project)
    assert _check_text(project, _use(name)).ids == (id,)


def test_files_that_use_each_other_without_end(tmp_path: Path) -> None:
    (tmp_path / ".archroot").touch()
    for number in range(300):
        text = f'use "f{number + 1}.arch"\nblock b{number} = relu\n'
        (tmp_path / f"f{number}.arch").write_text(text, encoding="utf-8")
    assert "limit-files" in _check_text(tmp_path, _use("f0.arch")).ids


def test_many_files_are_no_larger_than_one(tmp_path: Path, second: float) -> None:
    (tmp_path / ".archroot").touch()
    for number in range(20):
        (tmp_path / f"f{number}.arch").write_text("#" * 1_000_000 + "\n", encoding="utf-8")
    text = "input 8x8x3\n" + "".join(f'use "f{number}.arch"\n' for number in range(20)) + "relu\n"
    ended = _check_text(tmp_path, text)
    assert set(ended.ids) == {"limit-file"}
    assert ended.seconds < second


@pytest.mark.parametrize("make", [_link("it"), lambda _: None])
def test_what_is_checked_is_a_file(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path)
    assert _check(tmp_path, "it").ids == ("unreadable-file",)


@pytest.mark.parametrize("target", ["/dev/zero", "a" * 5000, "net.arch:" + "a" * 5000, "\udcff", ":", "a:b:c"])
def test_what_is_checked_may_be_anything(target: str, tmp_path: Path) -> None:
    (tmp_path / "net.arch").write_text("input 8x8x3\nrelu\n", encoding="utf-8")
    ended = _check(tmp_path, target)
    assert ended.status == 1
    assert ended.memory < MEMORY


# ---------------------------------------------------------------- mutations

_SPECS = sorted(Path(__file__).parent.parent.joinpath("specs").rglob("*.arch"))
_TEXTS = [path.read_text(encoding="utf-8") for path in _SPECS]
_PIECES = (
    *"()[]{}<>|@,.:;=+-*/%!#\"'\\$&?~^`\0\t\n\r\f\ufeff\u202e\u2028\xa0\ud800é×→٣𝟛",
    *(
        "->",
        "::",
        "**",
        "//",
        "==",
        "<=",
        ">=",
        "x3",
        "x(",
        "x(i in 3)",
        "in.c",
        "@in",
        "@a",
        "(@a, @b)",
        "11x11",
        "1e999",
    ),
    *(
        "0",
        "-1",
        "0.5",
        "60.97M",
        "1_0",
        "0x10",
        "9" * 30,
        "if ",
        " then ",
        " else ",
        " and ",
        " not ",
        "true",
        "id",
        "first",
    ),
    *(
        "arch ",
        "input ",
        "output ",
        "block ",
        "let ",
        "share ",
        "default ",
        "variant ",
        "use ",
        "expect ",
        "train ",
        "return ",
    ),
    *(
        "choice<",
        "one_of(",
        "range(",
        "concat<",
        "residual<",
        "conv 3x3 8",
        "fc 10",
        "relu",
        "split 2",
        '"',
        '""',
        "{0}",
        "%s",
    ),
    *("groups=2", "groups=(in.c)", "bias=false", " training = ", "lr=0.1", "(" * 70, "+1" * 250, "\n" * 50),
)


@st.composite
def _mutated(draw: st.DrawFn) -> str:
    """A network of the zoo with pieces put in, taken out, doubled or swapped; or pieces alone."""
    text = draw(st.sampled_from(_TEXTS)) if draw(st.integers(0, 9)) else ""
    for _ in range(draw(st.integers(1, 8))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.integers(0, 12)))
        how = draw(st.integers(0, 4))
        piece = draw(st.sampled_from(_PIECES))
        if how == 1:
            piece = ""
        elif how == 2:
            piece = text[start:stop] * 2
        elif how == 3:
            place = draw(st.integers(0, len(text)))
            piece = text[place : place + 20]
        elif how == 4:
            stop = start
        text = text[:start] + piece + text[stop:]
    return text


@pytest.mark.parametrize("part", range(PARTS))
def test_mutated_texts_have_errors_and_no_tracebacks(part: int, cases: int) -> None:
    """Whatever the text is, checking it ends in diagnostics that can be shown, and formatting it in a text or an
    error.
    """

    @seed(part)
    @settings(
        max_examples=max(1, cases // PARTS // 4),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_mutated())
    def check(text: str) -> None:
        found = Collector()
        checked = check_workspace(Workspace.text(text, found, "net.arch"), Request(), found)
        for render in (render_text, render_json, render_github):
            render(checked.diagnostics)
        json.loads(render_json(checked.diagnostics))
        format_source(Source("net.arch", text), Collector())

    check()
