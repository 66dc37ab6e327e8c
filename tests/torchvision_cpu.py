"""torchvision beside a CPU build of torch.

In: an installed torchvision whose compiled operators do not load, as its CUDA wheel's beside CPU torch. Out: the
package, with the schemas of those operators declared first, so that its models import; the operators themselves do
not work. Beside a CUDA build of torch it is imported as it is.
"""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import torch

_libraries: list[torch.library.Library] = []


def load(name: str = "torchvision.models") -> ModuleType:
    """A module of torchvision. Raises `ModuleNotFoundError` where torchvision is not installed."""
    if not _libraries and torch.version.cuda is None:
        spec = find_spec("torchvision")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("torchvision is not installed: pip install --no-deps torchvision")
        text = (Path(spec.origin).parent / "_meta_registrations.py").read_text(encoding="utf-8")
        library = torch.library.Library("torchvision", "DEF")
        _libraries.append(library)
        for operator in sorted({*re.findall(r'register_meta\("(\w+)"\)', text), "nms", "qnms"}):
            library.define(f"{operator}(Tensor x) -> Tensor")
    return import_module(name)
