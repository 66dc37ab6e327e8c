"""From a checked graph to PyTorch, in two forms that are one: source to read and own, and that source executed.

In: an `archdsl.graph.Graph`. Out: `source(graph)`, a text; `archdsl.codegen.module` runs it and is the only part that
imports torch.
"""

from archdsl.codegen.source import source

__all__ = ["source"]
