"""Pictures: what is folded, what joins what, that text stays text, and that all of it is on the page.

In: networks made by hand. Out: facts of the papers and of the graphs, found again in the plan, the DOT and the SVG.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner, Result

from archdsl.cli.draw import command
from archdsl.diagnostics import Source, Span
from archdsl.draw.image import FORMATS, ImageFormat, Page, image
from archdsl.draw.picture import Box, Piece, Plan
from archdsl.draw.plan import Wish, make_plan
from archdsl.draw.render import RenderError, render
from archdsl.draw.style import THEMES
from archdsl.graph import Frame, Graph, Node, Output, Port
from archdsl.ops.arguments import Window
from archdsl.ops.base import Op, Shape, Style
from archdsl.ops.registry import lookup, names

_SVG = "{http://www.w3.org/2000/svg}"


class Net:
    """A graph made by hand, for sizes and structures that a test wants exactly so."""

    def __init__(self, name: str, *inputs: Shape, title: str = "") -> None:
        self.name, self.title = name, title
        self.nodes: list[Node] = []
        self.frame = Frame("network", name)
        self.sites = 0
        self.outputs: list[Output] = []
        self.inputs = [self._node(None, (), (shape,), None, None) for shape in inputs]

    def _node(
        self, op: Op | None, inputs: tuple[Port, ...], shapes: tuple[Shape, ...], label: str | None, shared: int | None
    ) -> Port:
        key = len(self.nodes)
        sizes = tuple(self.nodes[port.node].shapes[port.index] for port in inputs)
        span = Span(Source("net.arch", ""), 0, 0)
        self.nodes.append(Node(key, op, inputs, sizes, shapes, self.frame, label, span, shared))
        return Port(key)

    def size(self, port: Port) -> Shape:
        return self.nodes[port.node].shapes[port.index]

    def op(self, text: str, *inputs: Port, label: str | None = None, shared: int | None = None) -> Port:
        op = _op(text)
        found = op.shape(*map(self.size, inputs))
        shapes = found if isinstance(found[0], tuple) else (found,)
        return self._node(op, inputs, shapes, label, shared)  # type: ignore[arg-type]

    def chain(self, text: str, port: Port) -> Port:
        for part in text.split(" -> "):
            port = self.op(part, port)
        return port

    def block(self, call: str, body: Callable[[], Port], *, label: str | None = None) -> Port:
        outside = self.frame
        self.sites += 1
        self.frame = Frame("block", call.partition("<")[0] or call, outside, call, label, site=self.sites)
        made = body()
        self.frame = outside
        return made

    def repeat(self, count: int, port: Port, body: Callable[[Port, int], Port]) -> Port:
        outside = self.frame
        self.sites += 1
        site = self.sites
        for index in range(count):
            self.frame = Frame("repeat", "x", outside, index=index, count=count, site=site)
            port = body(port, index)
        self.frame = outside
        return port

    def output(self, name: str, port: Port, *, training: bool = False) -> None:
        self.outputs.append(Output(name, port, training))

    def graph(self) -> Graph:
        return Graph(self.name, self.title, None, tuple(self.nodes), tuple(self.outputs))


def _op(text: str) -> Op:
    name, *words = text.split()
    found = lookup(name)
    assert found is not None
    bare = [arg for arg in found.arguments.values() if arg.kind in ("window", "positional")]
    values: dict[str, object] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals:
            values[key] = found.arguments[key].read(_value(value))
        elif bare[0].kind == "window":
            parts = re.fullmatch(r"([\dx]+)(?:/(\d+))?(?:\+(\d+))?", word)
            assert parts is not None
            kernel, stride, padding = (tuple(map(int, part.split("x"))) if part else None for part in parts.groups())
            assert kernel is not None
            values[bare.pop(0).name] = Window(kernel, stride, padding)
        else:
            arg = bare.pop(0)
            values[arg.name] = arg.read(_value(word))
    return found(**values)


def _value(text: str) -> object:
    return (
        {"true": True, "false": False}.get(text, float(text) if "." in text else text)
        if not text.isdigit()
        else int(text)
    )


def _chain(text: str, size: Shape = (32, 32, 1), title: str = "") -> Graph:
    net = Net("net", size, title=title)
    net.output("output", net.chain(text, net.inputs[0]))
    return net.graph()


def resnet(layers: tuple[int, ...] = (3, 4, 6, 3)) -> Graph:
    """ResNet-50, He et al., 2015, table 1."""
    net = Net("resnet50", (224, 224, 3), title="He, Zhang, Ren & Sun, 2015")

    def unit(x: Port, w: int, s: int) -> Port:
        def body() -> Port:
            y = net.chain(f"conv 1x1 {w} bias=false -> bn -> relu -> conv 3x3/{s}+1 {w} bias=false -> bn -> relu", x)
            y = net.chain(f"conv 1x1 {4 * w} bias=false -> bn", y)
            short = x
            if net.size(x)[-1] != 4 * w:
                short = net.block(f"project<{4 * w}>", lambda: net.chain(f"conv 1x1/{s} {4 * w} bias=false -> bn", x))
            return net.op("relu", net.op("add", y, short))

        return net.block(f"bottleneck<{w}, s={s}>", body)

    def stage(x: Port, index: int) -> Port:
        w = 64 * 2**index
        x = unit(x, w, 1 if index == 0 else 2)
        return net.repeat(layers[index] - 1, x, lambda y, _: unit(y, w, 1))

    x = net.chain("conv 7x7/2+3 64 bias=false -> bn -> relu -> maxpool 3x3/2+1", net.inputs[0])
    x = net.repeat(4, x, stage)
    net.output("output", net.chain("gap -> fc 1000", x))
    return net.graph()


def dense(layers: int = 6, growth: int = 32) -> Graph:
    """The first dense block of DenseNet-121, Huang et al., 2016."""
    net = Net("dense", (56, 56, 64))

    def layer(x: Port, _: int) -> Port:
        return net.op("concat", x, net.chain(f"bn -> relu -> conv 3x3+1 {growth} bias=false", x))

    net.output("output", net.repeat(layers, net.inputs[0], layer))
    return net.graph()


def inception() -> Graph:
    """GoogLeNet's 3a with an auxiliary output, Szegedy et al., 2014, table 1."""
    net = Net("inception", (28, 28, 192))
    x = net.inputs[0]
    y = net.block(
        "inception<64, 96, 128, 16, 32, 32>",
        lambda: net.op(
            "concat",
            net.chain("conv 1x1 64 -> relu", x),
            net.chain("conv 1x1 96 -> relu -> conv 3x3+1 128 -> relu", x),
            net.chain("conv 1x1 16 -> relu -> conv 5x5+2 32 -> relu", x),
            net.chain("maxpool 3x3/1+1 -> conv 1x1 32 -> relu", x),
        ),
    )
    net.output("output", net.chain("gap -> fc 1000", y))
    net.output("aux", net.chain("avgpool 5x5/3 -> fc 1000", y), training=True)
    return net.graph()


