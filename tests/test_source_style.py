"""The emitted source as ruff and mypy see it, with their own defaults, and how long it is.

In: one network of every file of the zoo; with ARCHDSL_ZOO=all (`make ways`) every network, and every program of the
language reference that is right. All are written to one folder, which each tool reads once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lang_chapters import cases
from lang_runner import graph

from archdsl.codegen.source import source
from tests.zoo import Entry, entries

TYPED = ("googlenet", "lenet5_1998", "nasnet_mobile", "unet", "siamese", "vit_b_16", "fractalnet20", "m3")
"""Checked by mypy where not all are: several outputs and inputs, copied layers, tuples of arguments."""
WHOLE = os.environ.get("ARCHDSL_ZOO") == "all"


def _chosen() -> list[Entry]:
    first = {entry.path: entry for entry in reversed(entries())}
    return [entry for entry in entries() if WHOLE or entry.name in TYPED or entry is first[entry.path]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of every chosen network, each under a name of its own."""
    made = tmp_path_factory.mktemp("emitted")
    for entry in _chosen():
        (made / f"{entry.path.stem}_{entry.name}.py").write_text(source(entry.graph()), encoding="utf-8")
    for name, text in _programs(tmp_path_factory) if WHOLE else ():
        (made / f"{name}.py").write_text(text, encoding="utf-8")
    return made


def _programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The different sources of the programs of the language reference."""
    seen = set()
    for path in sorted((Path(__file__).parent / "lang").glob("*.md")):
        for case in cases(path.name, path.read_text(encoding="utf-8")):
            checked = graph(case, tmp_path_factory.mktemp("program"))
            text = source(checked) if checked is not None else ""
            if text and text not in seen:
                seen.add(text)
                yield f"lang_{path.stem.replace('-', '_')}_{case.line}", text
    assert len(seen) > 150


def _run(*command: str | Path) -> None:
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_has_nothing_to_say(folder: Path) -> None:
    _run("ruff", "check", "--isolated", "--no-cache", folder)


def test_ruff_changes_nothing(folder: Path) -> None:
    _run("ruff", "format", "--isolated", "--no-cache", "--check", folder)


def test_mypy_has_nothing_to_say(folder: Path, tmp_path: Path) -> None:
    files = [path for path in sorted(folder.iterdir()) if WHOLE or path.stem.endswith(TYPED)]
    assert len(files) >= len(TYPED)
    _run("mypy", "--config-file=", f"--cache-dir={tmp_path}", "--follow-imports=silent", *files)


@pytest.mark.parametrize(
    ("name", "lines"),
    [("resnet50", 120), ("googlenet", 160), ("densenet121", 100)],
)
def test_is_as_short_as_by_hand(name: str, lines: int) -> None:
    """The whole file, the text of the architecture in its docstring included."""
    entry = next(entry for entry in entries() if entry.name == name)
    assert len(source(entry.graph()).splitlines()) < lines
