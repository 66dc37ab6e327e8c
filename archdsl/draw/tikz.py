"""A sheet as TikZ: a standalone LaTeX document.

In: a sheet. Out: text for pdflatex, the same for the same sheet.
"""

from __future__ import annotations

from typing import Final

from archdsl.draw.sheet import Label, Line, Point, Polygon, Sheet
from archdsl.report.latex import TEX_SPECIAL
from archdsl.report.numbers import clean

__all__ = ["tex_escape", "to_tikz"]

_SPECIAL: Final = {
    **TEX_SPECIAL,
    ",": r"{,}",
    "?": r"{?}",
    "!": r"{!}",
    "≤": r"$\le$",
    "·": r"\textperiodcentered{}",
    "→": r"$\rightarrow$",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "\N{NO-BREAK SPACE}": "~",
}
"""What TeX would read as something else; `--`, `?`` and `,,` are ligatures of its fonts."""


def to_tikz(sheet: Sheet, *, width: float | None = None) -> str:
    """The sheet as a document of its own size, which `\\includestandalone` takes too; smaller where it is wider than
    `width`.
    """
    scale = min(1.0, width / sheet.width) if width is not None else 1.0
    fills = sorted({sheet.fill, *(c for shape in sheet.shapes for c in _colours(shape))})
    names = {fill: f"arch{index}" for index, fill in enumerate(fills)}
    # `bp` are the points of SVG and PDF, 72 to the inch; TeX's own are 72.27.
    lines = [
        r"\documentclass[tikz,border=0pt]{standalone}",
        r"\usepackage[T1]{fontenc}",
        r"\usepackage[utf8]{inputenc}",
        r"\usepackage{textcomp}",
        r"\usepackage[scaled]{helvet}",
        r"\renewcommand{\familydefault}{\sfdefault}",
        *(rf"\definecolor{{{name}}}{{HTML}}{{{fill[1:].upper()}}}" for fill, name in names.items()),
        r"\begin{document}",
        rf"\begin{{tikzpicture}}[x={scale:.4f}bp,y=-{scale:.4f}bp,line join=round,inner sep=0pt,outer sep=0pt]",
        rf"\fill[{names[sheet.fill]}] (0,0) rectangle ({_n(sheet.width)},{_n(sheet.height)});",
        *(_shape(shape, sheet, names, scale) for shape in sheet.shapes),
        r"\end{tikzpicture}",
        r"\end{document}",
    ]
    return "\n".join(lines) + "\n"


def tex_escape(text: str) -> str:
    """Text that TeX sets as it is. What its usual fonts do not have is written as the number of its character."""
    return "".join(
        _SPECIAL.get(char) or (char if char.isascii() or _latin(char) else f"[U+{ord(char):04X}]")
        for char in clean(text)
    )


def _latin(char: str) -> bool:
    """Letters of western Europe, which T1 has: é, ü, ß, Œ."""
    return "À" <= char <= "ž" and char.isalpha()


def _colours(shape: Polygon | Line | Label) -> list[str]:
    if isinstance(shape, Label):
        return [shape.fill]
    if isinstance(shape, Polygon):
        return [shape.stroke, *([shape.fill] if shape.fill else [])]
    return [shape.stroke]


def _shape(shape: Polygon | Line | Label, sheet: Sheet, names: dict[str, str], scale: float) -> str:
    if isinstance(shape, Label):
        font = rf"\fontsize{{{shape.size * scale:.2f}bp}}{{{shape.size * scale:.2f}bp}}\selectfont"
        bold = r"\bfseries" if shape.bold else ""
        return (
            rf"\node[anchor=base,text={names[shape.fill]}] at ({_n(shape.x)},{_n(shape.y)}) "
            rf"{{{font}{bold} {tex_escape(shape.text)}}};"
        )
    wide = f"{_n(sheet.stroke(shape) * scale)}bp"
    if isinstance(shape, Polygon):
        fill = f"fill={names[shape.fill]}," if shape.fill else ""
        return rf"\draw[{fill}draw={names[shape.stroke]},line width={wide}] {_way(shape)} -- cycle;"
    return rf"\draw[draw={names[shape.stroke]},line width={wide}] {_way(shape)};"


def _way(line: Line | Polygon) -> str:
    if not line.curved:
        return " -- ".join(map(_point, line.points))
    made = _point(line.points[0])
    for at in range(1, len(line.points) - 2, 3):
        first, second, end = map(_point, line.points[at : at + 3])
        made += f" .. controls {first} and {second} .. {end}"
    return made


def _point(point: Point) -> str:
    return f"({_n(point[0])},{_n(point[1])})"


def _n(value: float) -> str:
    return f"{value:.2f}"
