"""The layout of `.arch` files: what it looks like, that it is stable, and that it changes nothing but white space.

In: the networks of the product, the programs of the language reference, and both of them mangled. The layouts that are
expected here are those of the formatter's own docstring, written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import archdsl
from archdsl.cli.fmt import command
from archdsl.diagnostics import Collector, Source
from archdsl.elaborate import Request, Unresolved, Workspace
from archdsl.resources import specs_path
from archdsl.syntax.formatter import format_source, same_program
from archdsl.syntax.parser import parse
from archdsl.syntax.tree import Node, walk

_SPECS = sorted(specs_path().rglob("*.arch"))
_CHAPTERS = sorted((Path(__file__).parent / "lang").glob("*.md"))


def _parses(text: str) -> bool:
    found = Collector()
    parse(Source("x.arch", text), found)
    return not found.failed


def _layout(text: str) -> str:
    found = Collector()
    made = format_source(Source("x.arch", text), found)
    assert made is not None, [diagnostic.message for diagnostic in found]
    return made


def _programs() -> Iterator[tuple[str, str]]:
    """Every text that the product has: its networks, and the programs of the language reference that parse.

    But for the chapter on limits, whose networks are as large as they may be.
    """
    for path in _SPECS:
        yield path.name, path.read_text(encoding="utf-8")
    for path in (path for path in _CHAPTERS if "limits" not in path.stem):
        fences = re.findall(r"^```arch[^\n]*\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        for number, text in enumerate(fences):
            if _parses(text):
                yield f"{path.stem}-{number}", text
    for name, text in _KEPT.items():
        yield name, text


# ---------------------------------------------------------------- what it looks like

# Texts that are laid out as they should be.
_KEPT = {
    "alexnet": """\
arch alexnet "Krizhevsky, Sutskever & Hinton, 2012"
input 227x227x3

conv 11x11/4 96 -> relu -> lrn 5 -> maxpool 3/2            :: 27x27x96
-> conv 5x5+2 256 groups=2 -> relu -> lrn 5 -> maxpool 3/2 :: 13x13x256
-> conv 3x3+1 384 -> relu
-> conv 3x3+1 384 groups=2 -> relu
-> conv 3x3+1 256 groups=2 -> relu -> maxpool 3/2          :: 6x6x256
-> (fc 4096 -> relu -> dropout 0.5) x2
-> fc 1000 -> softmax

expect params 60.97M
""",
    "resnet": """\
# parametrised family, conditional projection, block as argument
arch resnet<layers=[3, 4, 6, 3], unit=bottleneck, classes=1000>
input 224x224x3
default conv bias=false
block basic<w, s=1> = residual<
    conv 3x3/s+1 w -> bn -> relu -> conv 3x3+1 w -> bn
  | project<w, s>> -> relu
block bottleneck<w, s=1> = residual<
    conv 1x1 w -> bn -> relu -> conv 3x3/s+1 w -> bn -> relu -> conv 1x1 (4*w) -> bn
  | project<4*w, s>> -> relu
block project<c, s> = if s != 1 or in.c != c then conv 1x1/s c -> bn else id

conv 7x7/2+3 64 -> bn -> relu -> maxpool 3/2+1
-> (unit<w, s> -> unit<w> x(n-1)) x((n, w, s) in [
    (layers[0], 64, 1),
    (layers[1], 128, 2),
    (layers[2], 256, 2),
    (layers[3], 512, 2)
])
-> gap -> fc classes
variant resnet18 = resnet<[2, 2, 2, 2], basic>
variant resnet152 = resnet<[3, 8, 36, 3]>
    expect params 60_192_808 depth 152
""",
    "cells": """\
input 32x32x3
let f = 4
block sep3<f> = conv 3x3+1 f -> relu
block cell<f>(h, p) {
    @p -> conv 1x1 f @p0
    @h -> relu -> conv 1x1 f -> bn @h0

    add<@h0 -> sep3<f> | @p0 -> sep3<f>> @y1  # the first of the pairs
    concat<@p0 | @y1> @y
    return @y, @h
}
conv 3x3+1 8 @stem
(@stem, @stem) -> cell<f> x2 -> cell<2*f>
-> first  # the second is the input of the next cell, and there is none
-> relu -> gap -> fc 10
""",
    "recipe": """\