def _boxes(plan: Plan) -> list[Box | Piece]:
    """Everything that has a name over it, from top to bottom."""
    found: list[Box | Piece] = []
    pending: list[Box | Piece] = [plan.page]
    while pending:
        part = pending.pop()
        if isinstance(part, Box):
            pending.extend(reversed(part.parts))
        if part is not plan.page and (isinstance(part, Box) or part.caption):
            found.append(part)
    return found


def _texts(svg: bytes) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{_SVG}text")]


# ---------------------------------------------------------------- what is folded


def test_the_units_of_resnet_50_are_folded_as_the_paper_counts_them() -> None:
    units = [box for box in _boxes(make_plan(resnet())) if isinstance(box, Box)]
    # Each stage opens with a unit that has a projection; [3, 4, 6, 3] units leave 2, 3, 5 and 2 alike.
    assert [box.times for box in units] == [1, 2, 1, 3, 1, 5, 1, 2]


def test_every_layer_is_drawn_once_or_folded_once() -> None:
    graph = resnet()

    def layers(part: Box | Piece) -> int:
        inside = len(part.cells) if isinstance(part, Piece) else sum(map(layers, part.parts))
        return part.times * inside

    assert layers(make_plan(graph).page) == len(graph)
    unfolded = make_plan(graph, Wish(fold=False))
    assert sum(len(piece.cells) for piece in unfolded.pieces()) == len(graph)


