"""Processes that train together give what one process gives.

In: a small run in one process and in two, which talk through gloo. Out: facts: equal weights, metrics over all images.
"""

from __future__ import annotations

import json
import signal
import socket
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from archdsl.cli.train import command as train_command
from archdsl.train.team import ALONE, Team
from tests.killed import REFUSED, contents, run, start_team

_TEXT = """
input 6x6x1
conv 3x3+1 4 -> tanh -> fc 7
train { data digits  batch 15  epochs 3  seed 3  augment crop=6+1 flip mixup=0.5  ema 0.9
  optimizer sgd lr=0.1 momentum=0.9  schedule cosine }
"""
"""21 steps: batches of 15 are parts of 8 and 7, the last one of 10 parts of 5."""


def _together(folder: Path, size: int, *, text: str = _TEXT, **more: int) -> list[int | None]:
    return _apart([folder] * size, text, **more)


def _apart(folders: Sequence[Path], text: str = _TEXT, port: int = 0, **more: Any) -> list[int | None]:
    """A process a folder; how each ends."""
    if not port:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    members = start_team(folders, port, text, **more)
    for member in members:
        member.join(120)
        member.kill()  # one that waits for what never comes
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


@pytest.mark.parametrize("given", [["--gpus", "4", "--max-restarts", "2"], ["--gpus=4", "--max-restarts=2"]])
def test_gpus_asks_torchrun_for_the_same_command(monkeypatch: pytest.MonkeyPatch, given: list[str]) -> None:
    asked: list[Namespace] = []
    monkeypatch.setattr("torch.distributed.run.run", asked.append)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    words = ["train", "zoo:lenet5", *given, "--epochs", "2", "--device", "cpu"]
    monkeypatch.setattr("sys.argv", ["archdsl", *words])
    made = CliRunner().invoke(train_command, words[1:])
    assert made.exit_code == 0, made.output
    (torchrun,) = asked
    assert torchrun.standalone
    assert (torchrun.nproc_per_node, torchrun.max_restarts, torchrun.module) == ("4", 2, True)
    assert torchrun.training_script == "archdsl"
    assert torchrun.training_script_args == ["train", "zoo:lenet5", "--epochs", "2", "--device", "cpu"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--max-restarts", "1"], "--max-restarts is of --gpus"),
        (["--gpus", "999"], "torch sees"),
        (["--gpus", "2", "--device", "cuda:1"], "gives each process a GPU of its own"),
        (["--gpus", "2", "--data", "digts"], "did you mean `digits`?"),
    ],
)
def test_processes_that_cannot_be_are_refused(given: list[str], message: str) -> None:
    made = CliRunner().invoke(train_command, ["zoo:lenet5", *given])
    assert made.exit_code == 1
    assert message in made.output


def test_processes_within_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    made = CliRunner().invoke(train_command, ["zoo:lenet5", "--gpus", "2"])
    assert made.exit_code == 1
    assert "torchrun has begun the processes already" in made.output


def test_a_restart_removes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.arch").write_text("input 8x8x1\nfc 10\ntrain { data digits  batch 512  epochs 1 }\n")
    given = [str(tmp_path / "net.arch"), "-o", str(tmp_path / "run"), "--overwrite"]
    assert CliRunner().invoke(train_command, given).exit_code == 0
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    made = CliRunner().invoke(train_command, given)
    assert "is finished, after step 3" in made.output


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


def test_two_hosts_have_paths_of_their_own_and_the_first_writes(tmp_path: Path) -> None:
    # Each process is the first of its machine; they share no folder, and find each other through a TCP store.
    run(tmp_path / "one", _TEXT)
    here, there = tmp_path / "here" / "run", tmp_path / "there" / "run"
    assert _apart([here, there]) == [0, 0]
    _close(here, tmp_path / "one")
    assert not there.parent.exists()


def test_hosts_with_other_data_are_refused(tmp_path: Path) -> None:
    # The second says what differs; the first leaves with it, before anything is written.
    assert _apart([tmp_path / "here", tmp_path / "there"], seeds=[0, 9]) == [1, REFUSED]
    assert "metrics.jsonl" not in contents(tmp_path / "here")


def test_a_team_with_a_killed_process_ends_and_goes_on_bit_by_bit(tmp_path: Path) -> None:
    # Of three, in which the order of a sum matters; killed in the middle of an epoch.
    assert _together(tmp_path / "whole", 3) == [0, 0, 0]
    # torchrun's store, which is still there for those that it begins anew.
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    ends = _together(tmp_path / "run", 3, die_after=9, port=store.port, restart=0)
    assert ends == [REFUSED, REFUSED, -signal.SIGKILL]
    assert not (tmp_path / "run" / "model.safetensors").exists()
    assert _together(tmp_path / "run", 3, port=store.port, restart=1) == [0, 0, 0]
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")