input 8x8x3
conv 3x3 8 @a -> gap -> fc 10
output aux1 training = @a -> gap -> fc 10
train {
    data cifar10
    augment crop=32+4 flip
    batch 128 epochs 164
    optimizer sgd lr=0.1 momentum=0.9 weight_decay=1e-4
    schedule step at=[82, 123] factor=0.1  # also: plateau
    loss cross_entropy label_smoothing=0.1 + 0.3 aux1
    init conv=he_normal fc=normal(0.01)
}
""",
    "programs": """\
block se<r=16> = mul<id | gap -> fc (in.c//r) -> relu -> fc (in.c) -> sigmoid>
block fractal<n, c> = if n == 1 then unit<c>
    else mean<unit<c> | fractal<n-1, c> -> fractal<n-1, c> drop=0.15>
(residual<preact<64> -> drop_path (0.5*i/53)>) x(i in 54)
output aux1 training = @i4a -> avgpool 5/3 -> conv 1x1 128 -> relu -> fc 1024 -> relu -> fc 10
share tower = conv 5x5 20 -> relu -> flatten -> fc 100
concat<@left -> tower | @right -> tower> -> fc 1
split 2 @a @b
concat<@a | @b -> branch<58>> -> shuffle 2
choice<conv 3x3+1 64 | conv 5x5+2 64 | maxpool 3/1+1> -> fc one_of(128, 256)
conv 5x5 16 connect=[[0, 1, 2], [1, 2, 3]] -> conv [k, 1] 64 -> fc -> lerp<@a | @b | @c> :: 3x3x4 @d
""",
}


@pytest.mark.parametrize("name", _KEPT)
def test_what_is_laid_out_stays(name: str) -> None:
    assert _layout(_KEPT[name]) == _KEPT[name]


_LAID_OUT = {
    "spaces": ("input   28x28x1\n  conv 5x5   6->relu\n", "input 28x28x1\nconv 5x5 6 -> relu\n"),
    "empty lines": ("\n\ninput 8\n\n\n\nfc 3\nrelu\n\n\n", "input 8\n\nfc 3\nrelu\n"),
    "nothing": (" \n\n", ""),
    "the end": ("fc 3", "fc 3\n"),
    "numbers stay as written": (
        "expect params 60_965_224\nexpect macs 60.97M\nconv 3x3 5e-4\nconv 3 0.50\n",
        "expect params 60_965_224\nexpect macs 60.97M\nconv 3x3 5e-4\nconv 3 0.50\n",
    ),
    "tight in brackets": (
        "fc ( 4 * w ) x( n - 1 )\nf< 4 * w , s >\nfc (a  if_b)\n",
        "fc (4*w) x(n-1)\nf<4*w, s>\nfc (a if_b)\n",
    ),
    "spaces outside": (
        "let n=a+b//2\nlet m = (a + b)*-2\nif n+1!=2 and not k==1 then relu else id\n",
        "let n = a + b // 2\nlet m = (a+b) * -2\nif n + 1 != 2 and not k == 1 then relu else id\n",
    ),
    "geometry": ("let f = conv k/s+1 w\nlet g = k/s+1\n", "let f = conv k/s+1 w\nlet g = k / s + 1\n"),
    "comparison": ("fc (a<b)\n", "fc (a < b)\n"),
    "key": (
        "f< s=2,w = 3 > drop= 0.1\nblock b<w=1>=relu\nblock c<*m>=add<*m>\n",
        "f<s=2, w=3> drop=0.1\nblock b<w=1> = relu\nblock c<*m> = add<*m>\n",
    ),
    "bars": ("add<a|b->c|  id>@x x3\n", "add<a | b -> c | id> @x x3\n"),
    "body": (
        "block b(p,q){@p->relu @y\n\n\nreturn @y,@q}\nblock e{}\n",
        "block b(p, q) {\n    @p -> relu @y\n\n    return @y, @q\n}\nblock e {}\n",
    ),
    "table": ("train{schedule table{1:5e-4,3:2e-4}}\n", "train {\n    schedule table {1: 5e-4, 3: 2e-4}\n}\n"),
    "an arrow begins the line that it ended": ("relu ->\n  gap\n", "relu\n-> gap\n"),
    "other line ends go": ("concat<\n  a>\nfc (1 +\n 2)\nlet a =\n  3\n", "concat<a>\nfc (1+2)\nlet a = 3\n"),
    "branches that the author parted": (
        "concat<a\n| b | c> -> relu\n",
        "concat<\n    a\n  | b\n  | c> -> relu\n",
    ),
    "branches in branches": (
        "concat<a | concat<b\n| c> -> d>\n",
        "concat<\n    a\n  | concat<\n        b\n      | c> -> d>\n",
    ),
    "a group that the author broke": (
        "(conv 3 8 -> relu\n-> bn) x2 -> relu\n",
        "(\n    conv 3 8 -> relu\n    -> bn\n) x2 -> relu\n",
    ),
    "comments": (
        "#a\n\n\n# b  \nrelu#c\n# d\n\n",
        "#a\n\n# b\nrelu  #c\n# d\n",
    ),
    "comments in a column": (
        "relu # a\nconv 3 8 # b\n\ngap  # c\n",
        "relu      # a\nconv 3 8  # b\n\ngap  # c\n",
    ),
    "comments of a chain": (
        "relu -> # the first\n# of two\ngap # end\n",
        "relu  # the first\n# of two\n-> gap  # end\n",
    ),
    "comments in brackets": (
        "let a = [1 # one\n, 2\n# three\n, 3 # end\n]\n",
        "let a = [\n    1,  # one\n    2,\n    # three\n    3  # end\n]\n",
    ),
    "comments of branches": (
        "add< # both\na # 1\n# 2\n| b # 3\n>\n",
        "add<   # both\n    a  # 1\n    # 2\n  | b  # 3\n>\n",
    ),
    "comments of a body": (
        "block b { # top\n# own\nrelu # r\n# last\n}\n",
        "block b {  # top\n    # own\n    relu  # r\n    # last\n}\n",
    ),
    "sizes": (
        "relu :: 3x3x8\n-> conv 3x3 16 :: 1x1x16\n\n-> gap :: 16\n",
        "relu           :: 3x3x8\n-> conv 3x3 16 :: 1x1x16\n\n-> gap :: 16\n",
    ),
    "sizes and comments": (
        "relu :: 3x3x8 # a\n-> conv 3x3 16\n-> gap:: 16 # b\n",
        "relu   :: 3x3x8  # a\n-> conv 3x3 16\n-> gap :: 16  # b\n",
    ),
    "conditions": (
        "block b = if a == 1\n then c else if a == 2 then d -> e else f\nrelu -> if a == 1 then c\nelse d\n",
        "block b = if a == 1\n    then c\n    else if a == 2 then d -> e\n    else f\n"
        "relu -> if a == 1 then c\n    else d\n",
    ),
    "claims": (
        "variant a,b = f<1>\n  expect params 3\n",
        "variant a, b = f<1>\n    expect params 3\n",
    ),
}


@pytest.mark.parametrize("name", _LAID_OUT)
def test_layout(name: str) -> None:
    written, laid_out = _LAID_OUT[name]
    assert _layout(written) == laid_out
    assert _layout(laid_out) == laid_out


def test_a_long_chain_ends_its_lines_before_arrows() -> None:
    lines = _layout("conv 3x3+1 64" + " -> conv 3x3+1 64 -> relu" * 20 + "\n").splitlines()
    assert all(len(line) <= 120 for line in lines)
    assert all(line.startswith("-> ") for line in lines[1:])
    # The next element would not have fitted.
    assert all(len(line) + len(" -> conv 3x3+1 64") > 120 for line in lines[:-1])


def test_a_long_list_wraps() -> None:
    lines = _layout(f"let a = [{', '.join(map(str, range(100)))}]\n").splitlines()
    assert lines[0] == "let a = ["
    assert lines[-1] == "]"
    assert all(line.startswith("    ") and 90 < len(line) <= 120 for line in lines[1:-2])


def test_branches_that_do_not_fit_stand_one_a_line() -> None:
    branch = "conv 1x1 64 -> bn -> relu -> conv 3x3+1 64 -> bn -> relu"
    assert _layout(f"relu -> concat<{branch} | {branch} | id> @m -> relu\n") == (
        f"relu\n-> concat<\n    {branch}\n  | {branch}\n  | id> @m -> relu\n"
    )


def test_line_ends_are_the_files() -> None:
    assert _layout("input  8\r\n# a\r\nfc 3 # b\r\n") == "input 8\r\n# a\r\nfc 3  # b\r\n"


def test_a_syntax_error_is_reported() -> None:
    found = Collector()
    assert format_source(Source("x.arch", "conv 3 -> -> relu\n"), found) is None
    assert found.failed


# ---------------------------------------------------------------- it changes nothing


def _tree(text: str) -> list[object]:
    """The nodes of a text's tree in their order, each with its values and the number of its parts, without places."""
    found = Collector()
    parsed = parse(Source("x.arch", text), found)
    assert not found.failed
    return [
        (type(node).__name__, *(_value(getattr(node, name)) for name in type(node).fields if name != "span"))
        for node in walk(parsed.statements)
    ]


def _value(part: object) -> object:
    if isinstance(part, tuple):
        return tuple(map(_value, part))
    return None if isinstance(part, Node) else (type(part).__name__, part)


def _networks(text: str, most: int = 2) -> list[object]:
    """The graphs of a text: of the text itself, and of its first and its last variant."""
    workspace = Workspace.text(text, Collector())
    requests = [*([] if workspace.needs_variant else [None]), *workspace.variants[:1], *workspace.variants[1:][-1:]]
    made: list[object] = []
    for variant in requests[:most]:
        found = Collector()
        try:
            network = workspace.network(Request(variant=variant), found)
        except Unresolved as left:
            made.append(left.unit.name.name)
            continue
        if network is None:
            made.append(sorted((d.id, d.message) for d in found))
            continue
        graph = network.graph
        names = graph.names
        made.append(
            (
                [(names[n.key], n.call, n.inputs, n.shapes, n.label, n.shared) for n in graph.nodes],
                graph.outputs,
                graph.name,
                graph.title,
                len(network.claims),
            )
        )
    return made


def _check(text: str) -> str:
    """What holds for every text that parses."""
    made = _layout(text)
    assert same_program(Source("a", text), Source("b", made))
    assert _layout(made) == made
    assert not re.search(r"[ \t]$", made, re.MULTILINE)
    assert "\n\n\n" not in made
    return made


_PROGRAMS = dict(_programs())


def test_the_programs_are_there() -> None:
    assert len(_PROGRAMS) >= len(_SPECS) + len(_KEPT) > 10


@pytest.mark.parametrize("name", _PROGRAMS)
def test_the_graph_stays(name: str) -> None:
    text = _PROGRAMS[name]
    made = _check(text)
    assert _tree(made) == _tree(text)
    assert _networks(made) == _networks(text)


# Small enough that thousands of them are laid out in a test.
_SMALL = {
    name: text
    for name, text in {**_PROGRAMS, **{name: pair[0] for name, pair in _LAID_OUT.items()}}.items()
    if len(text) < 1500
}
_QUIET = list(HealthCheck)
_SPACE = re.compile(r'("(?:[^"\\\n]|\\.)*"|#[^\n]*)|([ \t]+|(?<=[^\s])(?=->|\||,|::)|(?<=[,|<(\[])(?=\S))|(\n+)')


@settings(max_examples=60, deadline=None, suppress_health_check=_QUIET)
@given(st.data())
def test_the_graph_stays_in_mangled_layouts(data: st.DataObject) -> None:
    """White space is put in and taken out, lines are broken, comments are added: the graph is that of the text."""
    text = _SMALL[data.draw(st.sampled_from(sorted(_SMALL)))]
    random = data.draw(st.randoms(use_true_random=False))
    wild = random.random()

    def mangle(match: re.Match[str]) -> str:
        literal, space, newline = match.groups()
        if literal is not None or random.random() > wild:
            return match[0]
        if newline is not None:
            return random.choice(["\n", "\n\n\n", "  \n\t", " # c\n", "\n# own\n", "\n  # own\n\n"])
        return random.choice([" ", "  ", "\t", space, "\n   ", " # c\n  ", "\n\n# own\n\n  "])

    mangled = _SPACE.sub(mangle, text)
    assume(_parses(mangled) and _same_tokens(text, mangled))
    made = _check(mangled)
    assert _tree(made) == _tree(text)
    assert _networks(made, 1) == _networks(text, 1)


def _same_tokens(text: str, mangled: str) -> bool:
    """Whether a mangled text is still the same program, its comments aside."""
    return _tree(text) == _tree(mangled)


@settings(max_examples=120, deadline=None, suppress_health_check=_QUIET)
@given(st.data())
def test_mutated_texts(data: st.DataObject) -> None:
    """Whatever parses is laid out, and stays what it is."""
    text = _SMALL[data.draw(st.sampled_from(sorted(_SMALL)))]
    random = data.draw(st.randoms(use_true_random=False))
    parts = re.findall(r"\s+|\w+|->|::|[^\s\w]", text)
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(parts))
        kind = random.randrange(5)
        if kind == 0:
            del parts[place]
        elif kind == 1:
            parts.insert(place, random.choice(parts))
        elif kind == 2:
            other = random.randrange(len(parts))
            parts[place], parts[other] = parts[other], parts[place]
        elif kind == 3:
            parts[place] = random.choice(parts)
        else:
            parts.insert(place, random.choice(["\n", "# c\n", " ", "|", ",", "->", "(", ")", "<", ">", "-", "*", "x2"]))
        if not parts:
            return
    mutated = "".join(parts)
    assume(_parses(mutated))
    made = _check(mutated)
    assert _tree(made) == _tree(mutated)