def test_every_drawn_layer_is_in_the_svg_exactly_once() -> None:
    graph = inception()
    texts = Counter(_texts(image(graph, "svg")))
    calls = Counter(node.call.replace("x", "×") for node in graph.nodes if node.kind in ("conv", "gap", "fc", "concat"))
    # `gap` and `concat` have no x; `maxpool` and `relu` are left out since × would spoil their names here.
    assert {call: texts[call] for call in calls} == dict(calls)


def test_channels_that_grow_are_shown_from_first_to_last() -> None:
    # Six layers of growth 32 from 64 channels: the last one reads 64 + 5 * 32 = 224 and 256 leave.
    texts = [text.strip().replace("\N{NO-BREAK SPACE}", "") for text in _texts(image(dense(), "svg"))]
    assert "× 6" in texts
    assert "56×56×256" in texts
    assert "56×56×64…224" in texts


def test_equal_towers_side_by_side_are_two_boxes() -> None:
    net = Net("siamese", (28, 28, 1), (28, 28, 1))
    towers = [
        net.block("tower", lambda port=port: net.chain("conv 5x5 20 -> relu -> flatten", port)) for port in net.inputs
    ]  # type: ignore[misc]
    net.output("output", net.op("concat", *towers))
    assert [box.times for box in _boxes(make_plan(net.graph()))] == [1, 1]


def test_equal_blocks_one_after_the_other_are_one_box() -> None:
    net = Net("net", (28, 28, 8))
    port = net.inputs[0]
    for _ in range(3):
        port = net.block("unit<8>", lambda port=port: net.chain("conv 3x3+1 8 -> relu -> conv 3x3+1 8", port))  # type: ignore[misc]
    net.output("output", port)
    assert [box.times for box in _boxes(make_plan(net.graph()))] == [3]


def test_repeats_that_halve_the_image_are_not_alike() -> None:
    net = Net("net", (32, 32, 8))
    net.output("output", net.repeat(3, net.inputs[0], lambda port, _: net.chain("conv 3x3/2+1 8 -> relu", port)))
    plan = make_plan(net.graph())
    assert [piece.times for piece in plan.pieces()] == [1, 1, 1, 1]


def test_iterations_that_read_two_steps_back_are_folded() -> None:
    # NASNet's cells: each reads the last two, the first two read the stem.
    net = Net("cells", (8, 8, 16))
    states = [net.inputs[0], net.inputs[0]]

    def cell(port: Port, _: int) -> Port:
        y = net.op("add", net.chain("conv 3x3+1 16", states[-1]), net.chain("conv 1x1 16", states[-2]))
        states.append(y)
        return y

    net.output("output", net.repeat(6, net.inputs[0], cell))
    assert [box.times for box in _boxes(make_plan(net.graph()))] == [6]


def test_depth_closes_blocks() -> None:
    plan = make_plan(resnet(), Wish(depth=1))
    closed = [(piece.cells[0].text, piece.times) for piece in plan.pieces() if piece.cells[0].style is None]
    assert closed[:2] == [("bottleneck<64, s=1>", 1), ("bottleneck<64, s=1>", 2)]
    assert len(closed) == 8


# ---------------------------------------------------------------- what joins what


