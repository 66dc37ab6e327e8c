"""Pictures of ResNet-152 beside those of keras' `plot_model` and of torchview, as ratios of one run.

In: nothing. Out: rows of a table: the whole process, and the drawing alone of a network that is there already. A peer
that is not installed is named and left out: `pip install keras pydot torchview`, and Graphviz' `dot` on the PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

__all__ = ["show"]

_ROOT = Path(__file__).resolve().parents[2]
_RUNS = 5
_WANTED = 1.0
"""Seconds on the clock."""
_PEERS = {"keras": ("keras", "pydot"), "torchview": ("torchview", "graphviz", "torchvision")}
"""What each of them needs."""
_OURS = {"archdsl draw": (), "archdsl draw --unfold --depth 99": ("--unfold", "--depth", "99")}
"""Folded, as nobody else does, and every layer once, as they do."""


@dataclass(frozen=True)
class _Cost:
    """Seconds: on the clock and of the processor for the whole process, and on the clock for the drawing alone."""

    clock: float
    processor: float
    alone: float


def show() -> None:
    """Print the table."""
    print(f"ResNet-152 as SVG, median of {_RUNS} (wanted: the whole process under {_WANTED:g} s)")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resnet152.svg"
        ours = {name: _median(name, ["archdsl", str(path), *more]) for name, more in _OURS.items()}
        for peer, needs in _PEERS.items():
            missing = [name for name in needs if find_spec(name) is None]
            missing += [] if shutil.which("dot") else ["`dot` on the PATH"]
            if missing:
                print(f"  {peer}: not compared, there is no {' and no '.join(missing)}")
                continue
            theirs = _median(peer, [peer, str(path)])
            for name, own in ours.items():
                print(
                    f"    {name} is {theirs.clock / own.clock:.1f} times faster, in a "
                    f"{theirs.processor / own.processor:.1f}th of the processor's time"
                )
    print()


def _median(name: str, arguments: Sequence[str]) -> _Cost:
    runs = [_run(arguments) for _ in range(_RUNS)]
    found = _Cost(*(median(column) for column in zip(*map(astuple, runs), strict=True)))
    print(
        f"  {name:<34} {found.clock:6.2f} s   of the processor {found.processor:6.2f} s   "
        f"drawing alone {found.alone:6.2f} s",
        flush=True,
    )
    return found


def _run(arguments: Sequence[str]) -> _Cost:
    command = [sys.executable, "-m", "tests.benchmarks.peer_draw", *arguments]
    environment = {"KERAS_BACKEND": "torch", **os.environ}
    with tempfile.TemporaryFile("w+") as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=said, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        clock = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"failed: {' '.join(command)}")
        said.seek(0)
        # `dot`, which the peers start, is waited for by them, and so counted.
        return _Cost(clock, usage.ru_utime + usage.ru_stime, float(said.read().split()[-1]))


if __name__ == "__main__":
    show()
