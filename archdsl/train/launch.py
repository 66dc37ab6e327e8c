"""One command in several processes of this machine, by torchrun.

In: how many, the words of the command. Out: the exit status that the command has in one process. What the processes do
together is left to `archdsl.train.team`.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence

from archdsl.train.errors import AGAIN

__all__ = ["launch"]


def launch(processes: int, restarts: int, words: Callable[[], Sequence[str]]) -> int:
    """Run `archdsl WORDS` in so many processes; where one is killed or crashes, all begin anew, up to `restarts` times.

    torchrun would begin anew after a mistake of the user's too, so each time is a torchrun of its own; `words` is asked
    each time. Ctrl-C and SIGTERM are handed on to the processes. Gives 128 + the number for an end by a signal, else
    what the process that said what is wrong gave.
    """
    # torchrun would set one thread, and say so.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    # Torch would advise against what keeps the order of sums the same.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    for number in range(restarts + 1):
        ends = _ends(processes, words())
        said = [status for status in ends if status > 0 and status != AGAIN]
        killed = [128 - status for status in ends if status < 0]
        if said or not ends:
            return said[0] if said else 0
        if number < restarts:
            how = f"was killed by signal {killed[0] - 128}" if killed else "crashed"
            text = f"warning: a process {how}; all go on from the last checkpoint: restart {number + 1} of {restarts}"
            print(text, file=sys.stderr, flush=True)
    return killed[0] if killed else 1


def _ends(processes: int, words: Sequence[str]) -> list[int]:
    """How those processes ended that did not end well: their exit status, or less than 0 a signal's number."""
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # What it logs of processes that end, and of signals that it hands on, is said by them or by the caller.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    given = ["--standalone", "--nproc-per-node", str(processes), "--max-restarts", "0"]
    try:
        asked = run.parse_args([*given, "-m", "archdsl", *words])  # type: ignore[no-untyped-call]
        run.run(asked)  # type: ignore[no-untyped-call]
    except SignalException as stopped:
        return [128 + int(stopped.sigval)]
    except ChildFailedError as failed:
        return [failure.exitcode for failure in failed.failures.values()]
    return []
