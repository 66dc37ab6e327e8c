"""The live module: the generated source, executed.

In: a checked graph. Out: an instance of the class that `source` wrote; a traceback through it shows the source's lines.
This is the only part of codegen that imports torch.
"""

from __future__ import annotations

import hashlib
import linecache
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from archdsl.codegen.source import network_class, source
from archdsl.graph import Graph

if TYPE_CHECKING:
    from torch import nn

__all__ = ["build", "load", "module"]


def module(graph: Graph) -> nn.Module:
    """The network with weights as PyTorch initialises them.

    A graph of `conv 11x11/4 96` on 227x227x3 gives a module that takes a tensor (N, 3, 227, 227) to (N, 96, 55, 55).
    """
    made: nn.Module = getattr(load(graph), network_class(graph))()
    return made


def build(graph: Graph, device: str = "meta") -> nn.Module:
    """The network on a device; on `meta` it has sizes and no memory."""
    import torch

    with torch.device(device):
        return module(graph)


def load(graph: Graph) -> ModuleType:
    """The generated file as a Python module, which `sys.modules` holds, so that its classes can be pickled."""
    text = source(graph)
    name = f"archdsl_generated_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    filename = f"<{name}.py>"
    made = ModuleType(name)
    made.__file__ = filename
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec"), made.__dict__)  # noqa: S102 - our own text, in which names are checked
    sys.modules[name] = made
    return made
