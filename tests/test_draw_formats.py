"""Pictures as text for other programs, and what can be asked of a picture: TeX, Mermaid, depth, heat, tables, width.

In: networks of `specs/` and hostile names. Out: the network and the names, read back by the rules of the other program.
"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import archdsl
from archdsl.cli.draw import command
from archdsl.draw.image import STYLES, ImageFormat, Misfit, Page, StyleName, image
from archdsl.draw.mermaid import mermaid_escape
from archdsl.draw.picture import Cell
from archdsl.draw.plan import Wish, make_plan
from archdsl.draw.style import THEMES
from archdsl.draw.text import quantity, ranged
from archdsl.draw.tikz import tex_escape
from archdsl.graph import Graph
from tests import zoo
from tests.drawn import read
from tests.test_draw import HOSTILE, Net, hostile

_SAMPLE = {"lenet5", "resnet50", "googlenet", "unet", "siamese", "vit_b_16", "densenet121"}
_ENTRIES = [e for e in zoo.entries() if os.environ.get("ARCHDSL_ZOO") == "all" or e.name in _SAMPLE]
_NAMES = (
    *HOSTILE,
    "#1; #quot; #35;",
    "1. a * b _c_ ~~d~~ `e`",
    "%% end subgraph --> |x|",
    r"\input{a} $x$ a&b #1 ~^_%",
    "é ß 中 ✓",
)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("text", _NAMES)
def test_svg_shows_text_as_it_is(text: str, style: StyleName) -> None:
    root = ElementTree.fromstring(image(hostile(text), "svg", page=Page(style)))
    shown = [
        "".join(found.itertext()).replace("\N{NO-BREAK SPACE}", " ").strip()
        for found in root.iter()
        if "text" in found.tag
    ]
    # The heading and the title; the label of the layer and the output have more beside it.
    assert shown.count(text) >= 2
    assert sum(text in line for line in shown) >= 4


# ---------------------------------------------------------------- TeX

_TEX = {
    "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textless": "<", "textgreater": ">",
    "textbar": "|", "textquotedbl": '"', "textquotesingle": "'", "textasciigrave": "`", "ldots": "…",
    "textperiodcentered": "·", "times": "×", "le": "≤", "rightarrow": "→",
}  # fmt: skip
"""What these commands print, after "The Comprehensive LaTeX Symbol List" (Pakin)."""


def _printed(tex: str) -> str:
    """What TeX prints of a text; an assertion fails on what would be a command, a comment or mathematics."""
    found, at = "", 0
    while at < len(tex):
        if named := re.compile(r"\\([a-zA-Z]+)(\{\})?").match(tex, at):
            found, at = found + _TEX[named[1]], named.end()
        elif math := re.compile(r"\$\\([a-z]+)\$").match(tex, at):
            found, at = found + _TEX[math[1]], math.end()
        elif held := re.compile(r"\{([-,?!])\}").match(tex, at):
            found, at = found + held[1], held.end()
        elif tex[at] == "\\":
            assert tex[at + 1] in "{}$&#%_"
            found, at = found + tex[at + 1], at + 2
        else:
            assert tex[at] not in "{}$&#%_~^"
            found, at = found + tex[at], at + 1
    return re.sub(r"\[U\+([0-9A-F]{4,6})\]", lambda match: chr(int(match[1], 16)), found)


@pytest.mark.parametrize("text", _NAMES)
def test_tex_prints_text_as_it_is(text: str) -> None:
    assert _printed(tex_escape(text)) == text


@pytest.mark.parametrize("style", ["graph", "volumes"])
@pytest.mark.parametrize("text", _NAMES)
def test_a_tex_document_is_whole_whatever_its_names(text: str, style: str) -> None:
    tex = image(hostile(text), "tex", page=Page(style)).decode()  # type: ignore[arg-type]
    _is_document(tex)
    shown = [_printed(match) for match in re.findall(r"\\selectfont(?:\\bfseries)? (.*)\};$", tex, re.MULTILINE)]
    # Names may stand in a row with spaces that TeX makes one of.
    wanted = " ".join(text.split())
    assert sum(wanted in " ".join(line.split()) for line in shown) >= 3


@pytest.mark.parametrize("entry", _ENTRIES, ids=str)
def test_every_network_is_a_tex_document(entry: zoo.Entry) -> None:
    graph = entry.graph()
    for style in ("graph", "table", "volumes"):
        if style == "table" and len(graph) > 300:
            continue  # a document of megabytes
        _is_document(image(graph, "tex", page=Page(style)).decode())


def _is_document(tex: str) -> None:
    lines = tex.splitlines()
    assert lines[0] == r"\documentclass[tikz,border=0pt]{standalone}"
    assert lines[-2:] == [r"\end{tikzpicture}", r"\end{document}"]
    assert Counter(re.findall(r"\\(begin|end)\{", tex)) == {"begin": 2, "end": 2}
    depth = 0
    for brace in re.findall(r"(?<!\\)(?:\\\\)*([{}])", tex):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    # T1, which the document loads, has the letters of western and central Europe.
    assert all(char.isascii() or "À" <= char <= "ž" for char in tex)
    known = set(re.findall(r"\\definecolor\{(\w+)\}", tex))
    assert set(re.findall(r"(?:fill|draw|text)=(\w+)", tex)) <= known
    body = lines[lines.index(r"\begin{document}") + 2 : -2]
    assert all(line.startswith((r"\fill", r"\draw[", r"\node[")) and line.endswith(";") for line in body)


# ---------------------------------------------------------------- Mermaid


def _shown(mermaid: str) -> str:
    """What a browser shows of a quoted text: marks out, numbers back into signs."""
    text = re.sub(r"<br/>|</?b>", " ", mermaid)
    assert not set(text) & set('<>"`&')
    return re.sub(r"#(\d+);", lambda match: chr(int(match[1])), text)


@pytest.mark.parametrize("text", _NAMES)
def test_mermaid_shows_text_as_it_is(text: str) -> None:
    assert _shown(mermaid_escape(text)) == text
    made = image(hostile(text), "mmd").decode()
    shown = [_shown(match) for match in re.findall(r'\["?(?:\(\[)?"?(.*?)"\]?\)?\]', made)]
    # The box, the label of the layer, the output.
    assert sum(text in line for line in shown) == 3


@pytest.mark.parametrize("entry", _ENTRIES, ids=str)
def test_every_network_is_a_mermaid_flowchart(entry: zoo.Entry) -> None:
    graph = entry.graph()
    lines = image(graph, "mmd", Wish(fold=False)).decode().splitlines()
    assert lines[0].startswith("%% ")
    assert lines[1] == "flowchart TB"
    nodes = [match for line in lines if (match := re.fullmatch(r' *(n\d+)\["(.*)"\]:::(\w+)', line))]
    forks = {match[1] for line in lines if (match := re.fullmatch(r' *(n\d+)\(\(" "\)\):::fork', line))}
    outs = {match[1] for line in lines if (match := re.match(r" *(out\d+)\(\[", line))}
    names = [match[1] for match in nodes]
    assert len(set(names)) == len(names)
    # Layers of one node are separated by a bar.
    assert sum(match[2].count(" #124; ") + 1 for match in nodes) == len(graph)
    edges = [match for line in lines if (match := re.fullmatch(r' *(\w+) -->(?:\|"[^"|]*"\|)? (\w+)', line))]
    ends = {end for match in edges for end in (match[1], match[2])}
    assert ends <= {*names, *forks, *outs}
    assert len(outs) == len(graph.outputs)
    assert sum("subgraph" in line for line in lines) == sum(line.strip() == "end" for line in lines)
    classes = {match[1] for line in lines if (match := re.match(r" *classDef (\w+) ", line))}
    assert {match[3] for match in nodes} <= classes


# ---------------------------------------------------------------- what can be asked


def _cells(graph: Graph, wish: Wish) -> list[Cell]:
    return [cell for piece in make_plan(graph, wish).pieces() for cell in piece.cells]


def test_expanding_opens_blocks_below_the_depth_and_every_one_of_them() -> None:
    graph = zoo.graph("resnet50")
    closed = _cells(graph, Wish(depth=1))
    assert [cell.text for cell in closed if cell.style is None] == [
        f"stage<{n}, {w}, {s}>" for n, w, s in ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2))
    ]
    opened = make_plan(graph, Wish(depth=1, expand=frozenset({"bottleneck"})))
    # He et al., 2015, Table 1: 3 + 4 + 6 + 3 units of three convolutions, 4 projections, and the first layer.
    assert sum(cell.text.startswith("conv") for p in opened.pieces() for cell in p.cells) == 3 * 16 + 4 + 1
    assert {piece.times for piece in opened.pieces()} == {1}


def test_a_block_that_would_be_one_node_is_open() -> None:
    net = Net("net", (8, 8, 4))
    net.output("output", net.block("unit<4>", lambda: net.chain("conv 3x3+1 4 -> bn -> relu", net.inputs[0])))
    assert [cell.text for cell in _cells(net.graph(), Wish(depth=1))] == ["input 8x8x4", "conv 3x3+1 4", "bn", "relu"]


def test_a_block_that_is_not_there_is_said() -> None:
    with pytest.raises(Misfit, match="did you mean `bottleneck`"):
        image(zoo.graph("resnet50"), "dot", Wish(expand=frozenset({"botleneck"})))


def test_receptive_fields_are_those_of_alexnet() -> None:
    # Araujo, Norris & Sim, Distill, 2019: AlexNet sees 195x195 at its last pooling; conv1 sees its own 11x11.
    found = {cell.text: cell.field for cell in _cells(zoo.graph("alexnet"), Wish(fold=False, show=("rf",)))}
    assert found["conv 11x11/4 96"] == "11×11"
    assert [field for text, field in found.items() if text.startswith("maxpool")][-1] == "195×195"
    assert found["relu"] == ""


def test_heat_is_the_share_of_the_largest_layer() -> None:
    graph = zoo.graph("lenet5")
    plan = make_plan(graph, Wish(heat="macs"))
    # LeCun et al., 1998: C5 has 120 maps of 5x5 over 16, 48,000; C3 here reads all 6 maps: 10*10*16*5*5*6 = 240,000.
    assert plan.heat is not None
    assert plan.heat.most == 240_000
    light = THEMES["light"]
    assert light.warm(0, 240_000) == "#ffffff"
    steps = light.steps(240_000)
    assert [value for _, value in steps] == [48_000, 96_000, 144_000, 192_000, 240_000]
    assert [light.warm(value, 240_000) for _, value in steps] == [fill for fill, _ in steps]
    assert light.warm(48_001, 240_000) == steps[1][0]


def test_the_legend_has_the_kinds_that_occur_and_no_other() -> None:
    # LeNet-5 convolves, pools, has tanh and fully connected layers; closed blocks have a word of their own.
    assert {text.text for text in read(image(zoo.graph("lenet5"))).texts if text.text.islower()} == {
        "lenet5", "convolution", "pooling", "activation", "linear",
    }  # fmt: skip
    closed = image(zoo.graph("resnet50"), "tex", Wish(depth=1)).decode()
    assert re.findall(r"\\selectfont (block|merge)\}", closed) == ["block"]


def test_dot_text_joins_what_the_graph_joins() -> None:
    graph = zoo.graph("resnet50")
    dot = image(graph, "dot", Wish(fold=False)).decode()
    edges = re.findall(r"^\t+(\"[^\"]*\"|\S+) -> (\"[^\"]*\"|\S+) \[", dot, re.MULTILINE)
    names = set(graph.names)
    joined = {(a.strip('"'), b.strip('"')) for a, b in edges}
    # From the input to the classifier over edges alone.
    reached, pending = set(), ["input"]
    while pending:
        name = pending.pop()
        reached.add(name)
        pending += [b for a, b in joined if a == name and b not in reached]
    assert {"fc", "output 0"} <= reached
    assert {a for a, _ in joined} <= {*names, *(f"node {key}" for key in range(len(graph), 2 * len(graph)))}


def test_a_table_says_what_keras_does() -> None:
    # `plot_model(show_shapes=True)` prints input and output of every layer; LeCun et al., 1998: C1 has 156 weights.
    cells = _cells(zoo.graph("lenet5"), Wish(table=True))
    assert [cell.rows for cell in cells if cell.text == "conv 5x5 6"] == [
        (("kernel", "5×5"), ("input", "32×32×1"), ("output", "28×28×6"), ("params", "156"))
    ]
    drawn = read(image(zoo.graph("lenet5"), "svg", page=Page("table")))
    shown = Counter(text.text for text in drawn.all_texts())
    assert shown["156"] == 1
    assert shown["28×28×6"] >= 2
    for node in drawn.nodes:
        for box, texts in node.cells:
            assert all(box.holds(text.box) for text in texts), node.name


@pytest.mark.parametrize("entry", _ENTRIES, ids=str)
def test_every_layer_is_a_table_of_its_own(entry: zoo.Entry) -> None:
    graph = entry.graph()
    pieces = [piece for piece in make_plan(graph, Wish(fold=False, table=True)).pieces() if piece.cells]
    assert [len(piece.cells) for piece in pieces] == [1] * len(graph)
    for piece in pieces:
        node, rows = graph.nodes[piece.cells[0].key], dict(piece.cells[0].rows)
        assert node.op is None or rows["output"].split(", ")[0] == "×".join(map(str, node.shape))


def test_a_picture_for_a_column_is_as_wide_as_it() -> None:
    # 88 mm are 249.4 points.
    def size(width: float | None) -> tuple[float, float]:
        root = ElementTree.fromstring(image(zoo.graph("resnet50"), "svg", page=Page(width=width)))
        return float(root.attrib["width"].removesuffix("pt")), float(root.attrib["height"].removesuffix("pt"))

    wide, high = size(249.4)
    # A page is 9.5 inches high.
    assert wide <= 250
    assert high <= 685
    assert wide >= 248 or high >= 683


@pytest.mark.parametrize("style", STYLES)
def test_a_pdf_is_as_wide_as_its_column(style: StyleName) -> None:
    # 88 mm are 249.4 points, to which the page adds nothing.
    made = image(zoo.graph("googlenet"), "pdf", page=Page(style, width=249.4))
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", made)
    assert box is not None
    assert float(box[1]) <= 250
    assert float(box[2]) <= 685


def test_of_blocks_that_are_alike_the_first_is_open() -> None:
    # GoogLeNet has nine inception modules, 3a to 5b, and two heads for training (Szegedy et al., 2014, table 1).
    shown = [text.text for text in read(image(zoo.graph("googlenet"))).all_texts()]
    modules = [text for text in shown if re.match(r"i\d[a-e]: inception", text)]
    assert len(modules) == 9
    # Six convolutions in the open one, three of the stem; the heads hold one each and are closed.
    assert sum(text.startswith("conv ") for text in shown) == 6 + 3
    assert shown.count("head") == 2
    # DenseNet-121 has blocks of 6, 12, 24 and 16 layers, the first of which stands for all.
    counts = [text.text for text in read(image(zoo.graph("densenet121"))).all_texts() if text.text.startswith("× ")]
    assert counts == ["× 6"]
    # MobileNetV2's first unit does not expand; that of the second stage does, and differs in this.
    opened = [text.text for text in read(image(zoo.graph("mobilenet_v2"))).all_texts() if "groups=" in text.text]
    assert len(opened) == 2


def test_a_wish_for_depth_opens_all_that_it_says() -> None:
    shown = [text.text for text in read(image(zoo.graph("googlenet"), "svg", Wish(depth=9))).all_texts()]
    # Fifty-nine convolutions: three in the stem, six in each module, one in each head.
    assert sum(text.startswith("conv ") for text in shown) == 3 + 9 * 6 + 2


def test_dot_and_mermaid_close_blocks_too() -> None:
    formats: tuple[ImageFormat, ...] = ("dot", "mmd")
    for format in formats:
        short, whole = (image(zoo.graph("resnet152"), format, wish) for wish in (Wish(), Wish(depth=9)))
        assert len(short) < 0.8 * len(whole)


def test_an_edge_is_not_bent_around_its_own_size() -> None:
    # A chain in a box, beside which a shortcut passes: all three layers stand below each other.
    text = """input 28x28x64
