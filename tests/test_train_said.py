"""What `archdsl train` says before a run that will not do all that its recipe says, and how long its lines are.

In: recipes, options of the command line. Out: facts: where the words stand, and whether they are there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import archdsl
from archdsl.cli.train import command
from archdsl.cli.training import said
from archdsl.diagnostics import Collector
from archdsl.elaborate.recipe import read_settings
from archdsl.train.plan import Overrides, plan, unreached

_NET = "input 8x8x1\nfc 10\ntrain {\n  data digits\n  RECIPE\n}\n"


@pytest.mark.parametrize(
    ("recipe", "written", "epochs", "found"),
    [
        # Epoch 82 begins the 83rd: a run of 82 has none.
        ("epochs 164 optimizer sgd lr=0.1 schedule step at=[82, 123]", "", 10, ("epochs 82 and 123", 5)),
        ("epochs 164 optimizer sgd lr=0.1 schedule step at=[82, 123]", "", 82, ("epochs 82 and 123", 5)),
        ("epochs 164 optimizer sgd lr=0.1 schedule step at=[82, 123]", "", 83, ("epoch 123", 5)),
        ("epochs 164 optimizer sgd lr=0.1 schedule step at=[82, 123]", "", 124, None),
        ("epochs 164 optimizer sgd lr=0.1 schedule step at=[82, 123]", "", None, None),
        # A table says the rate from an epoch on: from the 5th is after 4.
        ("optimizer sgd\n  schedule table {1: 5e-4, 5: 1e-4}", "", 4, ("epoch 4", 6)),
        ("optimizer sgd\n  schedule table {1: 5e-4, 5: 1e-4}", "", 5, None),
        # Where nothing says how many, there are ten.
        ("optimizer sgd lr=0.1 schedule step at=[10]", "", None, ("epoch 10", 5)),
        ("optimizer sgd lr=0.1 schedule step at=[9]", "", None, None),
        # What stands on the command line is shown as it stands there.
        ("epochs 5 optimizer sgd lr=0.1", "seed 1\nschedule step at=[7]", None, ("epoch 7", 2)),
        ("epochs 164 optimizer sgd lr=0.1 schedule step at=[82]", "schedule cosine", 10, None),
        ("epochs 164 optimizer sgd lr=0.1 schedule cosine", "", 10, None),
    ],
)
def test_a_schedule_that_is_not_reached_is_remarked_on(
    recipe: str, written: str, epochs: int | None, found: tuple[str, int] | None
) -> None:
    net = archdsl.loads(_NET.replace("RECIPE", recipe))
    settings = read_settings(written, net.graph, Collector()) if written else None
    made = plan(net.recipe, Overrides(recipe=settings, epochs=epochs))
    remarks = unreached(made, net.recipe, settings)
    if found is None:
        assert remarks == ()
        return
    (remark,) = remarks
    assert (remark.id, remark.severity) == ("unreached-schedule", "warning")
    assert f"changes after {found[0]}, which" in remark.message
    assert remark.span is not None
    assert remark.span.line == found[1]
    assert remark.span.text.startswith("schedule")
    assert (remark.span.source.path == "--recipe") == bool(written)


def test_the_command_warns_and_trains(tmp_path: Path) -> None:
    text = _NET.replace("RECIPE", "epochs 164 optimizer sgd lr=0.01 schedule step at=[82]")
    (tmp_path / "net.arch").write_text(text)
    given = [str(tmp_path / "net.arch"), "--epochs", "1", "-o", str(tmp_path / "run")]
    made = CliRunner().invoke(command, given)
    assert made.exit_code == 0, made.output
    assert made.stderr.startswith("warning[unreached-schedule]: the schedule changes after epoch 82")
    assert "net.arch:5:" in made.stderr
    assert "which this run of 1 epoch does not reach" in made.stderr


_LONG = f"{'/long' * 20}/file.idx: it is truncated, and has 12 bytes where its header says that there are 7,840,016"


def test_errors_are_folded_on_a_terminal_and_kept_whole_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said(f"error: {_LONG}")
    assert capsys.readouterr().err == f"error: {_LONG}\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    said(f"error: {_LONG}")
    said(f"  hint: {'word ' * 30}")
    first, path, *rest = capsys.readouterr().err.splitlines()
    # A path is never broken, and stands alone; the rest is set in under its first line, that of a hint deeper.
    assert (first, path) == ("error:", "  " + _LONG.split(" ")[0])
    assert max(map(len, rest)) <= 80
    assert [len(line) - len(line.lstrip()) for line in rest] == [2, 2, 2, 4, 4]
