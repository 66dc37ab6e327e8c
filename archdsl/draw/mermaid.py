"""A picture as Mermaid text, which GitHub and GitLab draw inside of Markdown.

In: a plan and a theme. Out: a `flowchart`, the same for the same plan. Its layout is Mermaid's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from archdsl.draw.label import counted, words
from archdsl.draw.picture import Box, Cell, Piece, Plan
from archdsl.draw.style import THEMES, Theme, ThemeName
from archdsl.draw.text import size, sizes, typeset
from archdsl.report.numbers import clean

__all__ = ["mermaid_escape", "to_mermaid"]

_PLAIN: Final = frozenset(" ×…+=/,:()")
"""Signs that stand for themselves in a quoted text; letters and digits do, too."""


def to_mermaid(plan: Plan, *, theme: ThemeName = "light", direction: Literal["down", "right"] = "down") -> str:
    """`to_mermaid(make_plan(lenet5))`: `flowchart TB` and a line a node, an edge, a block."""
    return "\n".join(_lines(plan, THEMES[theme], direction)) + "\n"


def mermaid_escape(text: str) -> str:
    """Text in quotes: other signs by their numbers, since Mermaid reads HTML and Markdown in it.

    >>> mermaid_escape('a"<b>')
    'a#34;#60;b#62;'
    """
    return "".join(char if char.isalnum() or char in _PLAIN else f"#{ord(char)};" for char in clean(text))


def _lines(plan: Plan, theme: Theme, direction: str) -> Iterator[str]:
    heading = f"{plan.name}: {plan.title}" if plan.title else plan.name
    yield f"%% {clean(heading).replace('{', '(').replace('}', ')')}"
    yield f"flowchart {'TB' if direction == 'down' else 'LR'}"
    yield from _inside(plan.page, 1)
    for index, leaving in enumerate(plan.exits):
        text = f"<b>{mermaid_escape(leaving.name)}</b> {size(leaving.shape)}"
        text += "<br/>in training only" if leaving.training else ""
        yield f'    out{index}(["{text}"])'
    for edge in plan.edges:
        label = f'|"{mermaid_escape(sizes(edge.sizes))}"|' if edge.sizes else ""
        yield f"    n{edge.tail} -->{label} n{edge.head}"
    for index, leaving in enumerate(plan.exits):
        yield f"    n{leaving.tail} --> out{index}"
    yield from _classes(plan, theme)


def _inside(page: Box, level: int) -> Iterator[str]:
    """Nodes and boxes, with a stack of its own: blocks may lie a thousand deep."""
    pending: list[tuple[Box | Piece | None, int]] = [(part, level) for part in reversed(page.parts)]
    while pending:
        part, level = pending.pop()
        indent = "    " * level
        if part is None:
            yield f"{indent}end"
        elif isinstance(part, Piece):
            yield indent + _node(part)
        else:
            yield f'{indent}subgraph b{part.id}["{_titled(part.title, part.times) or "#160;"}"]'
            pending.append((None, level))
            pending += [(inner, level + 1) for inner in reversed(part.parts)]


def _node(piece: Piece) -> str:
    if not piece.cells:
        return f'n{piece.id}((" ")):::fork'
    text = "<br/>".join(
        filter(
            None,
            (mermaid_escape(typeset(piece.caption)), " #124; ".join(map(_cell, piece.cells)), _titled("", piece.times)),
        )
    )
    return f'n{piece.id}["{text}"]:::{piece.cells[0].style or "block"}'


def _cell(cell: Cell) -> str:
    text = typeset(cell.text) if cell.style is None else " ".join(words(cell.text))
    lines = [f"<b>{mermaid_escape(cell.label)}</b> {mermaid_escape(text)}" if cell.label else mermaid_escape(text)]
    lines += [mermaid_escape(f"weights of {cell.shared}")] if cell.shared is not None else []
    lines += [mermaid_escape(counted(name, value)) for name, value in cell.counts]
    lines += [mermaid_escape(f"RF {cell.field}")] if cell.field else []
    lines += [mermaid_escape(f"{name} {value}") for name, value in cell.rows]
    return "<br/>".join(lines)


def _titled(title: str, times: int) -> str:
    count = f"<b>× {times}</b>" if times > 1 else ""
    return " ".join(filter(None, (mermaid_escape(typeset(title)), count)))


def _classes(plan: Plan, theme: Theme) -> Iterator[str]:
    """The colours of the kinds that occur."""
    used = {cell.style for piece in plan.pieces() for cell in piece.cells[:1]}
    fills = {"input": theme.fills["input"]} | dict(theme.legend(used))
    for name, fill in fills.items():
        yield f"    classDef {name} fill:{fill},stroke:{theme.border},color:{theme.ink}"
    if any(not piece.cells for piece in plan.pieces()):
        yield f"    classDef fork fill:{theme.line},stroke:{theme.line},color:{theme.line}"
