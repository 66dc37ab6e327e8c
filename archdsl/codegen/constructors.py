"""Constructor expressions taken apart, so that those of many instances can be laid over each other.

In: `nn.Conv2d(3, 64, 7, stride=2)`. Out: `Call`, its arguments by name with defaults filled in, and the text again with
some of the values replaced by the name of a parameter. Which values are replaced is left to `classes`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Final, NamedTuple

from archdsl.codegen import helpers

__all__ = ["SIGNATURES", "Call", "Value", "parse", "shortened"]

_CONV = "in_channels out_channels kernel_size stride=1 padding=0 dilation=1 groups=1 bias=True"
_DECONV = "in_channels out_channels kernel_size stride=1 padding=0 output_padding=0 groups=1 bias=True dilation=1"
_BATCH = "num_features eps=1e-05 momentum=0.1 affine=True track_running_stats=True"
_INSTANCE = "num_features eps=1e-05 momentum=0.1 affine=False track_running_stats=False"
_MAXPOOL = "kernel_size stride=None padding=0 dilation=1 return_indices=False ceil_mode=False"
_AVGPOOL = "kernel_size stride=None padding=0 ceil_mode=False count_include_pad=True"
_PLAIN = {
    "AvgPool1d": _AVGPOOL,
    "AvgPool2d": _AVGPOOL + " divisor_override=None",
    "AvgPool3d": _AVGPOOL + " divisor_override=None",
    "Dropout": "p=0.5 inplace=False",
    "Embedding": "num_embeddings embedding_dim",
    "GroupNorm": "num_groups num_channels eps=1e-05 affine=True",
    "LayerNorm": "normalized_shape eps=1e-05 elementwise_affine=True bias=True",
    "Linear": "in_features out_features bias=True",
    "LocalResponseNorm": "size alpha=0.0001 beta=0.75 k=1.0",
    "RMSNorm": "normalized_shape eps=None elementwise_affine=True",
}
SIGNATURES: Final[Mapping[str, tuple[tuple[str, str | None], ...]]] = {
    f"nn.{name}": tuple((entry.partition("=")[0], entry.partition("=")[2] or None) for entry in text.split())
    for name, text in {
        **_PLAIN,
        **{f"Conv{rank}d": _CONV for rank in (1, 2, 3)},
        **{f"ConvTranspose{rank}d": _DECONV for rank in (1, 2, 3)},
        **{f"BatchNorm{rank}d": _BATCH for rank in (1, 2, 3)},
        **{f"InstanceNorm{rank}d": _INSTANCE for rank in (1, 2, 3)},
        **{f"MaxPool{rank}d": _MAXPOOL for rank in (1, 2, 3)},
    }.items()
}
"""Arguments of PyTorch's layers in order, with the source of the default: two calls that differ in a default left out
in one of them are then the same call with another value."""


class Value(NamedTuple):
    """A value with the text that stands for it. Equal where type and value are, so that 1, 1.0 and True differ."""

    text: str
    value: object

    @classmethod
    def of(cls, value: object) -> Value:
        """A value written as Python writes it."""
        if isinstance(value, str) and value.isprintable() and not set(value) & set("'\"\\"):
            return cls(f'"{value}"', value)
        return cls(repr(value), value)


class Call(NamedTuple):
    """A constructor call: `names` of its arguments, the first `positional` of them given by position.

    `names` are the parameters' where the signature is known; an argument given by position to an unknown one is `0`,
    `1`, … `optional` are those that may be left out, with the default's value.
    """

    function: str
    positional: int
    names: tuple[str, ...]
    values: tuple[Value, ...]
    optional: tuple[tuple[str, Value], ...]

    @property
    def pattern(self) -> tuple[str, int, tuple[str, ...]]:
        """What two calls have in common that differ in their values only."""
        return (self.function, self.positional, self.names)

    def text(self, values: Sequence[str]) -> str:
        """The call with these texts for its values; one that is the default's is left out."""
        defaults = {name: default.text for name, default in self.optional}
        rest = list(zip(self.names, values, strict=True))[self.positional :]
        known = [name for name, _ in _signature(self.function)] == list(self.names)
        options = [(name, value, defaults.get(name, "")) for name, value in rest]
        parts = shortened(options) if known else [f"{n}={v}" for n, v, default in options if v != default]
        return f"{self.function}({', '.join([*values[: self.positional], *parts])})"


def shortened(options: Sequence[tuple[str, str, str]]) -> list[str]:
    """Optional arguments, name, text and default, as they are written behind those given by position.

    Defaults are left out, and `stride=stride` is `stride` as long as none is left out before it.
    """
    found: list[str] = []
    whole = True
    for name, text, default in options:
        whole = whole and text == name
        if text != default:
            found.append(text if whole else f"{name}={text}")
    return found


@lru_cache(maxsize=65536)
def parse(expression: str) -> Call | None:
    """The call, or None where it is not one of plain values."""
    node = ast.parse(expression, mode="eval").body
    if not isinstance(node, ast.Call):
        return None
    function = expression.partition("(")[0]
    given: list[tuple[str, Value]] = []
    signature = _signature(function)
    for position, argument in enumerate(node.args):
        value = _literal(argument)
        if value is None:
            return None
        given.append((signature[position][0] if position < len(signature) else str(position), value))
    for entry in node.keywords:
        value = _literal(entry.value)
        if value is None or entry.arg is None:
            return None
        given.append((entry.arg, value))
    named = dict(given)
    optional: list[tuple[str, Value]] = []
    for name, default in signature[len(node.args) :]:
        value = _default(default) if default is not None else None
        if value is not None:
            named.setdefault(name, value)
            optional.append((name, value))
    order = [name for name, _ in signature if name in named] + [n for n in named if n not in dict(signature)]
    order = [name for name, _ in given[: len(node.args)]] + [n for n in order if n not in dict(given[: len(node.args)])]
    return Call(function, len(node.args), tuple(order), tuple(named[name] for name in order), tuple(optional))


def _signature(function: str) -> Sequence[tuple[str, str | None]]:
    if function in SIGNATURES:
        return SIGNATURES[function]
    if not function.isidentifier():
        return ()
    try:
        helper = helpers.find(function)
    except LookupError:
        return ()
    return helper.arguments or SIGNATURES.get(helper.base, ())


@cache
def _default(text: str) -> Value | None:
    return _literal(ast.parse(text, mode="eval").body)


def _literal(node: ast.expr) -> Value | None:
    try:
        return Value.of(ast.literal_eval(node))
    except ValueError:
        return None
