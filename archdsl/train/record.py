"""All that decided a result, and how two such records differ.

In: a graph, a plan, data, a machine. Out: what `recipe.json` and every checkpoint hold, and sentences about what is
another. Whether a difference matters is said here; what is done about it is left to the loop.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import torch

from archdsl.codegen.source import source
from archdsl.graph import Graph
from archdsl.train.dataset import Dataset
from archdsl.train.machine import Machine
from archdsl.train.plan import Plan, as_record

__all__ = ["Differences", "differences", "record"]

_LISTED: Final = 8
"""Lines of the network that are shown."""
_PLACES: Final = ("recipe.data.path", "recipe.weights.path")
"""Where files lie, which may be another place on another machine: their digests say whether they are others."""


def record(graph: Graph, plan: Plan, data: Dataset, machine: Machine) -> dict[str, Any]:
    """What decides the result: the network and its PyTorch source, the recipe, the data, the machine, the versions.

    `changes` are for what a run goes on with that is another than what it began with: after which step, and what.
    """
    from importlib.metadata import version

    from archdsl import __version__

    return {
        "network": {
            "name": graph.name,
            "variant": graph.variant,
            "title": graph.title,
            "text": graph.source_text,
            # Under one name for all, since a file that is renamed or moved holds the same network.
            "source": source(replace(graph, name="network", variant=None, title="")),
        },
        "recipe": as_record(plan),
        "data": {
            "name": data.name,
            "train_images": len(data.train),
            "test_images": len(data.test),
            "image": list(data.size),
            "classes": list(data.names) or data.classes,
            "prepare": as_record(data.prepare),
            "remark": data.remark,
            "sha256": hashlib.sha256(data.train.identity + data.test.identity).hexdigest(),
        },
        "machine": {
            "device": str(machine.device),
            "processor": _processor(machine.device),
            "precision": machine.precision,
            "compile": machine.compile,
            "cuda_graphs": machine.graphs,
            "channels_last": machine.channels_last,
            "deterministic": machine.deterministic,
            "threads": torch.get_num_threads(),
            "processes": machine.team.size,
        },
        "versions": {
            "archdsl": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            # They decode images and draw the shares by which they are mixed.
            **{name: version(name) for name in ("numpy", "pillow", "scipy")},
        },
        "changes": [],
    }


def _processor(device: torch.device) -> str:
    """What computes: the GPU by its name, the CPU by the instructions that torch uses of it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"


@dataclass(frozen=True)
class Differences:
    """`refused`: another network, recipe or data; `noted`: another machine or other versions, where bits may differ."""

    refused: tuple[str, ...]
    noted: tuple[str, ...]


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Differences:
    """What is another now, a line each."""
    refused = list(_network(before["network"]["source"], now["network"]["source"]))
    if len(refused) > _LISTED:
        refused[_LISTED:] = [f"network: and {len(refused) - _LISTED:,} more lines"]
    for part in ("recipe", "data"):
        refused += _values(part, before[part], now[part])
    noted = [line for part in ("machine", "versions") for line in _values(part, before[part], now[part])]
    return Differences(tuple(refused), tuple(noted))


def _code(source: str) -> list[str]:
    """The lines of a PyTorch source without comments and docstrings, which change nothing."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree).splitlines()


def _network(before: str, now: str) -> Iterator[str]:
    """The lines of the PyTorch source that are others."""
    for line in difflib.unified_diff(_code(before), _code(now), lineterm="", n=0):
        if line[:1] in "+-" and not line.startswith(("+++", "---")) and line[1:].strip():
            yield f"network: {'had' if line[0] == '-' else 'has'} `{line[1:].strip()}`"


def _values(path: str, before: Any, now: Any) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in [*before, *(name for name in now if name not in before)]:
            yield from _values(f"{path}.{name}", before.get(name), now.get(name))
    elif before != now and path not in _PLACES:
        yield f"{path}: it was {_short(before)}, and is {_short(now)}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
