"""What the README shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from archdsl.checking import check_file
from archdsl.diagnostics import render_text
from archdsl.elaborate import Request

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def _fence(kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "resnet.arch").write_text(_fence("arch"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_text_of_the_tour_has_no_mistakes(folder: Path) -> None:
    checked = check_file("resnet.arch", Request())
    assert checked.diagnostics == ()
    # the network itself and two variants, each with two claims
    assert (checked.networks, checked.claims) == (3, 4)


def test_the_error_of_the_tour_is_what_is_said(folder: Path) -> None:
    wrong = _fence("arch").replace("\n  | project<4*w, s>> -> relu", "> -> relu", 1)
    (folder / "resnet.arch").write_text(wrong, encoding="utf-8")
    said = render_text(check_file("resnet.arch", Request(variant="resnet50")).diagnostics)
    shown = re.search(r"^error\[shape-mismatch\].*?(?=^```)", README, re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert said.strip() == shown[0].strip()


@pytest.mark.parametrize(
    "line",
    [line for line in README.splitlines() if re.match(r"archdsl (check|summary|compile|draw|fmt|ops|explain)", line)],
)
def test_the_commands_of_the_tour_run(folder: Path, line: str) -> None:
    words = line.partition("#")[0].split()[1:]
    done = subprocess.run([sys.executable, "-m", "archdsl", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr


def test_the_python_of_the_tour_runs(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _fence("python")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    # torchvision's 11,689,512 with ten outputs in place of a thousand, each of 512 weights and a bias
    assert f"{11_689_512 - 990 * 513:,}" in done.stdout
