"""Hostile names and strings stay what they are: text, in whatever form it is written.

In: strings made to break out of Python, DOT, SVG, HTML, LaTeX, CSV, Markdown, JSON, a terminal; names that mean
something elsewhere. Each form is parsed by a reader of its own, and has the structure that a harmless string gives it.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

import archdsl
from archdsl.codegen.module import build, load
from archdsl.codegen.source import source
from archdsl.diagnostics import Collector, render_github, render_json, render_text
from archdsl.draw.image import image
from archdsl.elaborate import Request, Workspace
from archdsl.graph import Graph
from archdsl.ops.base import torch_shape
from archdsl.report.columns import COLUMNS
from archdsl.report.delimited import to_csv
from archdsl.report.html import to_html
from archdsl.report.latex import to_latex
from archdsl.report.markdown import to_markdown
from archdsl.report.records import to_json
from archdsl.report.summary import Summary, summarize
from archdsl.report.text import to_text

PLAIN = "harmless"

HOSTILE = (
    '"""\nimport os\nos.abort()\n"""',
    '"""); __import__("os").abort() #',
    "'''\nraise SystemExit\n'''",
    '\\"""\\',
    "\\",
    "\\N{LATIN SMALL LETTER A}\\x00\\u0000\\",
    "{0} {__class__} {m} {all} %s %(a)s %n $HOME `id` $(id)",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "]]> --> <!-- <![CDATA[ &amp; &#x3c; </svg></text></table></td>",
    '"]; x [label="owned", URL="javascript:alert(1)"]; subgraph cluster_x { y }; //',
    "\\N \\G \\L \\E \\l \\r <B>bold</B> <TABLE><TR><TD>x</TD></TR></TABLE>",
    "\\input{/etc/passwd} \\write18{id} \\end{tabular} & % $ # _ ^ ~ { } \\\\",
    '=cmd|" /C calc"!A0',
    "+1+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "a,b;c\td\r\ne",
    '","",""\n1,2,3',
    "| a | b |\n|---|---|\n```\n# heading\n[x](javascript:alert(1)) ![x](y) **b** `c`",
    "\x1b[31mred\x1b]0;title\x07\x08\x00\x7f\x9b1m",
    "\u202eright to left\u2066\u200b\u2028line\u2029paragraph\x85\x0c\x1c",
    "\r",
    "\ud800",
    "٣ é 漢字 🙂",
    "::error file=x::owned\n::set-output name=a::b",
    "x" * 5000,
)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _graph(text: str, name: str = "net.arch") -> Graph:
    found = Collector()
    network = Workspace.text(text, found, name).network(Request(), found)
    assert network is not None, render_text(found)
    return network.graph


@cache
def _network(hostile: str) -> Graph:
    """A network with a string in every place that takes one: the title, a comment, an argument, a claim's source."""
    comment = hostile.replace("\n", " ").replace("\r", " ")
    return _graph(
        f"arch net {_quoted(hostile)}  # {comment}\n"
        "input 8x8x3\n"
        "block wrap<note> = conv 3x3+1 4 -> relu\n"
        f"(wrap<{_quoted(hostile)}> -> bn) x2 -> wrap<[{_quoted(hostile)}, 1]> -> gap -> fc 10\n"
        f"expect params 1 {_quoted(hostile)}\n"
    )


@cache
def _summary(hostile: str) -> Summary:
    return summarize(_network(hostile))


each = pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))


# ---------------------------------------------------------------- Python


def _bare(text: str) -> tuple[str | None, str]:
    """The docstring of a file, and the file without it as a tree."""
    tree = ast.parse(text)
    docstring = ast.get_docstring(tree, clean=False)
    assert isinstance(tree.body[0], ast.Expr)
    return docstring, ast.dump(ast.Module(tree.body[1:], []))


@each
@pytest.mark.parametrize("flat", [False, True])
def test_python_keeps_its_tree(hostile: str, flat: bool) -> None:
    text = source(_network(hostile), flat=flat)
    assert _bare(text)[1] == _bare(source(_network(PLAIN), flat=flat))[1]
    text.encode("utf-8")
    assert all(char == "\n" or char.isprintable() for char in text)


