"""Where the files beside the code lie: the grammar and the networks.

In: nothing. Out: paths, inside the package in a wheel, at the root of a checkout otherwise; reading is left to others.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["grammar_path", "specs_path"]

_PACKAGE = Path(__file__).resolve().parent


def grammar_path() -> Path:
    """The file of the grammar, `…/grammar/arch.lark`. Raises `FileNotFoundError` where the installation lacks it."""
    return _find("grammar/arch.lark")


def specs_path() -> Path:
    """The folder of the networks, `…/specs`, with the standard blocks in its `lib`. Raises `FileNotFoundError`."""
    return _find("specs")


def _find(relative: str) -> Path:
    for root in (_PACKAGE, _PACKAGE.parent):
        found = root / relative
        if found.exists():
            return found
    raise FileNotFoundError(f"archdsl is not installed whole: there is no {relative} in {_PACKAGE} or beside it")
