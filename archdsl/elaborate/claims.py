"""`expect` statements, read: what a file claims about its network.

In: the statements of a file. Out: `Claim`s with the interval of what would print so. Comparing them with the network is
left to `archdsl.analysis.claims`, which counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from archdsl import limits
from archdsl.diagnostics import Collector, Span, nearest
from archdsl.elaborate.program import Unit
from archdsl.graph import Node
from archdsl.syntax import tree

__all__ = ["PUBLISHED", "QUANTITIES", "Claim", "read_claims"]

PUBLISHED = ("top1",)
"""What somebody measured and no count can confirm: the percentage of ImageNet's validation images, one crop each, whose
first answer is right."""

QUANTITIES = (
    "params",
    "training_params",
    "buffers",
    "macs",
    "flops",
    "half_ops",
    "depth",
    "connections",
    "activations",
    *PUBLISHED,
)
"""What can be claimed: trainable parameters, the same with training-only heads, batch norm's statistics,
multiply-accumulates, twice that, half of all operations as pytorchcv counts them, weight layers, LeNet-5's connections,
values of the input and all layers' outputs; and what is published."""


class Claim(NamedTuple):
    """`expect params 25.6M "torchvision"`: a figure, the interval of what would print so, and where it is from.

    `subject` is the label that it is about, and `nodes` the layer, or those of the block or repeat, with that label;
    without a subject it is about the whole network.
    """

    quantity: str
    text: str
    low: float
    high: float
    source: str
    span: Span
    subject: str | None = None
    nodes: tuple[int, ...] = ()

    @property
    def published(self) -> bool:
        """Whether it is reported only, and never compared."""
        return self.quantity in PUBLISHED

    def resolve(self, nodes: Sequence[Node]) -> Claim:
        """The claim with its layers found."""
        if self.subject is None:
            return self
        return self._replace(nodes=tuple(node.key for node in nodes if _label_of(node) == self.subject))


def _label_of(node: Node) -> str | None:
    """The label of a layer of the network itself, or of the block or repeat of the network that holds it."""
    path = node.frame.path()
    return node.label if len(path) == 1 else path[1].label


def read_claims(unit: Unit, variant: str | None, found: Collector) -> list[Claim]:
    """The claims that hold for a variant: those without a name, and those that name it or a label."""
    claims: list[Claim] = []
    labels = _labels(unit)
    for statement in unit.expects:
        items = list(statement.items)
        subject: str | None = None
        first = items[0].value
        if isinstance(first, tree.Name) and items[0].key is None and first.name not in QUANTITIES and len(items) > 1:
            if first.name not in unit.variants and first.name not in labels:
                close = nearest(first.name, [*QUANTITIES, *unit.variants, *labels])
                found.error(
                    "unknown-name",
                    f"`{first.name}` is neither a quantity, nor a variant, nor a label",
                    first.span,
                    hint=f"did you mean `{close}`?" if close else f"quantities are {', '.join(QUANTITIES)}",
                )
                continue
            items = items[1:]
            if first.name in unit.variants:
                if first.name != variant:
                    _pairs(statement, items, None, Collector())
                    continue
            else:
                subject = first.name
        elif unit.variants and variant is not None and _is_default_only(unit):
            continue
        claims += _pairs(statement, items, subject, found)
    own = unit.variants[variant].claims if variant is not None else None
    if own is not None:
        claims += _pairs(own, list(own.items), None, found)
    return claims


def _is_default_only(unit: Unit) -> bool:
    """Whether a claim without a name, in a file with variants, is about the network with the default parameters."""
    architecture = unit.architecture
    return architecture is not None and all(p.default is not None for p in architecture.parameters)


def _labels(unit: Unit) -> set[str]:
    found: set[str] = set()
    pending = [statement.chain for statement in unit.chains]
    while pending:
        chain = pending.pop()
        for element in chain.elements:
            found.update(s.name for s in element.suffixes if isinstance(s, tree.Label))
            if isinstance(element.unit, tree.Group):
                pending.append(element.unit.chain)
    return found


def _pairs(statement: tree.Expect, items: list[tree.Operand], subject: str | None, found: Collector) -> list[Claim]:
    """Quantities and figures; a string is the source of those between it and the string before it."""
    claims: list[Claim] = []
    group: list[tree.Operand] = []
    for item in items:
        if isinstance(item.value, tree.String) and item.key is None and len(group) % 2 == 0 and group:
            claims += _group(statement, group, item.value.value, subject, found)
            group = []
        else:
            group.append(item)
    return claims + _group(statement, group, "", subject, found) if group or not items else claims


def _group(
    statement: tree.Expect, items: list[tree.Operand], source: str, subject: str | None, found: Collector
) -> list[Claim]:
    claims: list[Claim] = []
    if not items or len(items) % 2:
        found.error(
            "bad-expect", "a claim is a quantity and a figure", statement.span, hint='expect params 25.6M "source"'
        )
        return claims
    for name, figure in zip(items[::2], items[1::2], strict=True):
        if not isinstance(name.value, tree.Name) or name.key is not None or name.value.name not in QUANTITIES:
            close = nearest(name.span.text, QUANTITIES)
            found.error(
                "unknown-name",
                f"`{name.span.text}` is not a quantity",
                name.span,
                hint=f"did you mean `{close}`?" if close else f"quantities are {', '.join(QUANTITIES)}",
            )
            continue
        if not isinstance(figure.value, tree.Number) or figure.key is not None:
            found.error("bad-expect", "a claim is a quantity and a figure", figure.span, hint="expect params 25.6M")
            continue
        number = figure.value
        if number.value > limits.MAGNITUDE:
            found.error("limit-number", "a number beyond 2^53", figure.span, hint="no network has a size like that")
            continue
        if name.value.name in PUBLISHED and (trouble := _unpublishable(number, source, subject)):
            found.error("bad-expect", trouble, name.span.to(figure.span), hint=_PUBLISHED_SO)
            continue
        half = _half_unit(number)
        low, high = number.value - half, number.value + half
        claims.append(Claim(name.value.name, number.text, low, high, source, name.span.to(figure.span), subject))
    return claims


_PUBLISHED_SO = 'expect top1 76.13 "torchvision": percent, and who says so; it is shown as published, never compared'


def _unpublishable(number: tree.Number, source: str, subject: str | None) -> str:
    """Why an accuracy cannot stand so; empty where it can."""
    if subject is not None:
        return "an accuracy is the whole network's"
    if not 1 <= number.value <= 100:
        return f"an accuracy of {number.text} is no percentage"
    return "" if source else "a published figure needs its source"


def _half_unit(number: tree.Number) -> float:
    """Half of the last printed digit: `25.6M` stands for 25.55M to 25.65M; a bare whole number for itself."""
    text = number.text.replace("_", "")
    scale = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(text[-1])
    if scale is None:
        mantissa, _, exponent = text.lower().partition("e")
        if "." not in mantissa and not exponent:
            return 0.0
        scale, text = float(f"1e{exponent or 0}"), mantissa
    else:
        text = text[:-1]
    _, _, decimals = text.partition(".")
    return 0.5 * scale * float(f"1e-{len(decimals)}")
