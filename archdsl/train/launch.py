"""One command in several processes of this machine, by torchrun.

In: how many, the words of the command. Out: the exit status that the command has in one process. What the processes do
together is left to `archdsl.train.team`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

__all__ = ["launch"]


def launch(processes: int, restarts: int, words: Sequence[str]) -> int:
    """Run `archdsl WORDS` in so many processes; where one dies, all begin anew, up to `restarts` times.

    Ctrl-C and SIGTERM are handed on to them. Gives 128 + the number for an end by a signal, else what the first process
    to fail gave.
    """
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # torchrun would set one thread, and say so.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    # Torch would advise against what keeps the order of sums the same.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    given = ["--standalone", "--nproc-per-node", str(processes), "--max-restarts", str(restarts)]
    try:
        asked = run.parse_args([*given, "-m", "archdsl", *words])  # type: ignore[no-untyped-call]
        run.run(asked)  # type: ignore[no-untyped-call]
    except SignalException as stopped:
        return 128 + int(stopped.sigval)
    except ChildFailedError as failed:
        status = failed.get_first_failure()[1].exitcode
        return status if status >= 0 else 128 - status
    return 0
