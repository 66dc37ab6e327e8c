"""A run that is killed, anywhere, and goes on: in the end it is, byte by byte, the run that was never stopped.

In: a small run in processes of its own. Out: facts: equal files. `ARCHDSL_KILLS` says how many are killed.
"""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from tests.devices import machine_on
from tests.killed import Ticks, contents, run, start

_KILLS = int(os.environ.get("ARCHDSL_KILLS", "10"))
_LONGEST = 0.8
"""Seconds until a process is killed, at most; a run that is left alone takes about as long, its start included."""


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    run(folder)
    return contents(folder)


def test_killed_at_random_moments(tmp_path: Path, never_stopped: dict[str, bytes]) -> None:
    moments = random.Random(7)
    kills = runs = 0
    while kills < _KILLS:
        folder = tmp_path / str(runs)
        runs += 1
        while True:
            process = start(folder)
            if kills < _KILLS:
                process.join(moments.uniform(0, _LONGEST))
                process.kill()
            process.join()
            if process.exitcode == 0:
                break
            assert process.exitcode == -signal.SIGKILL
            kills += 1
        assert contents(folder) == never_stopped


@pytest.mark.cuda
def test_killed_on_a_gpu(tmp_path: Path) -> None:
    machine = machine_on("cuda")
    ticks = Ticks(lambda count: None)
    with pytest.MonkeyPatch.context() as patch:
        ticks.install(patch.setattr)
        run(tmp_path / "whole", machine=machine)
    places = random.Random(9)
    for _ in range(4):
        process = start(tmp_path / "run", places.randint(1, ticks.count // 4), machine)
        process.join()
        assert process.exitcode == -signal.SIGKILL
    run(tmp_path / "run", machine=machine)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_killed_inside_the_writes(tmp_path: Path, never_stopped: dict[str, bytes]) -> None:
    ticks = Ticks(lambda count: None)
    with pytest.MonkeyPatch.context() as patch:
        ticks.install(patch.setattr)
        run(tmp_path / "counted")
    # 35 steps with a checkpoint each, and 9 places in each write.
    assert ticks.count > 35 * 9
    places = random.Random(8)
    for number in range(_KILLS // 2):
        folder = tmp_path / str(number)
        process = start(folder, places.randint(1, ticks.count))
        process.join()
        assert process.exitcode == -signal.SIGKILL
        # And once more, soon after going on.
        process = start(folder, places.randint(1, 40))
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        run(folder)
        assert contents(folder) == never_stopped