_HOSTILE = {
    "chain": "relu" + " -> conv 3x3+1 8" * 3_000,
    "lines": "relu" + "\n-> conv 3x3+1 8 :: 3x3x8 # c" * 1_200,
    "sum": "fc (1" + " + 1" * 3_000 + ")",
    "signs": "let a = " + "-" * 3_000 + "1",
    "conditions": "if a == b then c else " * 300 + "d",
    "labels": "relu" + " @a" * 3_000,
    "brackets": "f" + " (1234567890, 1234567890, 1234567890, 1234567890)" * 1_000,
    "branches": "concat<" + "id | " * 3_000 + "id>",
    "list": "let a = [" + "1, " * 3_000 + "1]",
    "nested": "let a = " + "[" * 59 + "1" + "]" * 59,
    "nested branches": "concat<id | " * 59 + "id" + ">" * 59,
    "nested comments": "let a = " + "[ # c\n" * 59 + "1" + "]" * 59,
    "bodies": "block b {" * 59 + "relu" + "}" * 59,
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_long_and_deep_texts(name: str) -> None:
    """They are laid out, or refused with the limit that they break."""
    text = _HOSTILE[name] + "\n"
    found = Collector()
    if format_source(Source("x.arch", text), found) is None:
        assert all(diagnostic.id.startswith("limit-") for diagnostic in found)
    else:
        _check(text)


# ---------------------------------------------------------------- the command


def _fmt(*arguments: str | Path, given: str | None = None) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=given)


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    path = tmp_path / "messy.arch"
    path.write_text("input  8\nfc 3   # three\n", encoding="utf-8")
    return path


