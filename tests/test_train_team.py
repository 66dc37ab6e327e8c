"""Processes that train together give what one process gives.

In: a small run in one process and in two, which talk through gloo. Out: facts: equal weights, metrics over all images.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from archdsl.train.team import ALONE, Team
from tests.killed import run, start_team

_TEXT = """
input 6x6x1
conv 3x3+1 4 -> tanh -> fc 7
train { data digits  batch 15  epochs 3  seed 3  augment crop=6+1 flip mixup=0.5  ema 0.9
  optimizer sgd lr=0.1 momentum=0.9  schedule cosine }
"""
"""21 steps: batches of 15 are parts of 8 and 7, the last one of 10 parts of 5."""


def _together(folder: Path, size: int, stop_after: int = 0, text: str = _TEXT) -> list[int | None]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    members = start_team(folder, size, port, text, stop_after)
    for member in members:
        member.join()
    return [member.exitcode for member in members]


def _close(ours: Path, theirs: Path) -> None:
    first, second = (load_file(folder / "model.safetensors") for folder in (ours, theirs))
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], rtol=0, atol=1e-6)


def test_a_batch_is_parted_without_a_rest() -> None:
    batch = torch.arange(10)
    parts = [Team(rank, 4).part(batch).tolist() for rank in range(4)]
    assert parts == [[0, 1, 2], [3, 4, 5], [6, 7], [8, 9]]
    assert torch.equal(ALONE.part(batch), batch)
    assert [len(Team(rank, 3).part(batch[:2])) for rank in range(3)] == [1, 1, 0]


def test_gpus_asks_torchrun_for_the_same_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from archdsl.cli import train as train_command

    class Replaced(Exception):
        pass

    asked: list[str] = []

    def replace(path: str, words: list[str]) -> None:
        asked[:] = words
        raise Replaced

    monkeypatch.setattr("os.execv", replace)
    for given in (["--gpus", "4"], ["--gpus=4"]):
        words = ["train", "net.arch", *given, "--epochs", "2"]
        monkeypatch.setattr("sys.argv", ["archdsl", *words])
        with pytest.raises(Replaced):
            train_command._launch(4)
        expected = [sys.executable, *["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "4"]]
        assert asked == [*expected, *["-m", "archdsl", "train", "net.arch", "--epochs", "2"]]


def test_two_processes_are_one_after_twenty_steps(tmp_path: Path) -> None:
    run(tmp_path / "one", _TEXT)
    assert _together(tmp_path / "two", 2) == [0, 0]
    _close(tmp_path / "two", tmp_path / "one")
    one, two = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )
    assert len(one) == len(two) == 3
    for alone, together in zip(one, two, strict=True):
        # No image is counted twice, and none is left out: the shares of right ones are the same numbers.
        assert alone["test_accuracy"] == together["test_accuracy"]
        assert abs(alone["test_loss"] - together["test_loss"]) < 1e-5
        assert abs(alone["train_loss"] - together["train_loss"]) < 1e-5


def test_a_run_goes_on_with_another_number_of_processes(tmp_path: Path) -> None:
    run(tmp_path / "one", _TEXT)
    # A signal to one of them ends both after the same step; then three, more than the last batch needs; then one.
    assert _together(tmp_path / "more", 2, stop_after=4) == [128 + signal.SIGTERM] * 2
    assert len(list((tmp_path / "more" / "checkpoints").glob("step-0000000004.*"))) == 1
    assert _together(tmp_path / "more", 3, stop_after=5) == [128 + signal.SIGTERM] * 3
    result = run(tmp_path / "more", _TEXT)
    assert (result.steps, result.status) == (21, 0)
    _close(tmp_path / "more", tmp_path / "one")


def test_a_process_without_an_image_counts_nothing(tmp_path: Path) -> None:
    # Batches of 3 over 100 images: the last joins the one before; two images for three processes in none, so batch 2.
    text = _TEXT.replace("batch 15  epochs 3", "batch 2  epochs 1  accumulate 3").replace(" mixup=0.5", "")
    run(tmp_path / "one", text)
    assert _together(tmp_path / "three", 3, text=text) == [0, 0, 0]
    _close(tmp_path / "three", tmp_path / "one")
