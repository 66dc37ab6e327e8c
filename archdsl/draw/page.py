"""A network as a page to explore: one HTML file with data, script and colours inside, and nothing outside.

In: a checked graph and which blocks are open at first. Out: the text of the file. The reader's browser lays the picture
out, by the scripts of `assets/`; what is folded is decided in `archdsl.draw.fold`.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any, Final

from archdsl.analysis.counts import count
from archdsl.analysis.facts import FLOAT32, Fact, facts, training_only
from archdsl.analysis.memory import memory
from archdsl.analysis.receptive import Field, fields
from archdsl.diagnostics import Source, Span
from archdsl.draw.fold import Group, grouped, runs
from archdsl.draw.plan import ALL, Wish
from archdsl.draw.style import THEMES, Theme, ThemeName
from archdsl.draw.text import called, headed, typeset
from archdsl.graph import Frame, Graph, Node

__all__ = ["page_data", "to_error_page", "to_page"]

_ASSETS: Final = Path(__file__).resolve().parent / "assets"

_SCRIPT: Final = ("tree.js", "layout.js", "sheet.js", "panes.js", "page.js")
"""The page's script in the order of its parts, which share one scope."""

_FIRST: Final = 24
"""Nodes that a page shows at first, if the blocks allow it: as many as can be read without moving."""

_ATTACHED: Final = frozenset({"normalization", "activation", "dropout"})
"""Kinds of layers that stand in the node of the layer before them."""


def to_page(graph: Graph, wish: Wish = ALL, *, theme: ThemeName = "light", live: int | None = None) -> str:
    """`Path("resnet50.html").write_text(to_page(resnet50))`: about 150 KB, of which 50 KB are the layout library.

    - `wish`: `depth`, `expand` and `fold` say what is open at first, `heat` what the colours say; the reader changes
      all of it.
    - `theme`: `light` becomes dark where the reader's system is; `dark` and `print` stay as they are.
    - `live`: the number of a page that asks its server for a newer one; None for a file.
    """
    library = f"/*!\n{_asset('dagre.LICENSE').strip()}\n*/\n{_asset('dagre.min.js').strip()}"
    parts = {
        "title": escape(_printable(headed(graph))),
        "data": _embedded(page_data(graph, wish)),
        "library": library,
        "script": "".join(['"use strict";\n(() => {\n', *map(_asset, _SCRIPT), "})();\n"]),
    }
    return _filled("page.html", parts, _colours(theme) + _asset("page.css"), live)


def to_error_page(text: str, live: int) -> str:
    """A page that says what is wrong with a text, as a terminal does, until there is a newer one."""
    style = _colours("light") + "body{margin:24px;background:var(--page);color:var(--text)}"
    return _filled("error.html", {"text": escape(text)}, style, live)


def _filled(name: str, parts: dict[str, str], style: str, live: int | None) -> str:
    """A page with its parts; the policy forbids all that it does not need.

    It runs these scripts alone, and can ask for nothing but the number of a newer one, where it is live.
    """
    parts = {**parts, "style": style, "live": "", "number": ""}
    scripts = [parts[key] for key in ("library", "script") if key in parts]
    reach = ""
    if live is not None:
        script = _asset("live.js")
        scripts.append(script)
        parts |= {"live": f"<script>{script}</script>\n", "number": f' data-number="{live}"'}
        reach = "; connect-src 'self'"
    parts["policy"] = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {' '.join(map(_digest, scripts))}{reach}"
    )
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _asset(name))


def page_data(graph: Graph, wish: Wish = ALL) -> dict[str, Any]:
    """What the page's script reads, ready for JSON.

    - `nodes`: every layer and input once, by its key.
    - `boxes`: every block and every iteration; `parts` are keys, and lists of boxes: those of one list are iterations
      that are alike, which are one box until they are unfolded.
    - `root`: the parts of the network; `open`, `unfolded`: boxes that are so at first.
    """
    return _Data(graph, wish).make()


