"""Syntax errors: every row of the table of mistakes is its own test, and no mutated text gives a traceback."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archdsl.diagnostics import Collector, Diagnostic, Source, render_text
from archdsl.elaborate import Request, Unresolved, Workspace
from archdsl.syntax.mistakes import Mistake, mistakes
from archdsl.syntax.parser import parse

_ROOT = Path(__file__).parent.parent
_CASES = [pytest.param(mistake, example, id=example) for mistake in mistakes() for example in mistake.examples]


def _errors(text: str) -> list[Diagnostic]:
    found = Collector()
    parse(Source("net.arch", text), found)
    return list(found)


def _marked(example: str) -> tuple[str, int, int]:
    """A text, and the start and end of what stands between « and » in it."""
    start, end = example.index("«"), example.index("»") - 1
    return example.replace("«", "").replace("»", ""), start, end


@pytest.mark.parametrize(("mistake", "example"), _CASES)
def test_table(mistake: Mistake, example: str) -> None:
    text, start, end = _marked(example)
    errors = _errors(text)
    assert [error.id for error in errors] == ["syntax"]
    (error,) = errors
    assert error.span is not None
    assert (error.span.start, error.span.end) == (start, end), render_text(errors)
    if isinstance(mistake.message, str):
        assert error.message == mistake.message
    if isinstance(mistake.hint, str):
        assert error.hint == mistake.hint
    assert error.hint
    assert "cannot stand here" not in error.message


# Sentences and hints that are made from the text itself: what a reader of the message would copy.
@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("let x2 = 3", "`x2` is the repeat word, as in `relu x2`, and cannot be a name", "choose another name: x_2"),
        ("conv 3x3 in.c*e", "a computed argument stands in parentheses", "write (in.c*e)"),
        ("conv 3x3 2*in.c", "a computed argument stands in parentheses", "write (2*in.c)"),
        ("conv 3*3 64", "a size is numbers joined by `x`", "write 3x3; a product stands in parentheses, (3*3)"),
        (
            "conv 3x3/2 +1 64",
            "a geometry is written without spaces",
            "write 3x3/2+1; a computed value stands in parentheses",
        ),
        ("conv 3x3 n*2", "a computed argument stands in parentheses", "write (n*2)"),
        ("conv 3x3 64 bias=not true", "a computed argument stands in parentheses", "write (not true)"),
        ("(conv 3x3 64) relu -> bn", "`->` is missing before `relu`", "write -> relu -> bn"),
        ("block f<w> conv 3x3 w", "`=` is missing before `conv`", "write = conv 3x3 w"),
        (
            "block f(w, s=1) = conv 3x3 w",
            "the parameters of a block stand in angle brackets",
            "write block f<w, s=1>; round brackets name the tensors that enter",
        ),
        ("input 32, 32, 3", "a size is numbers joined by `x`", "write input 32x32x3"),
        ("input 3, 224, 224", "a size is numbers joined by `x`", "write input 224x224x3"),
        ("input 1 28 28", "a size is numbers joined by `x`", "write input 28x28x1"),
        ("input 3, 5, 5", "a size is numbers joined by `x`", "write input 3x5x5"),
        (
            "(1x1 64 | 3x3 64)",
            "branches stand in angle brackets, behind the word that joins them",
            "write concat<conv 1x1 64 | conv 3x3 64>",
        ),
        (
            "relu -> add (relu -> f(2, 3) | id)",
            "branches stand in angle brackets, behind the word that joins them",
            "write add<relu -> f(2, 3) | id>",
        ),
        ("1x1 64 -> relu", "a size stands here without its layer", "write conv 1x1 64"),
        ('arch "VGG net"', "`arch` needs a name before its title", 'write arch vgg_net "VGG net"'),
        ("use lib/residual.arch", "the path of `use` stands in double quotes", 'write use "lib/residual.arch"'),
        ("conv 3x3 64 : 32x32x64", "a size is asserted with `::`", "write :: 32x32x64"),
        ("conv 3x3 64 groups:2", "an argument is named with `=`", "write groups=2"),
        ("blok unit<w> = conv 3x3 w", "there is no statement `blok`", "did you mean `block`?"),
        ("if n = 1 then relu else id", "equality is `==`", "write n == 1"),
        ("dropout 50%", "there are no per cent", "write 0.5"),
        ("dropout .5", "a number begins with a digit", "write 0.5"),
        ("dropout 0,5", "a fraction is written with a point", "write 0.5"),
    ],
)
def test_fix_is_written_out(text: str, message: str, hint: str) -> None:
    (error,) = _errors(text)
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(
    ("example", "message", "hint"),
    [
        ("arch alexnet «'2012'»", "strings stand in double quotes", 'write "2012"'),
        ("arch alexnet «“2012”»", "strings stand in double quotes", 'write "2012"'),
        ('arch alexnet «"2012»', "this string does not end on its line", 'close it with `"`'),
        ("conv 3«×»3 64", "sizes are written with the letter x", "write 3x3"),
        ("conv 3«×»3/2+1 64", "sizes are written with the letter x", "write 3x3/2+1"),
        ("input 224«×»224×3", "sizes are written with the letter x", "write 224x224x3"),
        ("conv 3 «×» 3 64", "sizes are written with the letter x", "write `x`"),
        ("relu «×» 3", "a repeat is written with the letter x", "write x3"),
        ("(relu -> bn)«×»12 -> fc 3", "a repeat is written with the letter x", "write x12"),
        ("«3x» relu", "a repeat stands behind what it repeats", "write relu x3"),
        ("relu -> «3x» (relu -> bn) -> relu", "a repeat stands behind what it repeats", "write (relu -> bn) x3"),
        ("«3x» conv 3x3 64 -> relu", "a repeat stands behind what it repeats", "write conv 3x3 64 x3"),
        ("relu«;»", "`;` does not end a statement", "remove it"),
        ("input 8x8x3«;»  # why", "`;` does not end a statement", "remove it"),
        ("relu «→» bn", "an arrow is `->`", "write `->`"),
        ("relu«;» bn", "`;` does not end a statement", "its own line"),
        ("if a «&&» b then relu else id", "`&` is not a sign", "write `and`"),
        ("if «!»a then relu else id", "`!` is not a sign", "write `not`"),
        ("let n = 2«^»3", "`^` is not a sign", "a power is `**`"),
        ("relu «@» 3", "a label is `@` and a name", "relu @a"),
        ("input «224X224X3»", "`224X224X3` is not a number", "write 224x224x3"),
        ("conv «3x» 64", "`3x` is not a number", "3x3"),
        ("arch «3net»", "`3net` is not a number", "a name begins with a letter"),
        ("expect params «25.6m»", "`25.6m` is not a number", "write 25.6M"),
        ("relu :: «?»x32x64", "`?` is not a sign", "if a then b else c"),
        ("conv «ä» 64", "a name is made of the letters a to z", "double quotes"),
        ("relu «\\»", "a line is not carried on", "a newline after"),
    ],
)
def test_characters(example: str, message: str, hint: str) -> None:
    text, start, end = _marked(example)
    (error,) = _errors(text)
    assert error.id == "syntax"
    assert error.span is not None
    assert (error.span.start, error.span.end) == (start, end)
    assert error.message.startswith(message)
    assert hint in error.hint


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ("add«<»relu | id", "this `<` is never closed"),
        ("«(»relu -> bn", "this `(` is never closed"),
        ("relu -> bn«)»", "`)` closes nothing"),
        ("f(relu«]»", "`]` closes a `(`"),
        ("if n «<» 3 then relu else id", "`<` compares only inside parentheses"),
        ("block f<n> = if n«<»3 then relu else id", "`<` compares only inside parentheses"),
        ("add<if n «<» 3 then relu else id | id>", "`<` compares only inside parentheses"),
    ],
)
def test_brackets(example: str, message: str) -> None:
    text, start, end = _marked(example)
    error = next(error for error in _errors(text) if error.message == message)
    assert error.id == "syntax"
    assert error.span is not None
    assert (error.span.start, error.span.end) == (start, end)
    assert error.hint


def test_an_input_that_nobody_reads_is_told_how_to_be_read() -> None:
    found = Collector()
    Workspace.text("input left 8x8x1\ninput right 8x8x1\n@left -> fc 2", found).network(Request(), found)
    assert [(each.id, each.hint) for each in found] == [("unused-input", "start a chain at it: @right -> …")]


def test_each_statement_is_read_by_itself() -> None:
    """Three broken lines are three errors, in the order of the text; the right ones between them are read."""
    text = "arch a 'x'\ninput 8x8x3\nconv 3x3, 8\nrelu -> (bn\noutput b = @in -> relu\n"
    found = Collector()
    file = parse(Source("net.arch", text), found)
    assert [error.span.line for error in found.sorted() if error.span] == [1, 3, 4]
    assert [type(statement).__name__ for statement in file.statements] == ["Input", "OutputStatement"]


def test_an_arrow_at_the_end_does_not_take_the_next_statement() -> None:
    (error,) = _errors("relu ->\nexpect params 3\n")
    assert error.message == "no layer follows the arrow"


# ---------------------------------------------------------------- mutated texts


_EVERYTHING = """\
arch all<n=2, unit=mine> "everything"
input left 8x8x4
input right 8x8x4
default conv bias=false
let ws = [8, 16]
block mine<w, s=1> = residual<
    conv 3x3/s+1 w -> bn
  | if s != 1 or in.c != w then conv 1x1/s w else id>
