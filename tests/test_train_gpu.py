"""The command on a GPU: by itself, by torchrun, stopped, told to be fast, and refused.

In: an NVIDIA GPU (`make cuda`), digits. Out: facts: equal run folders, exit statuses, what is said. What a step
computes there is left to test_train_devices.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.killed import contents

pytestmark = pytest.mark.cuda

_ROOT = Path(__file__).parents[1]
_DIGITS = """
input 8x8x1
conv 3x3+1 8 -> bn -> relu -> maxpool 2 -> dropout 0.2 -> fc 10
train { data digits  batch 64  epochs 3  seed 1  augment crop=8+1  ema 0.9  optimizer adam lr=0.01 }
"""


def _command(*words: object, begin: tuple[str, ...] = ("-m", "archdsl")) -> subprocess.CompletedProcess[str]:
    # It is not told what cuBLAS needs: that is for the command to do.
    there = {name: value for name, value in os.environ.items() if name != "CUBLAS_WORKSPACE_CONFIG"}
    path = os.pathsep.join(filter(None, (str(_ROOT), there.get("PYTHONPATH"))))
    given = [sys.executable, *begin, *map(str, words)]
    return subprocess.run(given, capture_output=True, text=True, env=there | {"PYTHONPATH": path}, check=False)


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.arch"
    path.write_text(_DIGITS)
    return path


def test_one_process_of_torchrun_is_one_process(tmp_path: Path, net: Path) -> None:
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1", "-m", "archdsl")
    ways: dict[str, dict[str, Any]] = {"plain": {}, "torchrun": {"begin": torchrun}}
    found = []
    for name, more in (*ways.items(), ("gpus", {})):
        gpus = ["--gpus", "1"] if name == "gpus" else []
        made = _command("train", net, "-o", tmp_path / name, "--device", "cuda", "--deterministic", *gpus, **more)
        assert made.returncode == 0, made.stderr
        found.append(contents(tmp_path / name))
    assert found[0] == found[1] == found[2]
    made = _command("eval", net, tmp_path / "plain", "--device", "cuda", "--json")
    assert made.returncode == 0, made.stderr
    last = (tmp_path / "plain" / "metrics.csv").read_text().splitlines()[-1].split(",")
    assert f'"accuracy": {last[6]}' in made.stdout


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_more_gpus_than_there_are_is_refused(tmp_path: Path, net: Path, device: str) -> None:
    count = torch.cuda.device_count()
    made = _command("train", net, "-o", tmp_path / "run", "--gpus", count + 1, "--device", device)
    assert made.returncode == 1
    assert f"--gpus {count + 1}: torch sees {count} GPUs here" in made.stderr
    assert "Traceback" not in made.stderr


def test_fast_says_what_it_chooses_and_learns(tmp_path: Path) -> None:
    made = _command("train", "zoo:lenet5", "-o", tmp_path / "run", "--fast", "--epochs", "8")
    assert made.returncode == 0, made.stderr
    volta, ampere = (torch.cuda.get_device_capability() >= (generation, 0) for generation in (7, 8))
    assert f"fast on cuda: {'bf16' if ampere else 'fp16'}, compiled, channels last" in made.stdout or not volta
    assert "images in memory" in made.stdout
    last = (tmp_path / "run" / "metrics.csv").read_text().splitlines()[-1].split(",")
    assert float(last[6]) > 0.95


def test_a_signal_ends_the_command_and_the_same_command_goes_on(tmp_path: Path, net: Path) -> None:
    given = ["train", net, "-o", tmp_path / "run", "--device", "cuda", "--deterministic"]
    words = [sys.executable, "-m", "archdsl", *map(str, given), "--epochs", "100000"]
    there = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=there) as process:
        assert process.stdout is not None
        while not (line := process.stdout.readline()).startswith("epoch"):
            assert line, process.communicate()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, errors
    assert "the same command goes on from there" in errors