_TIDY = "input 8\nfc 3  # three\n"


def test_fmt_writes_and_says_so(messy: Path) -> None:
    messy.chmod(0o640)
    result = _fmt(messy)
    assert result.exit_code == 0
    assert messy.read_text(encoding="utf-8") == _TIDY
    assert f"reformatted {messy}" in result.output
    assert messy.stat().st_mode & 0o777 == 0o640
    assert list(messy.parent.iterdir()) == [messy]
    again = _fmt(messy)
    assert again.exit_code == 0
    assert "1 file left unchanged" in again.output


def test_fmt_leaves_what_is_laid_out_alone(messy: Path) -> None:
    messy.write_text(_TIDY, encoding="utf-8")
    before = messy.stat()
    assert _fmt(messy).exit_code == 0
    after = messy.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_fmt_follows_links(messy: Path) -> None:
    link = messy.parent / "link.arch"
    link.symlink_to(messy.name)
    assert _fmt(link).exit_code == 0
    assert link.is_symlink()
    assert messy.read_text(encoding="utf-8") == _TIDY


@pytest.mark.parametrize("option", ["--check", "--diff"])
def test_fmt_check_and_diff_write_nothing(messy: Path, option: str) -> None:
    before = messy.read_bytes()
    result = _fmt(option, messy)
    assert result.exit_code == 1
    assert messy.read_bytes() == before
    assert str(messy) in result.output
    messy.write_text(_TIDY, encoding="utf-8")
    assert _fmt(option, messy).exit_code == 0