@each
def test_python_holds_imports_and_classes_alone(hostile: str) -> None:
    first, *rest = ast.parse(source(_network(hostile))).body
    assert isinstance(first, ast.Expr)
    assert isinstance(first.value, ast.Constant)
    assert all(isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef) for node in rest)
    load(_network(hostile))


@each
def test_a_hostile_file_name_makes_a_class_name(hostile: str) -> None:
    graph = _graph("input 8x8x3\nconv 3x3 4 -> relu\n", hostile.replace("/", "") + ".arch")
    classes = [node.name for node in ast.parse(source(graph)).body if isinstance(node, ast.ClassDef)]
    assert len(classes) == 1
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", classes[0])
    assert isinstance(getattr(load(graph), classes[0]), type)


# ---------------------------------------------------------------- pictures


def _dot(hostile: str) -> tuple[object, ...]:
    """What Graphviz reads: nodes, edges and the names of their attributes."""
    import pygraphviz

    read = pygraphviz.AGraph(string=image(_network(hostile), "dot").decode())
    nodes = sorted((str(node), *sorted(node.attr)) for node in read.nodes_iter())
    edges = sorted((str(a), str(b)) for a, b in read.edges_iter())
    return nodes, edges, sorted(map(str, read.subgraphs_iter())).__len__(), sorted(read.graph_attr)


@each
def test_dot_keeps_its_nodes_edges_and_attributes(hostile: str) -> None:
    assert _dot(hostile) == _dot(PLAIN)


def _elements(svg: bytes) -> Iterator[ElementTree.Element]:
    return ElementTree.fromstring(svg).iter()


@each
def test_svg_is_xml_without_scripts_and_links(hostile: str) -> None:
    elements = list(_elements(image(_network(hostile))))
    allowed = {element.tag for element in _elements(image(_network(PLAIN)))}
    assert {element.tag for element in elements} <= allowed | {"{http://www.w3.org/2000/svg}text"}
    assert not any("script" in str(element.tag) for element in elements)
    names = {name.rpartition("}")[2].lower() for element in elements for name in element.attrib}
    assert not any(name.startswith("on") for name in names)
    links = [value for element in elements for name, value in element.attrib.items() if name.endswith("href")]
    assert not any("javascript" in link for link in links)


# ---------------------------------------------------------------- tables


@each
def test_json_holds_the_string_itself(hostile: str) -> None:
    read = json.loads(to_json(_summary(hostile)))
    plain = json.loads(to_json(_summary(PLAIN)))
    assert read["title"] == hostile
    assert read.keys() == plain.keys()
    assert [layer.keys() for layer in read["layers"]] == [layer.keys() for layer in plain["layers"]]
    to_json(_summary(hostile)).encode("utf-8")


@each
def test_csv_has_as_many_cells_and_no_formula(hostile: str) -> None:
    columns = tuple(COLUMNS.values())
    made = to_csv(_summary(hostile), columns=columns)
    rows = list(csv.reader(io.StringIO(made)))
    plain = list(csv.reader(io.StringIO(to_csv(_summary(PLAIN), columns=columns))))
    assert [len(row) for row in rows] == [len(row) for row in plain]
    for row in rows:
        for cell in row:
            assert not cell.startswith(("=", "+", "@", "\t", "\r"))
            assert not re.match(r"-(?!\d+(\.\d+)?$)", cell)
    assert _calm(made)


