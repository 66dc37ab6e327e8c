"""Where branches come together again.

In: for each statement of straight-line code, the later ones that read its result. Out: the statement that everything
from here has to pass, the immediate post-dominator.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["immediate_postdominators"]


def immediate_postdominators(readers: Sequence[Sequence[int]]) -> list[int]:
    """For every statement the first later one that all ways to the end pass through; `len(readers)` is the end.

    `readers[i]` holds indices above i. A statement that nothing reads leads to the end, and so does the index
    `len(readers)` among the readers, for a result. The nearest common ancestor in the tree built from the end, found by
    jump pointers in logarithmic time (Myers, "An applicative random-access stack", 1983).
    """
    end = len(readers)
    parent = [end] * (end + 1)
    jump = [end] * (end + 1)
    depth = [0] * (end + 1)

    def common(a: int, b: int) -> int:
        if depth[a] < depth[b]:
            a, b = b, a
        while depth[a] > depth[b]:
            a = jump[a] if depth[jump[a]] >= depth[b] else parent[a]
        while a != b:
            if jump[a] != jump[b]:
                a, b = jump[a], jump[b]
            else:
                a, b = parent[a], parent[b]
        return a

    for index in reversed(range(end)):
        found = end if not readers[index] else readers[index][0]
        for other in readers[index][1:]:
            found = common(found, other)
        parent[index] = found
        depth[index] = depth[found] + 1
        far = jump[found]
        jump[index] = jump[far] if depth[found] - depth[far] == depth[far] - depth[jump[far]] else found
    return parent[:end]
