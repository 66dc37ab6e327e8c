"""The forms of a summary: widths, sums, escapes, keys.

In: networks put together by hand. That the numbers are right is left to `test_analysis.py`.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from html.parser import HTMLParser

import pytest
from nets import Net, conv, fc, googlenet, maxpool, op, resnet

from archdsl.graph import Graph
from archdsl.report.columns import COLUMNS, choose_columns
from archdsl.report.delimited import to_csv
from archdsl.report.html import to_html
from archdsl.report.latex import escape_latex, to_latex
from archdsl.report.markdown import escape_markdown, to_markdown
from archdsl.report.numbers import binary, short
from archdsl.report.records import to_json
from archdsl.report.summary import summarize
from archdsl.report.text import to_text

HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    " \t=1+1",
    "\r=1",
    'a","b\n=2',
    "</td><script>alert(1)</script>",
    "| a | b |\n|---|---|",
    "[x](javascript:alert(1))",
    "![x](http://example.org/x)",
    "http://example.org",
    r"\input{/etc/passwd}",
    "%{}$&#^_~",
    r"\\[1cm] \end{tabular}",
    "\x1b[2J\x1b]0;title\x07",
    "\u202egnp.exe",
    "{0.__class__}",
    "'; DROP TABLE",
]


def _hostile(text: str) -> Graph:
    """A text wherever a user may put one: title, names, labels, calls."""
    net = Net(8, 8, 3, name=text, title=text, variant=text)
    with net.block(text, f'block<"{text}">', label=text):
        net.add(conv(3, 4), net.at, label=text)
    with net.block("b", text):
        net.then(op("relu"))
    net.add(fc(2), net.at, label=text)
    return net.graph()


def lenet() -> Graph:
    relu = op("tanh")
    net = Net(32, 32, 1, name="lenet5").then(conv(5, 6), relu, maxpool(2), conv(5, 16), relu, maxpool(2))
    return net.then(fc(120), relu, fc(84), relu, fc(10)).graph()


# ------------------------------------------------------------ numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (9_999, "9,999"), (25_557_032, "25.56M"), (999_999_999, "1.00G"), (11_513_626_624, "11.51G")],
)
def test_short(value: int, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.00 KiB"), (1_048_575, "1.00 MiB"), (240_771_232, "229.6 MiB")],
)
def test_binary(value: int, text: str) -> None:
    assert binary(value) == text


# ------------------------------------------------------------ text


@pytest.mark.parametrize(
    "graph", [resnet((3, 8, 36, 3)), googlenet(), lenet()], ids=["resnet152", "googlenet", "lenet5"]
)
@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_lines_fit(graph: Graph, width: int) -> None:
    assert max(map(len, to_text(summarize(graph), width=width).splitlines())) <= width


def test_a_row_a_layer_with_all_columns_in_80() -> None:
    lines = to_text(summarize(resnet((3, 8, 36, 3)))).splitlines()
    assert lines[0] == "resnet, 224x224x3 -> 1000"
    assert lines[3].split() == ["name", "op", "output", "params", "MACs", "MiB", "RF", "stride"]
    # 7*7*3*64 weights; 112*112 positions; 112*112*64 values of 4 bytes are 3.06 MiB.
    assert lines[6].split() == ["conv", "conv", "7x7/2+3", "64", "…", "112x112x64", "9,408", "118.0M", "3.06", "7", "2"]


def test_a_wide_terminal_gets_exact_numbers_and_whole_arguments() -> None:
    text = to_text(summarize(resnet((3, 8, 36, 3))), width=200)
    assert "118,013,952" in text
    assert "conv 7x7/2+3 64 bias=false" in text
    assert "…" not in text


def test_totals_say_what_they_count() -> None:
    text = to_text(summarize(resnet((3, 4, 6, 3)), batch=8, optimizer="adam"))
    for words in (
        "25,557,032",
        "4,089,184,256",
        "8,178,368,512",
        "trainable",
        "2 x MACs",
        "batch 8, adam",
        "not in it",
    ):
        assert words in text


def test_heads_of_training_are_set_apart() -> None:
    text = to_text(summarize(googlenet()))
    assert "6,998,552" in text
    assert "3,188,840" in text
    assert "† " in text


def test_chosen_columns_are_all_shown() -> None:
    text = to_text(summarize(lenet()), columns=choose_columns(["op", "flops", "connections"]), width=40)
    assert "FLOPs" in text
    assert "connections" in text
    assert "MiB" not in text.splitlines()[2]
    # Each has its line that says what it counts.
    assert re.search(r"^FLOPs\s+2 x MACs", text, re.MULTILINE)


@pytest.mark.parametrize(("keys", "words"), [(["nmae"], "is it `name`"), (["op", "op"], "twice"), ([""], "no column")])
def test_unknown_columns(keys: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        choose_columns(keys)


def test_colour_is_for_terminals_only() -> None:
    found = summarize(lenet())
    assert "\x1b" not in to_text(found)
    assert re.sub(r"\x1b\[\d*m", "", to_text(found, colour=True)) == to_text(found)


# ------------------------------------------------------------ CSV


def test_csv_columns_sum_to_the_totals() -> None:
    found = summarize(resnet((3, 4, 6, 3)), fold=False)
    rows = list(csv.DictReader(io.StringIO(to_csv(found))))
    assert sum(int(row["params"]) for row in rows) == 25_557_032
    assert sum(int(row["macs"]) for row in rows) == 4_089_184_256
    assert rows[1]["rf"] == "7x7"
    assert len(rows) == len(found.graph.nodes)


def test_csv_sums_hold_at_any_depth() -> None:
    rows = csv.DictReader(io.StringIO(to_csv(summarize(resnet((3, 4, 6, 3)), levels=1))))
    assert sum(int(row["params"]) for row in rows) == 25_557_032


@pytest.mark.parametrize("text", HOSTILE)
def test_csv_holds_no_formulas(text: str) -> None:
    found = summarize(_hostile(text), fold=False)
    rows = list(csv.reader(io.StringIO(to_csv(found, columns=tuple(COLUMNS.values())))))
    assert {len(row) for row in rows} == {len(COLUMNS)}
    for row in rows:
        for cell in row:
            assert not cell.lstrip().startswith(("=", "+", "-", "@"))


# ------------------------------------------------------------ Markdown, LaTeX, HTML


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_has_no_markup_of_users(text: str) -> None:
    made = to_markdown(summarize(_hostile(text)))
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", made)
    assert not re.search(r"<|\]\(|\x1b|\u202e", bare)
    tables = [line for line in bare.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} == {9, 4}


def test_markdown_shows_blocks_as_written() -> None:
    assert escape_markdown("bottleneck<64> | x_1") == r"bottleneck&lt;64&gt; \| x\_1"


@pytest.mark.parametrize("text", HOSTILE)
def test_latex_has_no_commands_of_users(text: str) -> None:
    made = to_latex(summarize(_hostile(text)))
    allowed = (
        "begin|end|centering|caption|toprule|midrule|bottomrule|usepackage|hspace|ldots|times"
        "|text(?:backslash|asciicircum|asciitilde|less|greater|bar|quotedbl|quotesingle|asciigrave)"
    )
    bare = re.sub(r"\\[{}$&#%_]", "", made)
    assert re.findall(r"\\([a-zA-Z]+)", re.sub(rf"\\(?:{allowed})\b", "", bare)) == []
    assert bare.count("{") == bare.count("}")
    # Every row has its four `&` and ends; none begins with what `\\` would take for an argument.
    rows = [line for line in bare.splitlines() if line.endswith(r"\\")]
    assert {line.count("&") for line in rows} == {4}
    assert not any(line.lstrip().startswith(("[", "*")) for line in rows)
    assert bare.count("%") == 1
    assert "\x1b" not in bare


def test_latex_text() -> None:
    assert escape_latex(r"100% of x_1 \ [2]") == r"100\% of x\_1 \textbackslash{} {[}2{]}"


@pytest.mark.parametrize("text", HOSTILE)
def test_html_has_no_markup_of_users(text: str) -> None:
    found: set[str] = set()

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.add(tag)
            assert {name for name, _ in attrs} <= {"style", "title"}

    made = to_html(summarize(_hostile(text)))
    Tags().feed(made)
    assert found == {"table", "caption", "thead", "tbody", "tr", "th", "td", "ul", "li", "b"}
    assert "\x1b" not in html.unescape(made)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_moves_no_cursor(text: str) -> None:
    made = to_text(summarize(_hostile(text)))
    assert all(char == "\n" or char.isprintable() for char in made)


# ------------------------------------------------------------ JSON


def test_json_has_the_documented_keys() -> None:
    record = json.loads(to_json(summarize(lenet())))
    assert {"name", "variant", "input", "outputs", "totals", "layers"} <= set(record)
    assert record["input"] == "32x32x1"
    assert record["outputs"] == {"output": "10"}
    assert {"params", "buffers", "macs", "flops", "depth", "activation_bytes"} <= set(record["totals"])
    # 6*25+6, 16*150+16, 400*120+120, 120*84+84, 84*10+10
    assert record["totals"]["params"] == 156 + 2_416 + 48_120 + 10_164 + 850
    assert record["totals"]["depth"] == 5
    first = record["layers"][0]
    assert {"name", "op", "block", "output", "params", "macs", "receptive_field", "stride"} <= set(first)
    assert (first["op"], first["output"], first["params"]) == ("conv 5x5 6", "28x28x6", 156)
    assert (first["receptive_field"], first["stride"], first["block"]) == ("5x5", "1x1", "")
    assert record["layers"][-1]["receptive_field"] == "all"
    assert record["layers"][-1]["stride"] is None


def test_json_unfolds_and_sums() -> None:
    record = json.loads(to_json(summarize(resnet((3, 8, 36, 3)))))
    assert sum(layer["params"] for layer in record["layers"]) == 60_192_808
    assert len({layer["name"] for layer in record["layers"]}) == len(record["layers"])


@pytest.mark.parametrize("text", HOSTILE)
def test_json_keeps_texts_as_they_are(text: str) -> None:
    assert json.loads(to_json(summarize(_hostile(text))))["title"] == text