class _Tags(HTMLParser):
    """The tags of a text with their attributes' names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(("/" + tag,))

    def handle_comment(self, data: str) -> None:
        self.found.append(("!",))


@each
def test_html_keeps_its_tags(hostile: str) -> None:
    assert _Tags(to_html(_summary(hostile))).found == _Tags(to_html(_summary(PLAIN))).found


def _commands(text: str) -> Counter[str]:
    return Counter(re.findall(r"\\(?:[A-Za-z]+|.)", text, re.DOTALL))


@each
def test_latex_keeps_its_rows_and_runs_nothing(hostile: str) -> None:
    made, plain = to_latex(_summary(hostile)), to_latex(_summary(PLAIN))
    bare = re.sub(r"\\.", "", made)
    plain_bare = re.sub(r"\\.", "", plain)
    for sign in "&$#^~%":
        assert bare.count(sign) == plain_bare.count(sign), sign
    assert bare.count("{") == bare.count("}")
    more = {command for command, count in _commands(made).items() if count > _commands(plain)[command]}
    harmless = r"\\(text[a-z]+|[&%$#_{}^~]|x|u|char|symbol|guillemot[a-z]+|quotedbl|ensuremath|allowbreak|slash|ldots)"
    assert all(re.fullmatch(harmless, command) for command in more), more
    assert made.count("\n") == plain.count("\n")


@each
def test_markdown_keeps_its_cells(hostile: str) -> None:
    made, plain = to_markdown(_summary(hostile)), to_markdown(_summary(PLAIN))

    def bars(text: str) -> list[int]:
        return [len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in text.splitlines()]

    assert bars(made) == bars(plain)
    assert not re.search(r"(?<!\\)<(?!br>)[A-Za-z/!]", made)
    assert not re.search(r"(?<!\\)\](?:\\\\)*\(", made)


def _calm(text: str) -> bool:
    """Whether a text moves no cursor and turns no direction."""
    return all(char in "\n " or char.isprintable() for char in text)


@each
def test_text_moves_no_cursor(hostile: str) -> None:
    assert _calm(to_text(_summary(hostile)))


@each
def test_errors_show_it_and_obey_it_not(hostile: str) -> None:
    comment = hostile.replace("\n", " ").replace("\r", " ")
    found = Collector()
    written = _quoted(hostile)
    text = f"input 8x8x3\nconv {written} foo={written} # {comment}\nblock b<n> = relu\nb<m={written}>\n"
    Workspace.text(text, found, f"{hostile}.arch").network(Request(), found)
    assert found.failed
    assert _calm(render_text(found))
    assert len(json.loads(render_json(found))["diagnostics"]) == len(found)
    lines = render_github(found).split("\n")
    assert len(lines) == len(found)
    assert all(line.startswith(("::error file=", "::warning file=")) for line in lines)
    render_github(found).encode("utf-8", "surrogateescape" if "\ud800" not in hostile else "surrogatepass")


# ---------------------------------------------------------------- names

NAMES = (
    *("self", "cls", "class_", "None_", "forward", "super", "torch", "nn", "F", "Tensor", "math", "x_", "xx", "out"),
    *(
        "class",
        "def",
        "import",
        "from",
        "as",
        "lambda",
        "None",
        "True",
        "False",
        "async",
        "await",
        "match",
        "print",
        "type",
    ),
    *("__init__", "__class__", "__dict__", "__call__", "__getattr__", "_modules", "_parameters", "_", "__"),
    *("weight", "bias", "training", "parameters", "state_dict", "modules", "children", "register_buffer", "apply"),
    *(
        "train_",
        "eval",
        "half",
        "to",
        "type_",
        "exec",
        "globals",
        "NamedTuple",
        "Reshape",
        "Maxout",
        "object",
        "len",
        "sum",
    ),
    *("node", "edge", "graph", "subgraph", "digraph", "strict", "cluster", "label", "script", "svg", "nan", "inf"),
    *("i", "Unit", "Join", "Crop", "Sequential", "Module", "Conv2d", "Parameter", "range", "dtype", "T", "in_channels"),
    *("count", "index", "constructor", "prototype", "con", "nul", "a" * 79),
)

ROLES = {
    "architecture": "arch {0}\ninput 8x8x3\nconv 3x3 4 -> maxout 2 -> fc 3\n",
    "input": "input {0} 8x8x3\ninput other 8x8x3\nadd<@{0} | @other> -> conv 3x3 4 -> maxout 2 -> fc 3\n",
    "label": "input 8x8x3\nconv 3x3+1 3 @{0} -> maxout 3 -> concat<id | @{0}> -> fc 3\n",
    "block": "input 8x8x3\nblock {0}<w> = conv 3x3+1 w -> relu -> conv 1x1 w\n{0}<3> -> {0}<3> -> fc 3\n",
    "block and label": "input 8x8x3\nblock {0} = conv 3x3+1 3 -> relu\n({0} @{0}) x2 -> fc 3\n",
    "share": "input 8x8x3\nshare {0} = conv 3x3+1 3 -> relu\n{0} -> {0} -> fc 3\n",
    "output": "input 8x8x3\nconv 3x3+1 3 @a -> fc 3\noutput {0} = @a -> gap -> fc 2\noutput {0}_ training = @a\n",
    "argument": "input 8x8x3\nblock unit<{0}, u> = conv 1x1 ({0}) -> conv 1x1 (u) -> (conv 1x1 (u)) x4 -> conv 1x1 5\n"
    "unit<3, 4> -> unit<6, 7> -> unit<4, 8> -> fc 3\n",
    "tensor": "input 8x8x3\nconv 1x1 4 @a -> conv 1x1 3 @b\njoin<4>(@a, @b) -> crop 2 @c\n"
    "join<3>(@a, @b) -> crop 2 -> concat<id | @c> -> fc 3\n"
    "block join<w>({0}, u) {{ @u -> conv 1x1 w @v\n@{0} -> conv 1x1 w -> concat<id | @v> -> crop w }}\n",
    "optional": "input 8x8x3\nblock unit<w, p> = conv 1x1 w -> (if p then conv 1x1 w @{0} else id) -> relu -> Unit<w>\n"
    "block Unit<w> = conv 1x1 w -> relu -> conv 1x1 w\nunit<3, true> -> unit<3, false> -> unit<4, true> -> fc 3\n",
    "parameter": "arch net<{0}=3>\ninput 8x8x3\nconv 3x3 ({0}) -> fc {0}\n",
}


NAMELESS = ("input", "label", "tensor")
"""Where `_` throws away what others name, so that nothing can be read by it."""


@pytest.mark.parametrize(
    ("name", "role"), [(name, role) for name in NAMES for role in ROLES if name != "_" or role not in NAMELESS]
)
def test_a_name_means_nothing_to_python_and_dot(name: str, role: str) -> None:
    """Every name that the language takes makes a module that runs and a picture that is one."""
    graph = _graph(ROLES[role].format(name))
    module = build(graph)
    inputs = [torch.empty(4, *torch_shape(node.shape), device="meta") for node in graph.inputs]
    leaving = module(*inputs)
    outputs = [leaving] if isinstance(leaving, torch.Tensor) else list(leaving)
    assert [tuple(x.shape[1:]) for x in outputs] == [torch_shape(graph.shape(out.port)) for out in graph.outputs]
    count = sum(w.size for n in graph.layers if n.op and n.shared is None for w in n.op.weights(*n.input_shapes))
    assert sum(parameter.numel() for parameter in module.parameters()) == count

    import pygraphviz

    pygraphviz.AGraph(string=image(graph, "dot").decode())
    json.loads(to_json(summarize(graph)))


# ---------------------------------------------------------------- the product itself


_RUNS = ("eval", "exec", "compile", "__import__")


def test_nothing_runs_text_but_the_generated_module() -> None:
    """`eval`, `exec`, `compile` and `__import__` by their names, and whoever calls a shell."""
    root = Path(archdsl.__file__).parent
    found = set()
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _RUNS:
                found.add((str(path.relative_to(root)), node.id))
            if isinstance(node, ast.Attribute) and node.attr in (
                "system",
                "popen",
                "spawnl",
                "spawnv",
                "literal_eval_",
            ):
                found.add((str(path.relative_to(root)), node.attr))
            if isinstance(node, ast.keyword) and node.arg == "shell":
                found.add((str(path.relative_to(root)), "shell"))
    assert found == {("codegen/module.py", "exec"), ("codegen/module.py", "compile")}
