"""How long PyTorch takes for something.

In: what is run. Out: seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch


def seconds(run: Callable[[], object]) -> float:
    """On a CPU those of the processor, which other work on the machine does not lengthen."""
    if not torch.cuda.is_available():
        start = time.process_time()
        run()
        return time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - start
