"""A small run for tests that kill it, in a process of its own that starts in milliseconds.

In: a folder, and the place at which to die. Out: a run folder that was left in the middle, or is finished.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO, Any, cast

import torch

import archdsl
from archdsl.train.dataset import Dataset, Examples
from archdsl.train.display import Display
from archdsl.train.errors import TrainError
from archdsl.train.folder import RunFolder
from archdsl.train.interval import Interval
from archdsl.train.loop import Keeping, Result, train
from archdsl.train.machine import CPU, Machine
from archdsl.train.plan import Overrides, plan
from archdsl.train.team import joined

__all__ = ["REFUSED", "TEXT", "Quiet", "Stopping", "Ticks", "contents", "examples", "run", "start", "start_team"]

TEXT = """
input 6x6x1
conv 3x3+1 4 -> bn -> relu -> dropout 0.3 -> fc 7
train { data digits  batch 16  epochs 5  seed 3  augment crop=6+1 flip  ema 0.9  optimizer adam lr=0.01
  schedule cosine warmup=1 }
"""
REFUSED = 3
"""The exit status of a process of a team that raises `TrainError`."""
_COUNT = 100
"""Images to learn from: 7 steps an epoch, the last of 4 images."""


class Quiet(Display):
    """Says nothing."""

    def _line(self, text: str) -> None:
        return

    def warn(self, text: str) -> None:
        return


def examples(seed: int, count: int) -> Examples:
    """Random images and labels, 6x6x1, seven classes."""
    generator = torch.Generator().manual_seed(seed)
    return Examples(
        torch.randint(0, 256, (count, 1, 6, 6), generator=generator, dtype=torch.uint8),
        torch.randint(0, 7, (count,), generator=generator),
    )


def run(
    folder: Path,
    text: str | Path = TEXT,
    *,
    display: Display | None = None,
    every: Interval | None = None,
    force: bool = False,
    resume: bool = False,
    seed: int = 0,
    count: int = _COUNT,
    on_nan: str | None = None,
    machine: Machine = CPU,
    tensorboard: bool = False,
) -> Result:
    """Train, or go on; a path is of a file that has the text."""
    net = archdsl.loads(text) if isinstance(text, str) else archdsl.load(text)
    data = Dataset("noise", examples(seed, count), examples(seed + 1, 50), 7, (6, 6, 1))
    keeping = Keeping(every or Interval(steps=1), resume, force, tensorboard)
    made = plan(net.recipe, Overrides(on_nan=on_nan))
    return train(
        net.graph, made, data, RunFolder(folder, chief=machine.team.chief), machine, display or Quiet(), keeping
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run folder, but the lock, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


# ---------------------------------------------------------------- every place of a write


class _Halves:
    """A file whose content is written in two halves, with a tick between them."""

    def __init__(self, file: IO[bytes], tick: Callable[[], None]) -> None:
        self._file = file
        self._tick = tick

    def write(self, content: bytes) -> None:
        self._file.write(content[: len(content) // 2])
        self._file.flush()
        self._tick()
        self._file.write(content[len(content) // 2 :])

    def __enter__(self) -> _Halves:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class Ticks:
    """Calls `at` at every place of every write: before it, inside it, around the flush and the rename, at a removal."""

    def __init__(self, at: Callable[[int], None]) -> None:
        self.count = 0
        self._at = at

    def tick(self) -> None:
        """One more place."""
        self.count += 1
        self._at(self.count)

    def install(self, put: Callable[[object, str, object], None]) -> None:
        """Wrap what writes files; `put` is setattr, or monkeypatch's."""
        open_file = Path.open

        def opened(path: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
            if mode != "wb":
                return open_file(path, mode, *rest, **named)
            self.tick()
            return _Halves(cast(IO[bytes], open_file(path, mode, *rest, **named)), self.tick)

        put(Path, "open", opened)
        put(os, "fsync", self._around(os.fsync))
        put(os, "replace", self._around(os.replace))

    def _around(self, call: Callable[..., None]) -> Callable[..., None]:
        def wrapped(*given: Any) -> None:
            self.tick()
            call(*given)
            self.tick()

        return wrapped


# ---------------------------------------------------------------- in a process of its own


def _child(folder: str, die_at: int, machine: Machine, ready: Connection) -> None:
    torch.set_num_threads(1)

    def die(count: int) -> None:
        if count == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    if die_at:
        Ticks(die).install(setattr)
    ready.send(True)
    run(Path(folder), machine=machine)


def start(folder: Path, die_at: int = 0, machine: Machine = CPU) -> BaseProcess:
    """Begin or go on in another process, which has loaded everything when this returns; it dies at that tick."""
    # CUDA does not survive a fork, whoever began with it.
    return _begun(_child, str(folder), die_at, machine, way="spawn" if machine.device.type == "cuda" else "forkserver")


def start_team(
    folders: Sequence[Path],
    port: int,
    text: str,
    *,
    stop_after: int = 0,
    die_after: int = 0,
    seeds: Sequence[int] = (),
    restart: int | None = None,
) -> list[BaseProcess]:
    """The same in processes that train together, each with a folder of its own, as on machines of their own.

    After some steps a signal asks the first for an end, or the last is killed. `seeds` are those of their data. With
    `restart` they meet in a store that is there, as torchrun's is, which has begun them anew so often.
    """
    place = {"WORLD_SIZE": len(folders), "LOCAL_RANK": 0, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    if restart is not None:
        place |= {"TORCHELASTIC_USE_AGENT_STORE": True, "TORCHELASTIC_RESTART_COUNT": restart}
    given = zip(folders, seeds or [0] * len(folders), strict=True)
    return [
        _begun(
            _member,
            str(folder),
            {name: str(value) for name, value in (place | {"RANK": rank}).items()},
            text,
            stop_after if rank == 0 else 0,
            die_after if rank == len(folders) - 1 else 0,
            seed,
        )
        for rank, (folder, seed) in enumerate(given)
    ]


class Stopping(Quiet):
    """Asks for an end after some steps, by a signal."""

    def __init__(self, after: int, number: signal.Signals) -> None:
        super().__init__()
        self._left = after
        self._number = number

    def step(self, epoch: int, loss: float | None, images: int, accuracy: float) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._number)


def _member(
    folder: str, place: dict[str, str], text: str, stop_after: int, die_after: int, seed: int, ready: Connection
) -> None:
    torch.set_num_threads(1)
    os.environ.update(place)
    ready.send(True)
    display = Stopping(die_after, signal.SIGKILL) if die_after else Stopping(stop_after, signal.SIGTERM)
    try:
        with joined(cuda=False) as team:
            result = run(Path(folder), text, machine=replace(CPU, team=team), display=display, seed=seed)
    except TrainError:
        os._exit(REFUSED)
    sys.exit(result.status)


def _begun(target: Callable[..., None], *given: object, way: str = "forkserver") -> BaseProcess:
    context: Any = multiprocessing.get_context(way)
    context.set_forkserver_preload(
        ["archdsl.api", "archdsl.train.loop", "lark", "networkx", "safetensors.torch", "torch._dynamo"]
    )
    ours, theirs = context.Pipe(duplex=False)
    process: BaseProcess = context.Process(target=target, args=(*given, theirs))
    process.start()
    theirs.close()
    ours.recv()
    ours.close()
    return process
