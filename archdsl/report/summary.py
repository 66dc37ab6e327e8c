"""Everything that a summary says of a network, before it takes a form.

In: a graph, a batch size and an optimizer. Out: a `Summary` that every form is made of. The forms are left to
`text.py` and its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.analysis.counts import Counts, count
from archdsl.analysis.depth import depth
from archdsl.analysis.memory import Memory, memory
from archdsl.analysis.rows import Row, summary_rows
from archdsl.analysis.training_memory import TrainingEstimate, estimate_training
from archdsl.graph import Graph

__all__ = ["BATCH", "OPTIMIZER", "Summary", "summarize"]

BATCH = 32
OPTIMIZER = "sgd-momentum"


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """The facts of one network: `rows` as asked for, the rest about all of it."""

    graph: Graph
    rows: tuple[Row, ...]
    counts: Counts
    memory: Memory
    training: TrainingEstimate
    depth: int

    def __str__(self) -> str:
        from archdsl.report.text import to_text

        return to_text(self)

    def _repr_html_(self) -> str:
        """The table, for a notebook."""
        from archdsl.report.html import to_html

        return to_html(self)


def summarize(
    graph: Graph,
    *,
    levels: int | None = None,
    fold: bool = True,
    batch: int = BATCH,
    optimizer: str = OPTIMIZER,
) -> Summary:
    """Gather the facts.

    >>> summarize(vgg16).counts.total.params
    138357544

    - `levels`: how far blocks are opened; None for all the way.
    - `fold`: whether like iterations of a repeat are one row.
    - `batch`, `optimizer`: what the estimate of training memory is for; see `estimate_training`, which raises
      `ValueError` for those it does not know.
    """
    counts = count(graph)
    return Summary(
        graph=graph,
        rows=summary_rows(graph, counts, depth=levels, fold=fold),
        counts=counts,
        memory=memory(graph, counts),
        training=estimate_training(graph, counts, batch=batch, optimizer=optimizer),
        depth=depth(graph),
    )