def _joined(graph: Graph) -> Counter[tuple[str, str]]:
    """Edges by the names of layers, forks passed through."""
    plan = make_plan(graph)
    names_of = {piece.id: piece.name if piece.cells else "" for piece in plan.pieces()}
    above = {edge.head: edge.tail for edge in plan.edges if not names_of[edge.head]}
    found: Counter[tuple[str, str]] = Counter()
    for edge in plan.edges:
        tail = edge.tail
        while not names_of[tail]:
            tail = above[tail]
        if names_of[edge.head]:
            found[names_of[tail], names_of[edge.head]] += 1
    return found


def test_edges_join_what_the_graph_joins() -> None:
    assert _joined(inception()) == Counter(
        {
            ("input", "inception.conv1"): 1,
            ("input", "inception.conv2"): 1,
            ("input", "inception.conv4"): 1,
            ("input", "inception.maxpool"): 1,
            ("inception.conv1", "inception.concat"): 1,
            ("inception.conv2", "inception.conv3"): 1,
            ("inception.conv3", "inception.concat"): 1,
            ("inception.conv4", "inception.conv5"): 1,
            ("inception.conv5", "inception.concat"): 1,
            ("inception.maxpool", "inception.conv6"): 1,
            ("inception.conv6", "inception.concat"): 1,
            ("inception.concat", "gap"): 1,
            ("gap", "fc1"): 1,
            ("inception.concat", "avgpool"): 1,
            ("avgpool", "fc2"): 1,
        }
    )


def test_a_tensor_added_to_itself_has_two_edges() -> None:
    net = Net("twice", (8, 8, 4))
    net.output("output", net.op("add", net.inputs[0], net.inputs[0]))
    assert _joined(net.graph()) == Counter({("input", "add"): 2})


def test_a_box_is_entered_once_by_one_tensor() -> None:
    plan = make_plan(inception())
    (box,) = [part for part in plan.page.parts if isinstance(part, Box)]
    inside = {piece.id for part in box.parts if isinstance(part, Piece) for piece in [part]}
    assert sum(edge.head in inside and edge.tail not in inside for edge in plan.edges) == 1


def test_sizes_are_written_where_they_change() -> None:
    # VGG's first convolutions keep 8x8x4; the pool halves it; the last one is the output's own.
    texts = [
        text.strip("\N{NO-BREAK SPACE} ")
        for text in _texts(image(_chain("conv 3x3+1 4 -> conv 3x3+1 4 -> maxpool 2x2 -> fc 10", (8, 8, 3)), "svg"))
    ]
    assert [text for text in texts if re.fullmatch(r"[\d×]+", text)].count("8×8×4") == 1
    assert "4×4×4" in texts


# ---------------------------------------------------------------- text stays text

HOSTILE = (
    '</script><b>"',
    r"\N \G \E \T \L \l \\",
    "&lt;script&gt; &amp;lt; &#92;N",
    "<!-- --> ]]> <![CDATA[",
    "'; digraph { a -> b } //",
    "{0} %s $x `id`",
)


def hostile(text: str, *, label: str | None = None) -> Graph:
    """A network with a text wherever a name can stand; `label` is that of its block."""
    net = Net(text, (8, 8, 4), title=text)
    port = net.block(text, lambda: net.chain("conv 3x3 4 -> maxpool 2x2", net.inputs[0]), label=label)
    net.output(text, net.op("conv 1x1 4", port, label=text))
    return net.graph()


@pytest.mark.parametrize("text", HOSTILE)
def test_text_shows_as_itself_everywhere(text: str) -> None:
    net = Net(text, (8, 8, 4), title=text)
    port = net.block(text, lambda: net.chain("conv 3x3 4 -> maxpool 2x2", net.inputs[0]))
    port = net.op("conv 1x1 4", port, label=text)
    net.output(text, port)
    net.outputs.append(Output("second", net.op("conv 1x1 4", port, shared=port.node)))
    shown = [line.replace("\N{NO-BREAK SPACE}", " ").strip() for line in _texts(image(net.graph(), "svg"))]
    # The heading, the title, the box, the label of the layer, the output; and the layer that uses its weights.
    assert sum(line == text for line in shown) == 5
    assert any(line.startswith("weights of ") and line.endswith(text) for line in shown)


