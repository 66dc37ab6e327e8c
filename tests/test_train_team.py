"""Processes that train together give what one process gives.

In: a small run in one process and in two, which talk through gloo. Out: facts: equal weights, metrics over all images.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from torch.distributed import TCPStore  # type: ignore[attr-defined]
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from archdsl.cli.train import command as train_command
from archdsl.cli.training import errors_shown
from archdsl.train.errors import AGAIN, Abandoned, TrainError
from archdsl.train.launch import launch
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
    # torchrun itself would begin anew after a mistake of the user's too.
    assert (torchrun.nproc_per_node, torchrun.max_restarts, torchrun.module) == ("4", 0, True)
    assert torchrun.training_script == "archdsl"
    assert torchrun.training_script_args == ["train", "zoo:lenet5", "--epochs", "2", "--device", "cpu"]


class _Ends:
    """Stands for torchrun: processes that end in these ways, one time after the other, after a checkpoint or before."""

    def __init__(self, ends: list[list[int]], checkpoint: Path | None = None) -> None:
        self.ends = ends
        self.checkpoint = checkpoint
        self.words: list[list[str]] = []

    def __call__(self, asked: Namespace) -> None:
        self.words.append(asked.training_script_args)
        if self.checkpoint is not None:
            self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
            self.checkpoint.write_bytes(b"")
        statuses = self.ends[len(self.words) - 1]
        failures = {rank: ProcessFailure(rank, 1, status, "") for rank, status in enumerate(statuses)}
        if failures:
            raise ChildFailedError("archdsl", failures)


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        # The user's mistake, said by all, by one while others learn that it is gone, or on the command line.
        ([[1, 1]], 1),
        ([[AGAIN, 1]], 1),
        ([[2, 2]], 2),
        # Ctrl-C and SIGTERM, heard by one and told to all.
        ([[130, 130]], 130),
        ([[143, 143]], 143),
        # Killed, which the others see; a crash.
        ([[AGAIN, -9], []], 0),
        ([[-11], [AGAIN], []], 0),
        ([[AGAIN, -9], [1, 1]], 1),
        ([[AGAIN, -9], [-9], [-9]], 137),
        ([[AGAIN], [AGAIN], [AGAIN, AGAIN]], 1),
    ],
)
def test_only_what_was_killed_or_crashed_begins_anew(
    monkeypatch: pytest.MonkeyPatch, ends: list[list[int]], status: int
) -> None:
    torchrun = _Ends(ends)
    monkeypatch.setattr("torch.distributed.run.run", torchrun)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert launch(2, 2, lambda: ["train"]) == status
    assert len(torchrun.words) == len(ends)


@pytest.mark.parametrize("saved", [True, False])
def test_a_restart_of_gpus_removes_nothing_that_it_goes_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: bool
) -> None:
    checkpoints = tmp_path / "run" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "step-0000000001.safetensors").write_bytes(b"of the run that is to be replaced")
    torchrun = _Ends([[-9], []], checkpoints / "step-0000000000.safetensors" if saved else None)
    monkeypatch.setattr("torch.distributed.run.run", torchrun)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    words = ["zoo:lenet5", "--gpus", "2", "--max-restarts", "1", "--overwrite", "--device", "cpu", "-o"]
    words.append(str(tmp_path / "run"))
    monkeypatch.setattr("sys.argv", ["archdsl", "train", *words])
    assert CliRunner().invoke(train_command, words).exit_code == 0
    first, second = torchrun.words
    assert "--overwrite" in first
    assert ("--overwrite" in second) == (not saved)


@pytest.mark.parametrize(
    ("error", "status"),
    [(TrainError("a mistake"), 1), (Abandoned("another is gone"), AGAIN), (ZeroDivisionError(), AGAIN)],
)
def test_a_process_of_a_team_says_by_its_status_whether_it_may_go_well_another_time(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("os._exit", sys.exit)  # which would end this process
    with pytest.raises(SystemExit) as ended, errors_shown():
        raise error
    assert ended.value.code == status
    monkeypatch.delenv("RANK")
    with pytest.raises((SystemExit, ZeroDivisionError)), errors_shown():
        raise error


def _command(folder: Path) -> list[str]:
    """Two processes on the CPU, 45 steps an epoch."""
    (folder / "net.arch").write_text("input 8x8x1\nfc 10\ntrain { data digits  epochs 4 }\n")
    words = ["train", str(folder / "net.arch"), "-o", str(folder / "run"), "--gpus", "2", "--device", "cpu"]
    return [sys.executable, "-m", "archdsl", *words, "--max-restarts", "2", "--checkpoint-every", "10"]


def test_a_mistake_that_one_process_finds_ends_all_at_once(tmp_path: Path) -> None:
    checkpoints = tmp_path / "run" / "checkpoints"
    checkpoints.mkdir(parents=True)
    with (checkpoints / ".lock").open("w") as lock:
        # Only the first process looks, and the other one waits for it then.
        fcntl.lockf(lock, fcntl.LOCK_EX)
        made = subprocess.run(_command(tmp_path), capture_output=True, text=True, check=False)
    assert made.returncode == 1, made.stderr
    assert made.stderr.count("error: another process is training in") == 1
    assert "restart" not in made.stderr
    assert "Traceback" not in made.stderr


def test_a_killed_process_begins_anew_from_the_last_checkpoint(tmp_path: Path) -> None:
    with subprocess.Popen(_command(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as torchrun:
        while not (tmp_path / "run" / "checkpoints" / "step-0000000010.safetensors").exists():
            assert torchrun.poll() is None, torchrun.communicate()
        children = Path(f"/proc/{torchrun.pid}/task/{torchrun.pid}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        said, errors = torchrun.communicate()
    assert torchrun.returncode == 0, errors
    assert "a process was killed by signal 9; all go on from the last checkpoint: restart 1 of 2" in errors
    assert "going on after step" in said
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [45 * epoch for epoch in range(1, 5)]


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
    assert _apart([tmp_path / "here", tmp_path / "there"], seeds=[0, 9]) == [REFUSED, REFUSED]
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
