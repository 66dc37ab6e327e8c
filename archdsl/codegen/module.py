"""The live module: the generated source, executed.

In: a checked graph. Out: an instance of the class that `source` wrote; a traceback through it shows the source's lines,
and a pickle of it carries them. This is the only part of codegen that imports torch.
"""

from __future__ import annotations

import hashlib
import linecache
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

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
    """The generated file as a Python module, which `sys.modules` holds.

    What is made of its classes can be copied and pickled. A pickle holds the source, since no other process has it; to
    read it takes archdsl, and the same trust as any pickle.
    """
    return _executed(source(graph))


def _executed(text: str) -> ModuleType:
    name = f"archdsl_generated_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    filename = f"<{name}.py>"
    made = ModuleType(name)
    made.__file__ = filename
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec"), made.__dict__)  # noqa: S102 - our own text, in which names are checked
    for member in list(vars(made).values()):
        if isinstance(member, type) and member.__module__ == name:
            _carry(member, text)
    sys.modules[name] = made
    return made


def _carry(kind: type, text: str) -> None:
    """Let the pickles of a class's instances begin with its source."""

    def reduce(self: Any, protocol: int) -> tuple[Any, ...]:
        if isinstance(self, tuple):
            return _tuple_again, (text, kind.__name__, tuple(self))
        return _again, (text, kind.__name__), self.__getstate__()

    kind.__reduce_ex__ = reduce  # type: ignore[assignment]


def _again(text: str, name: str) -> object:
    """An instance without its state, which the reader of the pickle puts in."""
    kind = getattr(_executed(text), name)
    return kind.__new__(kind)


def _tuple_again(text: str, name: str, values: tuple[object, ...]) -> object:
    return getattr(_executed(text), name)(*values)
