"""`make bench`: time and memory beside others who do the same, and what a layer costs, as ratios of one run.

In: nothing, or where CIFAR-10 lies (`cifar10:DIR`, `folder:DIR`), for the time of the speed recipe. Out: a table on
standard output; the two commands of a comparison run in turn, so that a machine that slows down slows both.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from archdsl.diagnostics import Collector
from archdsl.elaborate import Request, Workspace

_ROOT = Path(__file__).resolve().parents[2]
_RESNET = _ROOT / "specs" / "resnet" / "resnet.arch"
_RUNS = 7
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Modules are compiled once, as they are where archdsl is installed."""


def main() -> None:
    _whole_process()
    _compile()
    _in_process()
    _scaling()
    from tests.benchmarks import draw, modules, speedrun, training  # here: a child's peak memory counts its parent's

    draw.show()
    modules.show()
    training.show()
    if len(sys.argv) > 1:
        speedrun.show(sys.argv[1])
    else:
        print("Time to 94% on CIFAR-10, seconds on a GPU, half an hour on a CPU: make bench CIFAR10=cifar10:DIR")


def _run(command: Sequence[str]) -> tuple[float, float]:
    """Wall seconds and peak memory in MiB of a whole process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=_ROOT, env=_ENVIRONMENT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    return seconds, usage.ru_maxrss / 1024


def _whole_process() -> None:
    ours = [sys.executable, "-m", "archdsl", "summary", f"{_RESNET}:resnet152"]
    theirs = [sys.executable, "-m", "tests.benchmarks.peer"]
    _run(ours), _run(theirs)
    pairs = [(_run(ours), _run(theirs)) for _ in range(_RUNS)]
    print(f"Summary of ResNet-152, whole process, median of {_RUNS} pairs")
    for index, name in enumerate(("archdsl summary", "torchinfo on torchvision")):
        seconds, memory = (median(pair[index][figure] for pair in pairs) for figure in (0, 1))
        print(f"  {name:<26} {seconds:6.2f} s {memory:7.0f} MiB")
    faster = median(b[0] / a[0] for a, b in pairs)
    smaller = median(b[1] / a[1] for a, b in pairs)
    print(f"  archdsl is {faster:.1f} times faster (wanted: 10), in a {smaller:.1f}th of the memory (wanted: 6th)\n")


def _compile() -> None:
    command = [sys.executable, "-m", "archdsl", "compile", "zoo:resnet50"]
    imports = [sys.executable, "-c", "import click, lark"]
    _run(command), _run(imports)
    runs = 3 * _RUNS
    pairs = [(_run(command)[0], _run(imports)[0]) for _ in range(runs)]
    seconds, least = (median(pair[index] for pair in pairs) for index in (0, 1))
    print(f"Compile of ResNet-50, whole process, median of {runs} pairs")
    print(f"  {seconds:.2f} s (wanted: under 0.3), of which Python with click and lark takes {least:.2f} s\n")


def _elaborate(path: Path, variant: str | None) -> float:
    start = time.process_time()
    found = Collector()
    network = Workspace.open(path, found).network(Request(variant), found)
    seconds = time.process_time() - start
    assert network is not None
    return seconds


def _in_process() -> None:
    _elaborate(_RESNET, "resnet152")
    seconds = median(_elaborate(_RESNET, "resnet152") for _ in range(25))
    print("Parse and elaborate ResNet-152, in process and warm, processor time, median of 25")
    print(f"  {seconds * 1e3:.1f} ms (wanted: under 40)\n")


def _written_out(layers: int) -> str:
    """A chain without a repeat: every layer stands in the text."""
    return "input 32x32x16\n" + "\n-> ".join(("conv 3x3+1 16", "relu")[i % 2] for i in range(layers)) + "\n"


def _repeated(layers: int) -> str:
    """The same chain by repeats of blocks in residual branches."""
    return f"input 32x32x16\nblock unit<w> = residual<conv 3x3+1 w -> bn -> relu>\nunit<in.c> x({layers // 4})\n"


def _scaling() -> None:
    print("What a layer costs: parse and elaborate, microseconds of the processor a layer, best of 3")
    for name, text in (("written out", _written_out), ("repeated blocks", _repeated)):
        costs = {layers: min(_text(text(layers)) for _ in range(3)) / layers for layers in (1_000, 10_000, 100_000)}
        shown = "   ".join(f"{layers:>7,}: {cost * 1e6:5.1f}" for layers, cost in costs.items())
        print(f"  {name:<16} {shown}   most/least {max(costs.values()) / min(costs.values()):.2f} (wanted: under 1.5)")


def _text(text: str) -> float:
    """Seconds of the processor, which other work on the machine does not lengthen."""
    start = time.process_time()
    found = Collector()
    network = Workspace.text(text, found).network(Request(), found)
    seconds = time.process_time() - start
    assert network is not None, found.sorted()
    return seconds


if __name__ == "__main__":
    main()