block cell<f>(h, p) { @p -> conv 1x1 f @q
                      @h -> relu -> conv 1x1 f @r
                      add<@q | @r> @y
                      return @y, @h }
block frac<k, c> = if k == 1 then unit<c> else mean<unit<c> | frac<k-1, c> -> frac<k-1, c> drop=0.15>
share tower = conv 3x3+1 4 -> relu
(@left, @right) -> cell<4> x2 -> first @y
concat<@left -> tower | @right -> tower> -> mine<(ws[0]), s=2> x(i in 1) -> frac<n, 8> :: 4x4x8
-> split 2 @a @b
concat<@a | @b -> (relu) x((u, v) in [(1, 2)])> -> choice<gap | gmp> -> fc one_of(2, 3)
output aux training = @y -> gap -> fc 10
expect params 1.2K depth 50 "a source"
train {
  data cifar10
  batch 128    epochs 164
  optimizer sgd lr=0.1
  schedule step at=[82, 123] factor=0.1
  loss cross_entropy + 0.3 aux
}
"""


def _programs() -> list[str]:
    """The texts of specs/ and the programs of the language tests."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((_ROOT / "specs").rglob("*.arch"))]
    for path in sorted((_ROOT / "tests" / "lang").glob("*.md")):
        texts += re.findall(r"```arch\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    texts.append(_EVERYTHING)
    return texts


_PROGRAMS = _programs()
_TOKEN = re.compile(r"\s+|[A-Za-z_@][A-Za-z0-9_]*|[0-9][0-9.x]*|->|::|.")
_PIECES = [
    *(
        "->",
        "|",
        "<",
        ">",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "=",
        ":",
        "::",
        "@",
        "@a",
        "x3",
        "x(",
        "\n",
        " ",
        "#",
        '"',
        "'",
    ),
    *(
        "if",
        "then",
        "else",
        "in",
        "in.c",
        "id",
        "first",
        "block f",
        "let",
        "return",
        "choice<",
        "one_of(",
        "*",
        "**",
        "-1",
        "0",
    ),
    *(
        "9**9**9",
        "1e300",
        "99999999999999999999",
        "relu",
        "conv",
        "3x3",
        "true",
        "ä",
        "\0",
        "\\",
        "%",
        "x0",
        "/0",
    ),
]


@st.composite
def _mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(_PROGRAMS))
    whole_tokens = draw(st.booleans())
    parts = _TOKEN.findall(text) if whole_tokens else list(text)
    for _ in range(draw(st.integers(1, 4))):
        if not parts:
            break
        at = draw(st.integers(0, len(parts) - 1))
        match draw(st.sampled_from(["delete", "duplicate", "swap", "insert", "cut"])):
            case "delete":
                del parts[at]
            case "duplicate":
                parts.insert(at, parts[at])
            case "swap":
                other = draw(st.integers(0, len(parts) - 1))
                parts[at], parts[other] = parts[other], parts[at]
            case "insert":
                parts.insert(at, draw(st.sampled_from(_PIECES)))
            case _:
                del parts[at:]
    return "".join(parts)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(_mutated())
def test_mutated_text_never_tracebacks(text: str) -> None:
    started = time.process_time()
    found = Collector()
    workspace = Workspace.text(text, found)
    try:
        network = workspace.network(Request(), found)
    except Unresolved:
        network = None
    assert time.process_time() - started < 1.0
    for variant in workspace.variants[:1]:
        try:
            workspace.network(Request(variant=variant), Collector())
        except Unresolved:
            continue
    assert (network is None) or not found.failed
    render_text(found.sorted())
