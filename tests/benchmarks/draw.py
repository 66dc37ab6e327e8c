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
from importlib.util import find_spec
from pathlib import Path
from statistics import median

__all__ = ["show"]

_ROOT = Path(__file__).resolve().parents[2]
_RUNS = 5
_WANTED = 1.0
"""Seconds."""
_PEERS = {"keras": ("keras", "pydot"), "torchview": ("torchview", "graphviz", "torchvision")}
"""What each of them needs."""
_OURS = {"archdsl draw": (), "archdsl draw --unfold --depth 99": ("--unfold", "--depth", "99")}
"""Folded, as nobody else does, and every layer once, as they do."""


def show() -> None:
    """Print the table."""
    print(f"ResNet-152 as SVG, median of {_RUNS}: whole process, and drawing alone (wanted: under {_WANTED:g} s)")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resnet152.svg"
        ours = [
            _median(name, ["tests.benchmarks.peer_draw", "archdsl", str(path), *more]) for name, more in _OURS.items()
        ]
        for peer, needs in _PEERS.items():
            missing = [name for name in needs if find_spec(name) is None]
            missing += [] if shutil.which("dot") else ["`dot` on the PATH"]
            if missing:
                print(f"  {peer}: not compared, there is no {' and no '.join(missing)}")
                continue
            whole, alone = _median(peer, ["tests.benchmarks.peer_draw", peer, str(path)])
            for name, (own_whole, own_alone) in zip(_OURS, ours, strict=True):
                print(
                    f"    {name} is {whole / own_whole:.1f} times faster, drawing alone {alone / own_alone:.1f} times"
                )
    print()


def _median(name: str, module: list[str]) -> tuple[float, float]:
    """Seconds of the whole process, and those that it says the drawing took."""
    found = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        ran = subprocess.run(
            [sys.executable, "-m", *module],
            cwd=_ROOT,
            env={**os.environ, "KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "torch")},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            text=True,
        )
        found.append((time.perf_counter() - start, float(ran.stdout.split()[-1])))
    whole, alone = (median(times[index] for times in found) for index in (0, 1))
    print(f"  {name:<34} {whole:6.2f} s   drawing alone {alone:6.2f} s", flush=True)
    return whole, alone


if __name__ == "__main__":
    show()