def test_control_characters_show_as_escapes() -> None:
    shown = _texts(image(_chain("conv 1x1 4", title="a\x00b\x1b[31m\u202ec"), "svg"))
    assert any("a\\u0000b\\u001b[31m\\u202ec" in line for line in shown)


# ---------------------------------------------------------------- the page


@pytest.mark.parametrize("make", [resnet, dense, inception])
def test_nothing_lies_outside_the_page(make: Callable[[], Graph]) -> None:
    root = ElementTree.fromstring(image(make(), "svg"))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    group = root[0] if root[0].tag == f"{_SVG}g" else root.find(f"{_SVG}g")
    assert group is not None
    shift = re.search(r"translate\(([\d.]+) ([\d.]+)\)", group.attrib["transform"])
    assert shift is not None
    dx, dy = map(float, shift.groups())
    for shape in [*root.iter(f"{_SVG}polygon"), *root.iter(f"{_SVG}path")]:
        numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", shape.attrib.get("points") or shape.attrib["d"])]
        assert all(-0.5 <= x + dx <= width + 0.5 for x in numbers[0::2])
        assert all(-0.5 <= y + dy <= height + 0.5 for y in numbers[1::2])


def test_a_long_network_stands_in_columns_and_a_short_one_does_not() -> None:
    def shape(graph: Graph) -> float:
        root = ElementTree.fromstring(image(graph, "svg", Wish(depth=9)))
        return float(root.attrib["height"].removesuffix("pt")) / float(root.attrib["width"].removesuffix("pt"))

    # A page is 1.4 times as high as it is wide; in one line ResNet-50 is more than ten times as long as it is wide.
    assert 0.7 < shape(resnet()) < 2.8
    assert image(_chain("conv 5x5 6 -> tanh -> avgpool 2x2 -> fc 10"), "dot").count(b"foot") == 0
    right = image(resnet(), "dot", page=Page(direction="right"))
    assert b"foot" not in right
    assert b"rankdir=LR" in right


def test_parameters_are_those_of_lecun_1998() -> None:
    # C1 of LeNet-5: 5*5*1*6 weights and 6 biases, "156 trainable parameters", and 28*28*6*25 = 117,600 MACs.
    shown = _texts(image(_chain("conv 5x5 6"), "svg", Wish(show=("params", "macs"))))
    assert "156 params" in shown
    assert "118K MACs" in shown


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("format", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("dot", b"digraph")]
)
def test_formats(format: ImageFormat, magic: bytes) -> None:
    graph = resnet()
    made = image(graph, format)
    assert made.startswith(magic)
    assert made == image(graph, format)


