"""The language in which neural-network architectures are written down.

>>> import archdsl
>>> net = archdsl.load("resnet.arch", variant="resnet50")
>>> print(net.summary())
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["ArchError", "Architecture", "__version__", "load", "loads"]

if TYPE_CHECKING:
    from archdsl.api import Architecture, load, loads
    from archdsl.diagnostics import ArchError


def __getattr__(name: str) -> object:
    """Load the interface when it is first asked for: the command line starts faster without it."""
    if name in ("Architecture", "load", "loads"):
        import archdsl.api

        return getattr(archdsl.api, name)
    if name == "ArchError":
        from archdsl.diagnostics import ArchError

        return ArchError
    raise AttributeError(f"module 'archdsl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
