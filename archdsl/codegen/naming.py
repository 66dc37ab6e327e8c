"""Names that are safe in Python and say what they stand for.

In: labels, block and op names, hostile ones among them. Out: identifiers for attributes, variables and classes that are
no keyword, hide nothing that the generated code uses, and never collide. Which thing gets which name is left to others.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Container, Iterable
from typing import Final

__all__ = ["MODULE_ATTRIBUTES", "Scope", "attribute", "camel", "class_name", "field_name", "variable"]

# fmt: off
MODULE_ATTRIBUTES: Final = frozenset({
    "T_destination", "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "compile", "cpu",
    "cuda", "double", "dump_patches", "eval", "extra_repr", "float", "forward", "get_buffer", "get_extra_state",
    "get_parameter", "get_submodule", "half", "ipu", "load_state_dict", "modules", "mtia", "named_buffers",
    "named_children", "named_modules", "named_parameters", "parameters", "register_backward_hook",
    "register_buffer", "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook",
    "register_full_backward_pre_hook", "register_load_state_dict_post_hook", "register_load_state_dict_pre_hook",
    "register_module", "register_parameter", "register_state_dict_post_hook", "register_state_dict_pre_hook",
    "requires_grad_", "set_extra_state", "set_submodule", "share_memory", "state_dict", "to", "to_empty", "train",
    "training", "type", "xpu", "zero_grad",
})
# fmt: on
"""What every `nn.Module` already has; a layer of such a name would hide it."""

_KEYWORDS: Final = frozenset(keyword.kwlist) | frozenset(keyword.softkwlist)
_BUILTINS: Final = frozenset(dir(builtins))
_GLOBALS: Final = frozenset({"F", "NamedTuple", "Tensor", "math", "nn", "self", "torch", "x"})
_CLASSES: Final = frozenset({"F", "Module", "NamedTuple", "Sequential", "Tensor"})
_TUPLE_FIELDS: Final = frozenset({"count", "index"})


def _plain(name: str, fallback: str) -> str:
    """Letters, digits and underscores only, a letter first, no underscore at either end."""
    text = re.sub(r"[^A-Za-z0-9_]+", "_", name[:200]).strip("_")
    if not text:
        return fallback
    return text if text[0].isalpha() else f"{fallback}_{text}"


def attribute(name: str) -> str:
    """A name for a layer, kept as it is wherever `self.` can carry it.

    >>> attribute("conv1"), attribute("forward"), attribute("__class__")
    ('conv1', 'forward_', 'class_')
    """
    text = _plain(name, "layer")
    return f"{text}_" if text in _KEYWORDS or text in MODULE_ATTRIBUTES else text


def variable(name: str, taken: Container[str] = ()) -> str:
    """A name for a tensor in `forward`; `taken` are the names of classes and functions of the file.

    >>> variable("skip"), variable("x"), variable("len")
    ('skip', 'x_', 'len_')
    """
    text = _plain(name, "value")
    reserved = text in _KEYWORDS or text in _BUILTINS or text in _GLOBALS or text in taken
    return f"{text}_" if reserved else text


def field_name(name: str) -> str:
    """A name for a field of the tuple of results.

    >>> field_name("aux1"), field_name("count")
    ('aux1', 'count_')
    """
    text = _plain(name, "output")
    return f"{text}_" if text in _KEYWORDS or text in _TUPLE_FIELDS else text


def camel(name: str) -> str:
    """A name as classes have them.

    >>> camel("dense_layer"), camel("resnet50_32x4d"), camel("SE")
    ('DenseLayer', 'Resnet50_32x4d', 'SE')
    """
    text = "".join(f"_{part[0].upper()}{part[1:]}" for part in _plain(name, "Net").split("_") if part)
    return re.sub(r"(?<!\d)_|_(?!\d)", "", text)


def class_name(name: str) -> str:
    """A name for a class.

    >>> class_name("bottleneck"), class_name("module"), class_name("exception")
    ('Bottleneck', 'ModuleBlock', 'ExceptionBlock')
    """
    text = camel(name)
    return f"{text}Block" if text in _KEYWORDS or text in _BUILTINS or text in _CLASSES else text


class Scope:
    """The names taken in one place.

    >>> scope = Scope(["conv"])
    >>> scope.claim("conv"), scope.claim("conv"), scope.claim("pool")
    ('conv_2', 'conv_3', 'pool')
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._next: dict[str, int] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._taken

    def claim(self, name: str, joint: str = "_") -> str:
        """The name, or the first numbered one that is free, its number behind the joint."""
        found = name
        while found in self._taken:
            number = self._next.get(name, 2)
            self._next[name] = number + 1
            found = f"{name.rstrip('_')}{joint}{number}"
        self._taken.add(found)
        return found
