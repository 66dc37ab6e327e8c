"""Two machines and their network, and a disk that is full, as namespaces of Linux: a worker killed, room made.

In: Linux with `unshare` and `ip`, and leave to use them; minutes. Out: facts: the run of one process, bit by bit the
run that was never stopped. `make hosts` runs it; what takes seconds is in test_train_team.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.killed import contents

pytestmark = pytest.mark.hosts

_TEXT = """
input 8x8x1
conv 3x3+1 4 -> tanh -> fc 10
train { data digits  batch 72  epochs 20  seed 3  augment crop=8+1 flip  ema 0.9
  optimizer sgd lr=0.1 momentum=0.9  schedule cosine }
"""
"""20 steps an epoch."""
_HOSTS = ("a", "b")
_NETWORK = """
set -e
mount -t tmpfs none /run
ip netns add a
ip netns add b
ip link add va netns a type veth peer name vb netns b
ip -n a addr add 10.77.0.1/24 dev va
ip -n b addr add 10.77.0.2/24 dev vb
for host in a b; do ip -n $host link set lo up; ip -n $host link set v$host up; done
first=0
ip netns exec b env GLOO_SOCKET_IFNAME=vb sh -c "$2" & second=$!
ip netns exec a env GLOO_SOCKET_IFNAME=va sh -c "$1" || first=$?
wait $second
exit $first
"""
"""A namespace a machine, and a cable between them; all of it is gone with the process."""


def _words(host: str, root: Path, epochs: int, more: Sequence[str] = ()) -> str:
    """The command of a machine; each has its own file, and its own run folder."""
    torchrun = [
        "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1", "--node-rank", str(_HOSTS.index(host)),
        "--master-addr", "10.77.0.1", "--master-port", "29500", *more,
    ]  # fmt: skip
    place = root / host
    place.mkdir(parents=True)
    (place / "net.arch").write_text(_TEXT)
    train = ["-m", "archdsl", "train", str(place / "net.arch"), "-o", str(place / "run"), "--epochs", str(epochs)]
    return " ".join([sys.executable, *torchrun, *train])


def _begin(root: Path, epochs: int, more: Sequence[str] = ()) -> subprocess.Popen[str]:
    words = [_words(host, root, epochs, more) for host in _HOSTS]
    return subprocess.Popen(
        ["unshare", "-rnm", "sh", "-c", _NETWORK, "sh", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def _worker(place: Path) -> int:
    """The process that trains on a machine, which torchrun there began."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:  # it has just ended
            continue
        if str(place / "run") in words and "torch.distributed.run" not in words:
            return int(folder.name)
    raise AssertionError(f"nothing trains in {place}")


def test_two_hosts_are_one_process(tmp_path: Path) -> None:
    (tmp_path / "net.arch").write_text(_TEXT)
    alone = [sys.executable, "-m", "archdsl", "train", str(tmp_path / "net.arch"), "-o", str(tmp_path / "run")]
    subprocess.run([*alone, "--epochs", "1"], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    with _begin(tmp_path, 1) as hosts:
        said, _ = hosts.communicate(timeout=300)
    assert hosts.returncode == 0, said
    ours, theirs = (load_file(root / "run" / "model.safetensors") for root in (tmp_path / "a", tmp_path))
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=0, atol=1e-6)
    # The second machine reads its own file, and writes nothing.
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["net.arch"]


def test_a_worker_killed_on_the_second_host_changes_nothing(tmp_path: Path) -> None:
    more = ("--max-restarts", "2")
    with _begin(tmp_path / "whole", 20, more) as hosts:
        said, _ = hosts.communicate(timeout=300)
    assert hosts.returncode == 0, said
    killed = tmp_path / "killed"
    with _begin(killed, 20, more) as hosts:
        metrics = killed / "a" / "run" / "metrics.jsonl"
        until = time.monotonic() + 200
        while not metrics.exists() or metrics.read_text().count("\n") < 3:
            assert hosts.poll() is None, hosts.communicate()[0]
            assert time.monotonic() < until
        os.kill(_worker(killed / "b"), signal.SIGKILL)
        said, _ = hosts.communicate(timeout=300)
    assert hosts.returncode == 0, said
    assert "going on after step" in said
    whole, again = (contents(tmp_path / name / "a" / "run") for name in ("whole", "killed"))
    assert again == whole


_DISK = """
mount -t tmpfs -o size=$1k none "$2"
shift 2
"$@"
first=$?
mount -o remount,size=50m "$DISK"
"$@"
second=$?
cp -r "$DISK/run" "$LEFT"
echo "ended with $first, then $second"
"""


@pytest.mark.parametrize("room", [100, 250, 400])
def test_a_disk_too_small_and_then_large_enough_loses_nothing(tmp_path: Path, room: int) -> None:
    # 64*100 + 100*40 + 40*10 + 150 = 10,950 weights, of Adam's two for each: 131,400 bytes a checkpoint, and there are
    # two of them and one that is being written, beside the best weights: 0, 1 and 2 of them have room.
    (tmp_path / "net.arch").write_text(
        "input 8x8x1\nfc 100 -> relu -> fc 40 -> fc 10\ntrain { data digits  epochs 3 }\n"
    )
    disk = tmp_path / "disk"
    disk.mkdir()
    train = [sys.executable, "-m", "archdsl", "train", str(tmp_path / "net.arch"), "-o"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "DISK": str(disk), "LEFT": str(tmp_path / "left")}
    made = subprocess.run(
        ["unshare", "-rm", "sh", "-c", _DISK, "sh", str(room), str(disk), *train, str(disk / "run")],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert "No space left on device" in made.stderr
    assert "Traceback" not in made.stderr
    assert made.stdout.splitlines()[-1] in ("ended with 0, then 0", "ended with 1, then 0")
    subprocess.run([*train, str(tmp_path / "whole")], check=True, env=environment)
    whole, left = (contents(tmp_path / name) for name in ("whole", "left"))
    for name in ("model.safetensors", "best.safetensors", "metrics.jsonl", "metrics.csv", "recipe.json"):
        assert left[name] == whole[name], name
