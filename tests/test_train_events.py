"""What TensorBoard shows of a run, stopped or killed or neither, as its own reader reads it.

In: small runs. Out: facts: every step and every epoch once, with the numbers of metrics.jsonl.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from archdsl.cli.train import command as train
from archdsl.train.events import Events
from archdsl.train.interval import Interval
from tests.killed import Quiet, run

_STEPS = 35
"""5 epochs of 7 steps."""


class _Broken(Quiet):
    """A power cut after some steps: nothing more is written, not even at the end."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._left = after

    def step(self, epoch: int, loss: float | None, images: int, accuracy: float) -> None:
        self._left -= 1
        if self._left == 0:
            raise ConnectionError


def _scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    return {tag: [(event.step, event.value) for event in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def test_every_step_and_every_epoch_is_there_with_its_numbers(tmp_path: Path) -> None:
    run(tmp_path, tensorboard=True)
    found = _scalars(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "test_top5_accuracy"):
        shown = found[f"epoch/{name}"]
        assert [step for step, _ in shown] == [7, 14, 21, 28, 35]
        # The file holds float32.
        assert [value for _, value in shown] == pytest.approx([line[name] for line in lines], rel=1e-6)
    assert [step for step, _ in found["step/train_loss"]] == list(range(_STEPS))
    # The mean over the 7 steps of an epoch, by their images: six of 16 and one of 4.
    losses = [value for _, value in found["step/train_loss"][:7]]
    assert (sum(losses[:6]) * 16 + losses[6] * 4) / 100 == pytest.approx(lines[0]["train_loss"], rel=1e-5)
    assert found["step/learning_rate"][6][1] == pytest.approx(lines[0]["learning_rate"])


def test_a_run_broken_off_and_resumed_shows_no_point_twice_and_none_less(tmp_path: Path) -> None:
    run(tmp_path / "whole", tensorboard=True)
    broken = tmp_path / "broken"
    # Within the first epoch, where the checkpoint is that of step 0; in the middle of one, to go on from step 8; with
    # the last step of an epoch, and no test; in the third epoch, to go on from where the second ended.
    for every, after in ((Interval(), 3), (Interval(steps=4, epochs=False), 11), (Interval(), 6), (Interval(), 9)):
        with pytest.raises(ConnectionError):
            run(broken, tensorboard=True, display=_Broken(after), every=every)
    run(broken, tensorboard=True)
    assert _scalars(broken) == _scalars(tmp_path / "whole")
    # A finished run that is given again adds nothing.
    files = sorted((broken / "tensorboard").iterdir())
    run(broken, tensorboard=True)
    assert sorted((broken / "tensorboard").iterdir()) == files


def test_a_full_disk_ends_the_pictures_and_not_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    events = Events(tmp_path, 0, (), said.append)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer = events._writer
    monkeypatch.setattr(writer, "add_scalar", full)
    events.step(0, 0.5, 0.1)
    events.step(1, 0.5, 0.1)
    events.close()
    writer.close()
    assert said == ["cannot write for TensorBoard: No space left on device; training goes on without it"]


@pytest.mark.parametrize(("given", "there"), [(["--tensorboard"], True), ([], False)])
def test_the_flag_decides(tmp_path: Path, given: list[str], there: bool) -> None:
    (tmp_path / "net.arch").write_text("input 8x8x1\nfc 10\ntrain { data digits  batch 512  epochs 1 }\n")
    made = CliRunner().invoke(train, [str(tmp_path / "net.arch"), "-o", str(tmp_path / "run"), *given])
    assert made.exit_code == 0, made.output
    assert (tmp_path / "run" / "tensorboard").is_dir() == there


def test_without_the_package_the_way_to_get_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    (tmp_path / "net.arch").write_text("input 8x8x1\nfc 10\ntrain { data digits  batch 512  epochs 1 }\n")
    made = CliRunner().invoke(train, [str(tmp_path / "net.arch"), "-o", str(tmp_path / "run"), "--tensorboard"])
    assert made.exit_code == 1
    assert "pip install 'archdsl[tensorboard]'" in made.output