class _Data:
    """One run over one graph."""

    def __init__(self, graph: Graph, wish: Wish) -> None:
        self.graph = graph
        self.wish = wish
        self.boxes: list[dict[str, Any]] = []
        self.frames: list[Frame] = []
        self.sources: list[Source] = []

    def make(self) -> dict[str, Any]:
        graph = self.graph
        counts = count(graph)
        root = self._parts(grouped(graph), 0)
        known, seen, extra = facts(graph), fields(graph), training_only(graph)
        main = next((node.span.source for node in graph.nodes if node.span.source.text == graph.source_text), None)
        self.sources += [main] if main is not None else []
        readers = [len(keys) for keys in graph.consumers]
        for output in graph.outputs:
            readers[output.port.node] += 1
        nodes = [
            self._node(node, known[node.key], seen[node.key], counts.params[node.key], node.key in extra, readers)
            for node in graph.nodes
        ]
        kept = memory(graph, counts)
        return {
            "name": headed(graph),
            "title": graph.title,
            "totals": {
                "layers": counts.total.layers,
                "params": counts.total.params,
                "macs": counts.total.macs,
                "activations": kept.activations,
                "peak": kept.peak,
            },
            "nodes": nodes,
            "boxes": self.boxes,
            "root": root,
            "outputs": [
                {"name": output.name, "from": list(output.port), "training": output.training}
                for output in graph.outputs
            ],
            "sources": [{"name": Path(source.path).name, "text": source.text} for source in self.sources],
            "open": self._open(root),
            "unfolded": [] if self.wish.fold else [part[0] for part in self._runs(root)],
            "heat": self.wish.heat or "kind",
        }

    # ------------------------------------------------------------ the tree

    def _parts(self, group: Group, level: int) -> list[Any]:
        made: list[Any] = []
        for part, others in runs(self.graph, group.parts):
            if isinstance(part, int):
                made.append(part)
                continue
            inside = part.inside
            frame = inside.frame
            alone = len(inside.nodes) == 1 and frame.label is None
            if not others and (frame.kind == "repeat" or alone or (level > 0 and inside.wraps)):
                made += self._parts(inside, level)
            else:
                made.append([self._box(group, level) for group in (part, *others)])
                first = self.boxes[made[-1][0]]
                if others:
                    ends = self.frames[made[-1][0]], self.frames[made[-1][-1]]
                    first["range"] = frame.name if inside.wraps else typeset(called(*ends))
        return made

    def _box(self, group: Group, level: int) -> int:
        inside = group.inside
        frame = inside.frame
        number = len(self.boxes)
        path = self.graph.path(group.frame) or self.graph.path(frame)
        call = frame.name if inside.wraps else typeset(called(frame, frame))
        box: dict[str, Any] = {"path": path, "call": call}
        if frame.label is not None:
            box["label"] = frame.label
        self.boxes.append(box)
        self.frames.append(frame)
        box["parts"] = self._parts(inside, level + 1)
        return number

    def _runs(self, parts: Sequence[Any]) -> Iterator[list[int]]:
        """Every list of several boxes, at any depth."""
        pending = list(parts)
        while pending:
            part = pending.pop()
            if isinstance(part, list):
                if len(part) > 1:
                    yield part
                pending += [inner for box in part for inner in self.boxes[box]["parts"]]

    # ------------------------------------------------------------ what is open at first

    def _open(self, root: Sequence[Any]) -> list[int]:
        if self.wish.depth is not None:
            found = self._upto(root, self.wish.depth - 1)
        else:
            found = set()
            levels = 1
            while len(more := self._upto(root, levels)) > len(found) and self._shown(root, more) <= _FIRST:
                found, levels = more, levels + 1
        if self.wish.expand:
            above = self._above(root)
            for box, frame in enumerate(self.frames):
                if frame.kind == "block" and not self.wish.expand.isdisjoint((frame.name, frame.label)):
                    found |= {box, *above[box]}
        return sorted(found)

    def _upto(self, parts: Sequence[Any], levels: int) -> set[int]:
        found: set[int] = set()
        pending = [(part, levels) for part in parts]
        while pending:
            part, left = pending.pop()
            if isinstance(part, list) and left > 0:
                found.update(part)
                pending += [(inner, left - 1) for box in part for inner in self.boxes[box]["parts"]]
        return found

    def _shown(self, parts: Sequence[Any], opened: set[int]) -> int:
        number, pending = 0, list(parts)
        while pending:
            part = pending.pop()
            if isinstance(part, list) and part[0] in opened:
                boxes = part[:1] if self.wish.fold else part
                pending += [inner for box in boxes for inner in self.boxes[box]["parts"]]
            else:
                number += isinstance(part, list) or _heads(self.graph.nodes[part])
        return number

    def _above(self, root: Sequence[Any]) -> dict[int, tuple[int, ...]]:
        found: dict[int, tuple[int, ...]] = {}
        pending: list[tuple[Any, tuple[int, ...]]] = [(part, ()) for part in root]
        while pending:
            part, above = pending.pop()
            if isinstance(part, list):
                for box in part:
                    found[box] = above
                    pending += [(inner, (*above, box)) for inner in self.boxes[box]["parts"]]
        return found

    # ------------------------------------------------------------ layers

    def _node(
        self, node: Node, fact: Fact, field: Field, params: int, training: bool, readers: Sequence[int]
    ) -> dict[str, Any]:
        made: dict[str, Any] = {
            "name": self.graph.names[node.key],
            "call": typeset(node.call),
            "style": "input" if node.op is None else node.op.style,
            "in": [list(port) for port in node.inputs],
            "out": [list(shape) for shape in node.shapes],
            "at": self._place(node.span),
        }
        if node.op is not None:
            numbers = {
                "params": params,
                "buffers": fact.buffers if node.shared is None else 0,
                "macs": fact.macs,
                "work": fact.work,
                "memory": fact.elements * FLOAT32,
            }
            made |= {name: value for name, value in numbers.items() if value}
        if field.whole:
            made["field"] = "all"
        elif field.axes and node.op is not None:
            made["field"] = [[_number(x) for x in (axis.size, axis.stride, axis.padding)] for axis in field.axes]
        if node.label is not None:
            made["label"] = node.label
        if node.shared is not None:
            made["shared"] = self.graph.names[node.shared]
        if training:
            made["training"] = True
        if not _heads(node) and self._continues(node, readers):
            made["attached"] = True
        return made

    def _continues(self, node: Node, readers: Sequence[int]) -> bool:
        """Whether it stands in the node of the layer before it, which nothing else reads."""
        before = self.graph.nodes[node.inputs[0].node]
        return before.frame is node.frame and before.op is not None and readers[before.key] == 1

    def _place(self, span: Span) -> list[int]:
        """The source and its first and last line."""
        if span.source not in self.sources:
            self.sources.append(span.source)
        last = span.source.position(max(span.start, span.end - 1))[0]
        return [self.sources.index(span.source), span.line, last]