def test_the_same_text_gives_the_same_bytes_in_another_process() -> None:
    script = (
        "import sys; sys.path.insert(0, 'tests'); import test_draw as t; print(t.image(t.resnet(), 'svg').decode())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_dot_on_the_path_serves_where_there_is_no_pygraphviz(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RenderError, match="pip install pygraphviz"):
        render("digraph { a }", "svg")
    command = tmp_path / "dot"
    command.write_text('#!/bin/sh\necho "made with $1 $2"\n')
    command.chmod(0o755)
    assert render("digraph { a }", "svg") == b"made with -Kdot -Tsvg\n"


def test_a_pygraphviz_that_cannot_be_loaded_is_told_from_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # What a bare Debian says, where no system package has brought GLib.
    said = "libgobject-2.0.so.0: cannot open shared object file: No such file or directory"
    (tmp_path / "pygraphviz.py").write_text(f"raise ImportError({said!r})\n")
    monkeypatch.delitem(sys.modules, "pygraphviz", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RenderError, match=rf"cannot be loaded: {said}; .*apt-get install graphviz"):
        render("digraph { a }", "svg")


def test_what_graphviz_refuses_is_an_error() -> None:
    with pytest.raises(RenderError):
        render("digraph {", "svg")


# ---------------------------------------------------------------- ops bring their own style


def test_every_theme_has_a_colour_for_every_kind_of_layer() -> None:
    for theme in THEMES.values():
        assert set(theme.fills) == set(get_args(Style))
        assert len(set(theme.fills.values())) >= len(theme.fills) - 1


@pytest.mark.parametrize("theme", THEMES)
def test_themes_differ_in_colour_alone(theme: str) -> None:
    graph = inception()
    strip = re.compile(rb"#[0-9a-f]{6}")
    assert strip.sub(b"", image(graph, page=Page(theme=theme))) == strip.sub(b"", image(graph))  # type: ignore[arg-type]


def test_draw_names_no_op() -> None:
    # `attention` is also a kind of layer, and `pad` is what Graphviz calls a margin.
    allowed = {*get_args(Style), "pad"}
    for path in (Path(__file__).parent.parent / "archdsl" / "draw").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words = {
            leaf.value for leaf in ast.walk(tree) if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
        }
        assert not (words & set(names())) - allowed, path.name


def test_formats_are_named_once() -> None:
    assert set(FORMATS) == set(get_args(ImageFormat))


# ---------------------------------------------------------------- the command

_LENET = """arch lenet "LeCun, 1998"
input 32x32x1
conv 5x5 6 -> tanh -> avgpool 2 -> conv 5x5 16 -> tanh -> avgpool 2 -> conv 5x5 120 -> tanh -> fc 84 -> tanh -> fc 10
variant small = lenet
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "lenet.arch").write_text(_LENET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*args: str) -> Result:
    return CliRunner().invoke(command, args)


def test_the_suffix_decides_the_format(folder: Path) -> None:
    for format, magic in {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph"}.items():
        ran = _run("lenet.arch", "-o", f"out.{format}")
        assert ran.exit_code == 0, ran.output
        assert (folder / f"out.{format}").read_bytes().startswith(magic)
        assert f"wrote out.{format}" in ran.output


def test_the_picture_is_named_after_the_network(folder: Path) -> None:
    assert _run("lenet.arch").exit_code == 0
    assert _run("lenet.arch:small").exit_code == 0
    assert {path.name for path in folder.glob("*.svg")} == {"lenet.svg", "small.svg"}


def test_dots_per_inch(folder: Path) -> None:
    def width(dpi: int) -> int:
        assert _run("lenet.arch", "-o", "out.png", "--dpi", str(dpi)).exit_code == 0
        return int.from_bytes((folder / "out.png").read_bytes()[16:20])  # width, in the PNG's first chunk

    assert width(288) == pytest.approx(2 * width(144), abs=4)


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["-o", "out.gif"], ".svg, .png, .pdf, .dot"),
        (["-o", "out"], ".svg, .png, .pdf, .dot"),
        (["-o", "out.svg", "--dpi", "300"], "--dpi does not go with svg"),
        (["--show", "params,weight"], "`weight` is not one of params, macs"),
        (["--depth", "0"], "--depth"),
    ],
)
def test_a_wrong_use_is_exit_2_and_writes_nothing(folder: Path, args: list[str], word: str) -> None:
    ran = _run("lenet.arch", *args)
    assert ran.exit_code == 2
    assert word in ran.output
    assert [path.name for path in folder.iterdir()] == ["lenet.arch"]


def test_a_folder_that_is_not_there_is_said(folder: Path) -> None:
    ran = _run("lenet.arch", "-o", "nowhere/out.svg")
    assert ran.exit_code == 1
    assert "cannot write nowhere/out.svg: No such file or directory" in ran.output
