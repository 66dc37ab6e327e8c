"""What is written and never used.

In: a parsed file. Out: warnings about blocks, shares, `let`s, parameters and labels that nothing refers to, `default`s
that no layer takes, and an `id` that does nothing. Looks at the text alone and elaborates nothing.
"""

from __future__ import annotations

from collections import Counter

from archdsl.diagnostics import Collector, Span
from archdsl.elaborate.idle_defaults import idle_defaults
from archdsl.elaborate.program import Unit
from archdsl.ops import registry
from archdsl.syntax import tree

__all__ = ["lint"]


def lint(unit: Unit, found: Collector) -> None:
    """Warn about what is never used; a library's blocks are there for others."""
    names: Counter[str] = Counter()
    for node in tree.walk(unit.file.statements):
        if isinstance(node, tree.Name):
            names[node.name] += 1
    library = not (unit.chains or unit.architecture)
    for forms in unit.blocks.values():
        for block in forms:
            own = sum(1 for node in tree.walk(block) if isinstance(node, tree.Name) and node.name == block.name.name)
            if not library and names[block.name.name] == own * len(forms):
                _unused(found, "unused-block", f"the block `{block.name.name}`", block.name.span)
            _parameters(block.parameters, (block.parameters, block.body), found)
            _tensors(block, found)
    for let in unit.lets.values():
        if names[let.name.name] == 1 and not library:
            _unused(found, "unused-let", f"`{let.name.name}`", let.name.span)
    for share in unit.shares.values():
        if names[share.name.name] == 1:
            _unused(found, "unused-block", f"the shared `{share.name.name}`", share.name.span)
    if unit.architecture is not None:
        rest = tuple(s for s in unit.file.statements if not isinstance(s, tree.Architecture | tree.Variant))
        _parameters(unit.architecture.parameters, (unit.architecture.parameters, rest), found)
    _labels(unit, found)
    _open_else(unit, found)
    _looped_branches(unit, found)
    idle_defaults(unit, found, library=library)


def _unused(found: Collector, id: str, what: str, span: Span) -> None:
    found.warning(id, f"{what} is never used", span, hint="use it or remove it")


def _parameters(parameters: tuple[tree.Parameter, ...], where: object, found: Collector) -> None:
    used = {node.name for node in tree.walk(where) if isinstance(node, tree.Name)}
    for parameter in parameters:
        if parameter.name not in used:
            _unused(found, "unused-parameter", f"the parameter `{parameter.name}`", parameter.span)


def _tensors(block: tree.Block, found: Collector) -> None:
    used = {n.name for n in tree.walk(block.body) if isinstance(n, tree.Reference | tree.Name)}
    for name in block.tensors or ():
        if name.name not in used and name.name != tree.UNNAMED:
            message = f"the tensor `{name.name}` is never used"
            found.warning("unused-label", message, name.span, hint="use it, or write `_` in its place")


def _labels(unit: Unit, found: Collector) -> None:
    """A label behind a single layer is there to be referred to; behind a block, group or repeat it names a part."""
    homes: list[tuple[object, set[str]]] = [(block, set()) for forms in unit.blocks.values() for block in forms]
    claimed = {item.value.name for expect in unit.expects for item in expect.items if isinstance(item.value, tree.Name)}
    outside = tuple(s for s in unit.file.statements if not isinstance(s, tree.Block))
    homes.append((outside, claimed))
    for home, used in homes:
        used.update(node.name for node in tree.walk(home) if isinstance(node, tree.Reference))
        for element in (node for node in tree.walk(home) if isinstance(node, tree.Element)):
            labels = [suffix for suffix in element.suffixes if isinstance(suffix, tree.Label)]
            told = len(labels) > 1 or (bool(labels) and _single(element, unit))
            if labels and all(label.name == tree.UNNAMED for label in labels):
                found.warning(
                    "unused-label",
                    "`@_` throws a tensor away, and here none beside it has a name",
                    labels[0].span.to(labels[-1].span),
                    hint="name those that are used, split 2 @_ @b, or remove it",
                )
                continue
            for label in labels:
                if label.name == tree.UNNAMED:
                    continue
                if told and label.name not in used:
                    found.warning(
                        "unused-label",
                        f"the label `@{label.name}` is never used",
                        label.span,
                        hint=f"start a chain at it, claim something of it (expect {label.name} params …), or remove it",
                    )


def _open_else(unit: Unit, found: Collector) -> None:
    """`else id -> relu`: an `id` before a layer does nothing, so that the rest was perhaps meant for both cases."""
    for node in tree.walk(unit.file.statements):
        if not isinstance(node, tree.Conditional) or len(node.otherwise.elements) == 1:
            continue
        first = node.otherwise.elements[0]
        if isinstance(first.unit, tree.Name) and first.unit.name == "id" and not first.suffixes:
            rest = first.span.source.text[node.otherwise.elements[1].span.start : node.otherwise.span.end]
            found.warning(
                "open-else",
                f"`{' '.join(rest.split())[:40]}` belongs to this `else`, which goes on to the end of the chain",
                first.span,
                hint="for both cases, put the condition in parentheses: (if a then b else id) -> …; else remove `id`",
            )


def _looped_branches(unit: Unit, found: Collector) -> None:
    """`concat<id | pool<b> x(b in [1, 2])>`: turns over a list that follow each other, where branches were perhaps
    meant.
    """
    for node in tree.walk(unit.file.statements):
        if not isinstance(node, tree.Call) or node.name.name != "concat":
            continue
        for argument in node.angles or ():
            if argument.star or len(argument.value.elements) > 1:
                continue
            repeat = next((s for s in argument.value.elements[0].suffixes if isinstance(s, tree.Repeat)), None)
            if repeat is not None and repeat.names:
                found.warning(
                    "turns-in-branch",
                    "the turns of this repeat follow each other, in one branch",
                    repeat.span,
                    hint="side by side, a branch each, they have a star before them: *unit<k> x(k in ks); if they are "
                    "to follow each other, put the branch in parentheses",
                )


def _single(element: tree.Element, unit: Unit) -> bool:
    if any(isinstance(suffix, tree.Repeat) for suffix in element.suffixes):
        return False
    at = element.unit
    name = at.name if isinstance(at, tree.Name) else at.name.name if isinstance(at, tree.Call) else None
    return name is not None and name not in unit.blocks and registry.lookup(name) is not None
