"""The table of ops by name, and the checks a class must pass to stand in it.

In: op classes, from this package and from the entry points `archdsl.ops` of others. Out: `lookup` and `names`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import TypeVar, dataclass_transform, get_args

from archdsl.ops.arguments import Arg, flag, keyword, positional, window
from archdsl.ops.base import Op, Style

__all__ = ["RegistrationError", "all_ops", "familiar", "lookup", "lookup_plugin", "names", "register"]

_ops: dict[str, type[Op]] = {}
_sound: set[type] = {Op, object}
"""Classes whose members are known to be rules and arguments."""
_HOOKS = frozenset(name for name in vars(Op) if not name.startswith("_")) | {"style", "name", "examples"}
_REQUIRED = ("shape", "macs", "work", "reach", "keeps", "torch")
_FAMILIES = (
    "convolution",
    "transposed_convolution",
    "pooling",
    "adaptive_pooling",
    "linear",
    "normalization",
    "activation",
    "rectifiers",
    "channel_activation",
    "dropout",
    "padding",
    "resampling",
    "shaping",
    "merging",
    "broadcasting",
    "columns",
    "embedding",
    "attention",
    "windows",
)
_loaded = False
_plugins_loaded = False

T = TypeVar("T", bound=Op)


class RegistrationError(TypeError):
    """An op class that may not stand in the table, and why."""


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(window, positional, keyword, flag))
def register(cls: type[T]) -> type[T]:
    """Make a class an op of the language; its attributes made by `window`, `positional`, … become its arguments.

    ```python
    @register
    class Relu(Elementwise):
        "`relu`: max(0, x). …"
        name = "relu"
    ```

    Raises `RegistrationError` where a rule is missing, a hook is misspelt, the docstring or the examples are missing,
    or the name is taken.
    """
    own = {name: arg.named(name) for name, arg in vars(cls).items() if isinstance(arg, Arg)}
    for name in own:
        delattr(cls, name)
    cls.arguments = {**cls.arguments, **own}
    problem = _problem(cls)
    if problem:
        raise RegistrationError(f"op class {cls.__name__}: {problem}")
    _ops[cls.name] = cls
    return cls


def _problem(cls: type[Op]) -> str | None:
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return "`name` must be a lower-case word"
    if name in _ops:
        return f"the name `{name}` is taken by {_ops[name].__name__}"
    if not (vars(cls).get("__doc__") or "").strip():
        return "there is no docstring"
    if getattr(cls, "style", None) not in get_args(Style):
        return f"`style` must be one of {', '.join(get_args(Style))}"
    for rule in _REQUIRED:
        if getattr(cls, rule) is getattr(Op, rule):
            return f"there is no rule `{rule}`"
    annotated = {name for base in cls.__mro__ if base is not Op for name in vars(base).get("__annotations__", {})}
    for base in cls.__mro__:
        if base in _sound:
            continue
        for member in vars(base):
            if not member.startswith("_") and member not in _HOOKS:
                return f"`{member}` is neither a rule nor an argument; private helpers start with an underscore"
        _sound.add(base)
    for field in sorted(annotated - set(cls.arguments) - _HOOKS):
        if not field.startswith("_"):
            return f"`{field}` does not say how it is written: use window(), positional(), keyword() or flag()"
    if not any(example.output for example in getattr(cls, "examples", ())):
        return "`examples` must show at least one input that is accepted"
    return None


def _load() -> None:
    global _loaded
    if not _loaded:
        _loaded = True
        for family in _FAMILIES:
            import_module(f"archdsl.ops.{family}")


def _load_plugins() -> None:
    """The ops of other packages; looked for only when a name is not known here, since the search takes a while."""
    global _plugins_loaded
    if not _plugins_loaded:
        _plugins_loaded = True
        from importlib.metadata import entry_points

        for entry in entry_points(group="archdsl.ops"):
            entry.load()


def lookup(name: str) -> type[Op] | None:
    """The op of that name among those of this package, or None."""
    _load()
    return _ops.get(name)


def lookup_plugin(name: str) -> type[Op] | None:
    """The op of that name that another package brings, or None."""
    _load_plugins()
    return _ops.get(name)


def familiar(name: str) -> str | None:
    """The word here for what PyTorch, Keras or Caffe call by another, or write in capitals.

    >>> familiar("Linear")
    'fc'
    """
    from archdsl.ops.elsewhere import op_elsewhere, plain

    found = op_elsewhere(name)
    if found is None and plain(name) != name:
        found = next((op for op in names() if op != name and op.replace("_", "") == plain(name)), None)
    return found


def names() -> tuple[str, ...]:
    """Every op's name, sorted."""
    _load()
    _load_plugins()
    return tuple(sorted(_ops))


def all_ops() -> Iterator[type[Op]]:
    """Every op class, by name."""
    return iter([_ops[name] for name in names()])
