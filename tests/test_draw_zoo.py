"""Every picture of the networks of `specs/`: layers, edges, counts, and that all text is where it belongs.

In: the SVG alone, read back. Out: the graph, found again in it. A few networks here; `make zoo`, which sets
ARCHDSL_ZOO=all, draws all.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest

from archdsl.draw.image import image
from archdsl.draw.plan import Wish
from archdsl.graph import Graph
from tests import zoo
from tests.drawn import Box, Drawn, Node, Place, Text, read

_SAMPLE = {
    "lenet5", "alexnet", "resnet50", "googlenet", "densenet121", "unet", "siamese", "fractalnet20", "vit_b_16",
    "shufflenet_v2_x1_0", "inception_naive", "stochastic_depth110", "r3d_18", "squeezenet1_0_complex",
}  # fmt: skip

_ENTRIES = [e for e in zoo.entries() if os.environ.get("ARCHDSL_ZOO") == "all" or e.name in _SAMPLE]
_ALL = Wish(depth=99)
"""More levels of blocks than any network of `specs/` has."""
_WIDE = {"inception_resnet_v2"}
"""Networks that take both columns, 7 inches: the stem alone is wider than one, and is no block that could be closed."""
_TIMES = re.compile(r"× (\d+)")


@dataclass(frozen=True)
class _Layer:
    """One cell of the picture: the word of its op, its layer in the graph, how many layers it stands for."""

    word: str
    key: int
    times: int
    inside: tuple[int, ...] = ()
    """Of a closed block all layers in it."""


@dataclass(frozen=True)
class _Found:
    """The layers of every node of the picture."""

    of: dict[str, tuple[_Layer, ...]]


@pytest.mark.parametrize("entry", _ENTRIES, ids=str)
def test_a_picture_shows_its_network(entry: zoo.Entry) -> None:
    graph = entry.graph()
    drawn = read(image(graph, "svg", _ALL))
    found = _layers(drawn, graph)
    _every_layer_once(graph, found)
    _edges_join(drawn, graph, found)
    _lines_end_where_they_say(drawn)
    _nothing_overflows(drawn)


@pytest.mark.parametrize("entry", _ENTRIES, ids=str)
def test_the_picture_that_nothing_was_asked_of_can_be_read_in_a_column(entry: zoo.Entry) -> None:
    graph = entry.graph()
    svg = image(graph, "svg")
    drawn = read(svg)
    found = _layers(drawn, graph)
    _every_layer_once(graph, found)
    _edges_join(drawn, graph, found)
    _lines_end_where_they_say(drawn)
    _nothing_overflows(drawn)
    # A column is 88 mm wide, 249.4 points, a page 9.5 inches high; no journal prints text below 5 points.
    wide = 504 if entry.name in _WIDE else 249.4
    smallest = min(map(float, re.findall(rb'font-size="([\d.]+)"', svg)))
    assert smallest * min(wide / drawn.page.right, 684 / drawn.page.bottom) >= 5


@pytest.mark.parametrize("entry", [e for e in _ENTRIES if len(e.graph()) < 600], ids=str)
def test_a_picture_with_every_iteration_shows_its_network(entry: zoo.Entry) -> None:
    graph = entry.graph()
    drawn = read(image(graph, "svg", Wish(fold=False)))
    found = _layers(drawn, graph)
    layers = [layer for own in found.of.values() for layer in own]
    assert sorted(layer.key for layer in layers) == list(range(len(graph)))
    assert {layer.times for layer in layers} == {1}
    _edges_join(drawn, graph, found)
    _nothing_overflows(drawn)


# ---------------------------------------------------------------- what is there


def _layers(drawn: Drawn, graph: Graph) -> _Found:
    keys = {name: key for key, name in enumerate(graph.names)}
    of: dict[str, tuple[_Layer, ...]] = {}
    for node in drawn.nodes:
        assert node.name not in of, node.name
        cells = [texts for box, texts in node.cells if not _is_caption(box, node)]
        counts = [texts for texts in cells if _times(texts) > 1]
        words = [_word(texts) for texts in cells if texts not in counts]
        if not words or node.name.startswith("output "):
            of[node.name] = ()
            continue
        key = keys[node.name] if node.name in keys else int(node.name.removeprefix("node "))
        assert len(counts) <= 1
        times = _times(counts[0]) if counts else 1
        for cluster in drawn.clusters:
            if cluster.box.holds(node.box):
                times *= _times(cluster.texts)
        if inside := _inside(graph, key, next(text.text for text in cells[0] if not text.bold)):
            assert len(words) == 1
            of[node.name] = (_Layer("", key, times, inside),)
            continue
        own = [_Layer(words[0], key, times)]
        for word in words[1:]:
            # The layers of one node follow each other, so that the next one reads this one and nothing else.
            readers = [
                k for k in graph.consumers[key] if len(graph.nodes[k].inputs) == 1 and graph.nodes[k].kind == word
            ]
            assert readers, (node.name, words)
            key = readers[0]
            own.append(_Layer(word, key, times))
        of[node.name] = tuple(own)
        assert [graph.nodes[layer.key].kind for layer in own] == words
    return _Found(of)


def _inside(graph: Graph, key: int, shown: str) -> tuple[int, ...]:
    """The layers of the block whose call a node shows, the outermost around its first layer; none for a layer."""
    name, _, given = shown.rpartition(": ")[2].partition("<")
    for frame in graph.nodes[key].frame.path():
        call = re.sub(r"(?<=\d)x(?=\d)", "×", frame.call or frame.name)
        # Of iterations that differ the call is shown from the first to the last, `drop<0.1…0.5>`.
        said = "…" in shown or shown.endswith(name) or _is_call(given, call.partition("<")[2])
        if frame.kind == "block" and frame.name == name and said:
            found = tuple(node.key for node in graph.nodes if frame in node.frame.path())
            if found[0] == key:
                return found
    return ()


def _is_call(shown: str, whole: str) -> bool:
    """Whether the arguments that are shown are those of a call, but for some that have a default, `s=1`."""
    left = whole.removesuffix(">").split(", ")
    for argument in shown.removesuffix(">").split(", "):
        while left and left[0] != argument and "=" in left[0]:
            left.pop(0)
        if not left or left.pop(0) != argument:
            return False
    return all("=" in argument for argument in left)


def _every_layer_once(graph: Graph, found: _Found) -> None:
    layers = [layer for own in found.of.values() for layer in own]
    assert len({layer.key for layer in layers}) == len(layers)
    shown: Counter[str] = Counter()
    for layer in layers:
        for key in layer.inside or (layer.key,):
            shown[graph.nodes[key].kind] += layer.times
    assert shown == Counter(node.kind for node in graph.nodes)


def _word(texts: tuple[Text, ...]) -> str:
    return next(text.text for text in texts if not text.bold).partition(" ")[0]


def _is_caption(box: Box, node: Node) -> bool:
    return any(abs(box.bottom - below.top) < 0.5 for below, _ in node.cells)


def _times(texts: tuple[Text, ...]) -> int:
    found = [match[1] for text in texts if text.bold and (match := _TIMES.fullmatch(text.text))]
    assert len(found) <= 1
    return int(found[0]) if found else 1


# ---------------------------------------------------------------- what joins what


def _edges_join(drawn: Drawn, graph: Graph, found: _Found) -> None:
    layers = [(layer, name) for name, own in found.of.items() for layer in own]
    home = {key: name for layer, name in layers for key in layer.inside or (layer.key,)}
    times = {layer.key: layer.times for layer, _ in layers}
    wanted: Counter[tuple[str, str]] = Counter()
    folded: Counter[str] = Counter()
    for layer, name in layers:
        ports = [port for key in layer.inside or (layer.key,) for port in graph.nodes[key].inputs]
        # A closed block reads a tensor once, however many of its layers do.
        for port in dict.fromkeys(ports) if layer.inside else ports:
            if port.node not in home:
                folded[name] += 1
            elif home[port.node] != name:
                wanted[home[port.node], name] += 1
    for index, output in enumerate(graph.outputs):
        if output.port.node in home:
            wanted[home[output.port.node], f"output {index}"] += 1
        else:
            folded[f"output {index}"] += 1
    shown = _joined(drawn, found)
    assert not wanted - shown
    # What reads a layer that is folded away reads the one that stands for it.
    for (tail, head), count in (shown - wanted).items():
        folded[head] -= count
        assert max(times[layer.key] for layer in found.of[tail]) > 1
    assert not any(folded.values())


def _joined(drawn: Drawn, found: _Found) -> Counter[tuple[str, str]]:
    """The edges, led through forks and from the foot of a column to the top of another."""
    passed = {name for name in found.of if not found.of[name] and name.startswith(("node ", "foot ", "top "))}
    above = {edge.head: edge.tail for edge in drawn.edges if edge.head in passed}
    joined: Counter[tuple[str, str]] = Counter()
    for edge in drawn.edges:
        if edge.head in passed:
            continue
        tail = edge.tail
        while tail in passed:
            tail = above[tail]
        joined[tail, edge.head] += 1
    return joined


def _lines_end_where_they_say(drawn: Drawn) -> None:
    boxes = {node.name: node.box for node in drawn.nodes}
    for edge in drawn.edges:
        assert boxes[edge.tail].away(edge.line[0]) < 3, (edge.tail, edge.head)
        # Of an output there is only the text, with some room around it.
        assert boxes[edge.head].away(edge.tip) < (6 if edge.head.startswith("output ") else 3), (edge.tail, edge.head)


# ---------------------------------------------------------------- where it is


def _nothing_overflows(drawn: Drawn) -> None:
    for box in drawn.shapes:
        assert drawn.page.holds(box)
    for text in drawn.all_texts():
        assert drawn.page.holds(text.box), text
    for cluster in drawn.clusters:
        for text in cluster.texts:
            assert cluster.box.holds(text.box), text
    for node in drawn.nodes:
        for box, texts in node.cells:
            for text in texts:
                assert box.holds(text.box), (node.name, text)
    _no_line_through_titles(drawn)
    for node, other in _pairs(drawn):
        assert not node.box.meets(other.box), (node.name, other.name)


def _no_line_through_titles(drawn: Drawn) -> None:
    """In bands of the page, since every title beside every line would take minutes."""
    band = 20
    lines: dict[int, list[Place]] = {}
    for edge in drawn.edges:
        for x, y in (place for ends in pairwise(edge.line) for place in _along(*ends)):
            lines.setdefault(int(y // band), []).append((x, y))
    for text in (text for cluster in drawn.clusters for text in cluster.texts):
        box = text.box
        for at in range(int(box.top // band), int(box.bottom // band) + 1):
            assert not any(box.away(place) == 0 for place in lines.get(at, ())), text


def _along(start: Place, end: Place) -> Iterator[Place]:
    """Points on a straight line, at most two apart."""
    steps = max(1, math.ceil(math.dist(start, end) / 2))
    for step in range(steps + 1):
        share = step / steps
        yield start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _pairs(drawn: Drawn) -> list[tuple[Node, Node]]:
    """Nodes beside each other: in the order of their left sides, up to where the next begins right of it."""
    order = sorted(drawn.nodes, key=lambda node: node.box.left)
    found = []
    for index, node in enumerate(order):
        for other in order[index + 1 :]:
            if other.box.left > node.box.right:
                break
            found.append((node, other))
    return found