def _heads(node: Node) -> bool:
    """Whether it is not a layer that changes no size and could stand in the node before it."""
    one = len(node.inputs) == 1 and len(node.shapes) == 1
    return node.op is None or node.op.style not in _ATTACHED or not one or node.input_shapes[0] != node.shape


def _number(value: Any) -> int | float:
    return value if isinstance(value, int) else float(value)


# ---------------------------------------------------------------- the file


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _embedded(data: dict[str, Any]) -> str:
    """JSON that ends no element, opens none, and is one line to every reader of JavaScript."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = "".join(char if char.isprintable() or char > "\uffff" else f"\\u{ord(char):04x}" for char in text)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _colours(theme: ThemeName) -> str:
    """The colours of the pictures as variables of CSS."""
    base = f":root{{{_variables(THEMES[theme])};color-scheme:{'dark' if theme == 'dark' else 'light'}}}\n"
    if theme != "light":
        return base
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(THEMES['dark'])};color-scheme:dark}}}}\n"
    return base + dark


def _variables(theme: Theme) -> str:
    colours = {
        "page": theme.page,
        "text": theme.text,
        "faint": theme.faint,
        "line": theme.line,
        "border": theme.border,
        "closed": theme.closed,
        "ink": theme.ink,
    }
    colours |= {f"box{level}": fill for level, fill in enumerate(theme.boxes)}
    colours |= {f"kind-{kind}": fill for kind, fill in theme.fills.items()}
    colours |= {f"heat{step}": fill for step, (fill, _) in enumerate(((theme.warm(0, 1), 0), *theme.steps(5)))}
    return ";".join(f"--{name}:{value}" for name, value in colours.items())