block body<c> = conv 1 (6*c) -> relu6 -> conv 3+1 (6*c) -> relu6 -> conv 1 c
block unit<c> = residual<body<c> | id>
unit<64>
"""
    drawn = read(image(archdsl.loads(text).graph))
    chain = [edge for edge in drawn.edges if edge.texts and edge.texts[0].text == "28×28×384"]
    assert chain
    for edge in chain:
        assert max(x for x, _ in edge.line) - min(x for x, _ in edge.line) < 1


def test_text_in_a_column_can_be_read() -> None:
    # No journal prints text below 5 points (Nature asks for 5 to 7); blocks are closed until it is larger.
    def text(name: str, wish: Wish, width: float | None) -> float:
        svg = image(zoo.graph(name), "svg", wish, Page(width=width)).decode()
        scale = re.search(r"scale\(([\d.]+) ", svg)
        assert scale is not None
        return float(scale[1]) * max(map(float, re.findall(r'font-size="([\d.]+)" fill="#1a1a1a">conv', svg)))

    for name in ("resnet50", "googlenet", "densenet121"):
        assert text(name, Wish(), 249.4) > 5
    # On a whole page of 7 inches nothing needs to be closed in a ResNet-50, and in a column it would.
    assert text("resnet50", Wish(), 504) > 5
    assert text("resnet50", Wish(depth=3), 249.4) < 5


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_read_on_every_fill(theme: str) -> None:
    # WCAG 2.2, success criterion 1.4.3: a contrast of 4.5 to 1.
    found = THEMES[theme]  # type: ignore[index]
    fills = [*found.fills.values(), found.closed, *(fill for fill, _ in found.steps(5))]
    assert all(_contrast(found.ink, fill) >= 4.5 for fill in fills)
    grounds = [found.page, *found.boxes]
    assert all(_contrast(ink, ground) >= 4.5 for ink in (found.text, found.faint) for ground in grounds)


def test_heat_grows_darker_in_grey() -> None:
    light = [_luminance(fill) for fill, _ in THEMES["print"].steps(5)]
    assert light == sorted(light, reverse=True)
    assert all(a - b > 0.05 for a, b in pairwise(light))


def _luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_rates_that_grow_are_shown_from_first_to_last() -> None:
    # Huang et al., 2016: unit l of 54 survives with 1 - l/54 * 0.5, so that the last one is dropped with 0.5.
    texts = [cell.text for cell in _cells(zoo.graph("stochastic_depth110"), Wish())]
    rates = [text for text in texts if text.startswith("drop_path")]
    assert rates[0].startswith("drop_path 0.009")
    assert rates[-1].endswith("…0.5")
    assert len(texts) < 60


def test_short_texts() -> None:
    assert ranged("conv 3x3 64", "conv 3x3 64") == "conv 3x3 64"
    assert ranged("unit<16, 1>", "unit<16, 18>") == "unit<16, 1…18>"
    assert ranged("unit<a>", "unit<b, 2>") == "unit<a>"
    assert [quantity(value) for value in (999, 1000, 999_999, 25_557_032)] == ["999", "1K", "1M", "25.6M"]


def test_the_gallery_is_what_its_target_draws() -> None:
    # Layouts depend on the machine's fonts, so that only which pictures there are can be compared.
    root = Path(__file__).parent.parent
    made = re.findall(r"-o (specs/gallery/\w+\.svg)$", (root / "Makefile").read_text(), re.MULTILINE)
    assert len(made) == 12
    assert {root / name for name in made} == set((root / "specs" / "gallery").iterdir())
    for name in made:
        assert ElementTree.fromstring((root / name).read_bytes()).tag == "{http://www.w3.org/2000/svg}svg"


# ---------------------------------------------------------------- the command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.arch").write_text(
        "arch net\ninput 32x32x3\nblock unit<w> = conv 3x3+1 w -> relu -> conv 3x3+1 w\nunit<8> x3 -> gap -> fc 10\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*args: str) -> Result:
    return CliRunner().invoke(command, args)


@pytest.mark.parametrize(
    "args",
    [
        ["--style", "table"],
        ["--style", "volumes"],
        ["--style", "volumes", "-o", "net.tex"],
        ["-o", "net.tex"],
        ["-o", "net.mmd"],
        ["--depth", "1", "--expand", "unit", "--heat", "params"],
        ["--show", "params,macs,memory,rf", "--theme", "print", "--width", "3.5in"],
    ],
)
def test_what_the_help_offers_works(folder: Path, args: list[str]) -> None:
    ran = _run("net.arch", *args)
    assert ran.exit_code == 0, ran.output
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["--expand", "unti"], "--expand `unti`: the network has no such block; did you mean `unit`?"),
        (["--width", "wide"], "`wide` is not a width"),
        (["--width", "1mm"], "`1mm` is not a width"),
        (["-o", "a.mmd", "--width", "88mm"], "--width does not go with mmd"),
        (["-o", "a.mmd", "--heat", "macs"], "--heat does not go with mmd"),
        (["-o", "a.dot", "--style", "volumes"], "--style volumes does not go with dot"),
        (["--style", "volumes", "--show", "rf"], "--show does not go with volumes"),
        (["-o", "a.tex", "--dpi", "300"], "--dpi does not go with tex"),
    ],
)
def test_a_wrong_use_is_exit_2_and_writes_nothing(folder: Path, args: list[str], word: str) -> None:
    ran = _run("net.arch", *args)
    assert ran.exit_code == 2
    assert word in " ".join(ran.output.split())
    assert [path.name for path in folder.iterdir()] == ["net.arch"]


def test_a_picture_of_many_nodes_says_what_else_to_do(folder: Path) -> None:
    (folder / "long.arch").write_text("input 8x8x4\nblock unit = conv 3x3+1 4 -> maxpool 1\nunit x600\n")
    ran = _run("long.arch", "--unfold", "--direction", "right", "-o", "long.svg")
    assert ran.exit_code == 0, ran.output
    assert "laying out 1,201 nodes, which takes a while; without --unfold, like repeats are one box" in ran.output
    ran = _run("long.arch", "--unfold", "-o", "long.mmd")
    assert "the picture has 1,201 edges, and Mermaid draws fewer than 500" in ran.output


def test_a_picture_that_is_made_smaller_says_so(folder: Path) -> None:
    # A hundred and one nodes in a line, each of 50 points and more, have over 10,000 dots of half a point.
    (folder / "line.arch").write_text("input 8x8x4\nconv 3x3+1 4 x100\n")
    ran = _run("line.arch", "--unfold", "--direction", "right", "-o", "line.png")
    assert "the picture was made smaller, to 10,000 dots, and its text with it; --depth 2 closes blocks" in ran.output
    assert "note" not in _run("line.arch", "-o", "line.png").output


def test_python_can_ask_for_the_same(folder: Path) -> None:
    net = archdsl.load("net.arch")
    assert net.draw("a.tex", style="volumes").startswith(rb"\documentclass")
    assert net.draw(format="mmd", depth=1).count(b":::block") == 1
    with pytest.raises(ValueError, match="`gif` is not one of svg, png, pdf, dot, tex, mmd"):
        net.draw("a.gif")
    with pytest.raises(ValueError, match="dpi does not go with svg"):
        net.draw("a.svg", dpi=300)
    assert sorted(path.name for path in folder.iterdir()) == ["a.tex", "net.arch"]
