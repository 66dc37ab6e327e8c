"""What a wheel holds: every file that the product reads, where it looks for it.

In: `pyproject.toml`, read as hatchling reads it. Out: the package as it would be installed, tried away from the
repository.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_TARGET = tomllib.loads((_ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]


def _ignored(path: Path) -> bool:
    """Whether `.gitignore` names it: hatchling leaves such files out."""
    for line in (_ROOT / ".gitignore").read_text().splitlines():
        pattern = line.strip().rstrip("/")
        if not pattern or pattern.startswith("#"):
            continue
        if pattern.startswith("/"):
            if fnmatch(path.parts[0], pattern[1:]):
                return True
        elif any(fnmatch(part, pattern) for part in path.parts):
            return True
    return False


def _files() -> dict[str, Path]:
    """Where each file is in the wheel, and in the repository."""
    found: dict[str, Path] = {}
    for folder in _TARGET["only-include"]:
        for path in sorted((_ROOT / folder).rglob("*")):
            own = path.relative_to(_ROOT)
            if path.is_file() and not _ignored(own):
                top, _, rest = own.as_posix().partition("/")
                found[f"{_TARGET['sources'].get(top, top)}/{rest}"] = path
    return found


def test_all_in_a_wheel_is_inside_the_package() -> None:
    assert set(_TARGET) == {"only-include", "sources"}  # all that `_files` knows of
    assert {name.partition("/")[0] for name in _files()} == {"archdsl"}


def test_a_wheel_has_the_data_beside_the_code() -> None:
    files = _files()
    for name in ("py.typed", "grammar/arch.lark", "specs/lenet/lenet5.arch", "draw/assets/page.html"):
        assert f"archdsl/{name}" in files
    # Nothing beside a module is left out, whatever its ending; caches of tools are no part of the package.
    beside = [path.relative_to(_ROOT) for path in (_ROOT / "archdsl").rglob("*") if path.is_file()]
    own = {path.as_posix() for path in beside if not any(part.startswith((".", "__pycache__")) for part in path.parts)}
    assert own <= set(files)


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (["zoo:lenet5", "-o", "x.html"], b"<!DOCTYPE html>"),
        (["zoo:unet", "--style", "volumes", "-o", "x.tex"], b"\\documentclass"),
        (["own.arch", "-o", "x.svg"], b"<?xml"),
    ],
    ids=["html", "volumes", "svg"],
)
def test_pictures_are_drawn_away_from_the_repository(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, arguments: list[str], begins: bytes
) -> None:
    site = tmp_path_factory.getbasetemp() / "site"
    for name, path in _files().items() if not site.exists() else ():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, site / name)
    (tmp_path / "own.arch").write_text("input 32x32x3\nconv 3x3+1 16 -> relu -> gap -> fc 10\n")
    where = "import archdsl, sys; sys.stdout.write(archdsl.__file__); from archdsl.cli.main import main; main()"
    ran = subprocess.run(
        [sys.executable, "-P", "-c", where, "draw", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(str(site))
    assert (tmp_path / arguments[-1]).read_bytes().lower().startswith(begins.lower())