def test_fmt_diff_is_a_diff(messy: Path) -> None:
    result = _fmt("--diff", messy)
    assert result.stdout == (
        f"--- {messy}\n+++ {messy}\n@@ -1,2 +1,2 @@\n-input  8\n-fc 3   # three\n+input 8\n+fc 3  # three\n"
    )


def test_fmt_reads_standard_input() -> None:
    result = _fmt("-", given="input  8\nfc 3   # three\n")
    assert result.exit_code == 0
    assert result.stdout == _TIDY
    assert _fmt("--check", "-", given="input  8\n").exit_code == 1
    assert _fmt("--check", "-", given="input 8\n").exit_code == 0


def test_fmt_leaves_a_file_with_errors_alone_and_goes_on(messy: Path) -> None:
    wrong = messy.parent / "wrong.arch"
    wrong.write_text("conv  3 -> -> relu\n", encoding="utf-8")
    result = _fmt(wrong, messy)
    assert result.exit_code == 1
    assert "error[syntax]" in result.output
    assert wrong.read_text(encoding="utf-8") == "conv  3 -> -> relu\n"
    assert messy.read_text(encoding="utf-8") == _TIDY


def test_fmt_of_bytes_that_are_no_text(messy: Path) -> None:
    messy.write_bytes(b"input 8 # \xff\n")
    result = _fmt(messy)
    assert result.exit_code == 1
    assert "not UTF-8" in result.output
    assert messy.read_bytes() == b"input 8 # \xff\n"


def test_fmt_usage(tmp_path: Path) -> None:
    assert _fmt().exit_code == 2
    assert _fmt(tmp_path / "none.arch").exit_code == 2
    assert _fmt("--chekc", tmp_path).exit_code == 2


# ---------------------------------------------------------------- flags


def test_a_flag_is_its_bare_word(tmp_path: Path) -> None:
    """`=false` unsets what a `default` sets, `bias` is no flag, and what is computed is no bare word."""
    text = """\
input 9x9x4  # ceil=true
default maxpool ceil=true
block stage<same=true> = conv 3x3 4 same=same
maxpool 3/2 ceil=true -> maxpool 2 ceil=false -> conv 3x3 4 bias=true same=true
-> maxpool 3/2 ceil=(1 == 1) -> stage<same=true>
"""
    path = tmp_path / "net.arch"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(command, [str(path)])
    assert result.exit_code == 0, result.output
    expected = text.replace("maxpool ceil=true", "maxpool ceil").replace("3/2 ceil=true", "3/2 ceil")
    expected = expected.replace("bias=true same=true", "bias=true same")
    assert path.read_text(encoding="utf-8") == expected
    before, after = archdsl.loads(text).graph, archdsl.loads(expected).graph
    assert [node.call for node in before.nodes] == [node.call for node in after.nodes]


def test_errors_of_a_text_with_a_flag_are_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text("input 9x9x4\nmaxpool 2 ceil=true -> -> relu\n", encoding="utf-8")
    result = CliRunner().invoke(command, [str(path)])
    assert result.exit_code == 1
    assert "net.arch:2:24" in result.output  # the second arrow of the text as it is, not as it would be
