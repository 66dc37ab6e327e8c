"""Bad and hostile documents: a located message or a quick refusal, never a traceback.

In: texts and files with a mistake, or made to take long. Out: ids, messages and lines, stated by hand.
"""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archdsl import limits
from archdsl.diagnostics import Collector, render_text
from archdsl.verify.reading.documents import FORMATS, read_tables, read_text
from archdsl.verify.reading.understand import understand
from tests.table_texts import roles, texts, wrong

# ---------------------------------------------------------------- bad tables


@pytest.mark.parametrize(
    ("text", "format", "id", "said", "line"),
    [
        ("a,b\n1,2\n3,4,5\n", "csv", "table-ragged", "row 2 has 3 cells, not 2 as the header; `5` is one too many", 3),
        ("a,b,c\n1,2\n", "csv", "table-ragged", "row 1 has 2 cells, not 3 as the header", 2),
        ("| a | b |\n|--|--|\n| 1 |\n", "markdown", "table-ragged", "row 1 has 1 cell, not 2", 3),
        ("<table><tr><th>a<tr><td>1<td>2</table>", "html", "table-ragged", "row 1 has 2 cells", 1),
        ("\\begin{tabular}{c}a\\\\ \\hline 1 & 2\\\\ \\end{tabular}", "latex", "table-ragged", "row 1 has 2 cells", 1),
        ("a,b\n", "csv", "table-empty", "no rows below its header", 1),
        ("", "csv", "table-empty", "there is no table", 0),
        ("| a |\n", "markdown", "table-empty", "there is no table", 0),
        ('a,b\n1,2\n"3,4\n', "csv", "table-syntax", "line 3", 3),
        ("\\begin{tabular}{c}a\\\\ {b \\end{tabular}", "latex", "table-syntax", "opens a brace that is not closed", 1),
        ("x\n\\begin{tabular}{c}a\\\\ b", "latex", "table-syntax", "line 2 begins a tabular that does not end", 2),
        ("<table><tr><td>a", "html", "table-syntax", "ends inside a table", 1),
        ("<table><tr><td>a<table></table></table>", "html", "table-syntax", "a table stands inside a table", 1),
        ('<table><tr><td colspan="x">a</table>', "html", "table-syntax", 'colspan="x"', 1),
        ("type,params\nconv,55x55\n", "csv", "table-cell", "row 1, column 2 (`params`): `55x55` is not understood", 2),
        ("type,output\nconv,9x9\nfc,big\n", "csv", "table-cell", "row 2, column 2 (`output`): `big`", 3),
        ("type,Params (M)\nconv,61\nfc,2.7K\n", "csv", "table-cell", "unit of its own, K, and its header says M", 3),
        (
            "type,params\nconv,61\nfc,3 GFLOPs\n",
            "csv",
            "table-cell",
            "it counts operations, and its column parameters",
            3,
        ),
        ("type,repeat\nconv,2\nfc,1.5\n", "csv", "table-cell", "it is no whole number", 3),
        ("type,repeat\nconv,2\n[conv] x 999,999\n", "csv", "table-cell", "more often than 10,000 times", 3),
        ("type,repeat\nconv,2\n[[conv] x 999] x 999,1\n", "csv", "table-cell", "more than 10,000 layers", 3),
        ("conv1,55x55x96,34944\npool1,27x27x96,0\n", "csv", "table-headless", "its first row holds figures", 1),
        ("a,b\n" + "[" * 21 + ",2\n", "csv", "limit-cell", "row 1, column 1 has brackets 21 deep", 2),
        ("a,b\n" + "x" * 10_001 + ",2\n", "csv", "limit-cell", "row 1, column 1 has 10,001 characters", 2),
        ("a,b\n" + "1,2\n" * 5001, "csv", "limit-table", "more than 5,000 rows", 5002),
        ("," * 199 + "\n1\n", "csv", "table-empty", "no rows below", 2),
        ("a" + ",a" * 200 + "\n", "csv", "limit-table", "more than 200 columns", 1),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_tables_are_located(text: str, format: str, id: str, said: str, line: int) -> None:
    found = wrong(text, format)
    assert [one[0] for one in found] == [id]
    assert said in found[0][1]
    assert found[0][2] == line


def test_a_table_without_a_header_is_understood_by_its_values() -> None:
    found = Collector()
    text = "conv1,227x227x3,55x55x96,34944\npool1,55x55x96,27x27x96,0\n"
    (table,) = read_text(text, "t", "csv", found)
    assert roles(understand(table, {}, {}, found)) == ["layer", "input", "output", "unknown"]
    assert roles(understand(table, {"4": "params"}, {}, found)) == ["layer", "input", "output", "params"]
    assert [one.id for one in found] == ["table-headless"]


def test_a_cell_that_is_not_understood_is_an_entry_with_its_problem() -> None:
    found = Collector()
    (table,) = read_text("type,params\nconv,1\nfc,55x55\n", "t", "csv", found)
    entry = understand(table, {}, {}, found).lines[1].entries[1]
    assert (entry.value, bool(entry.problem)) == ("55x55", True)


@pytest.mark.parametrize(
    ("name", "content", "id", "said"),
    [
        ("a.csv", b"a,b\nc,\x00\n", "table-encoding", "0x00, in line 2, at byte 3"),
        ("a.csv", "a,b\nc,ä\n".encode("latin-1"), "table-encoding", "0xe4, in line 2, at byte 3"),
        ("a.csv", "a,b\nc,d\n".encode("utf-16"), "table-encoding", "0xff, in line 1, at byte 1"),
        ("a.pdf", b"%PDF-1.4\n1 0 obj\n", "table-format", "is none of csv, tsv, markdown, latex, html"),
        ("a.csv", b"x" * (limits.FILE_BYTES + 1), "limit-file", "larger than 4,194,304 bytes"),
        ("a.md", b"a,b\n1,2\n", "table-empty", "there is no table"),
    ],
)
def test_bad_files(name: str, content: bytes, id: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    found = Collector()
    assert read_tables(tmp_path / name, found) == []
    (only,) = found
    assert only.id == id
    assert said in only.message
    assert only.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    found = Collector()
    assert read_tables(tmp_path / "no.csv", found) == []
    assert read_tables(tmp_path, found) == []
    assert {one.id for one in found} == {"unreadable-file"}


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("a,b\n1,2\n", "csv"),
        ("a\tb\n1\t2\n", "tsv"),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n", "markdown"),
        ("\\begin{tabular}{cc} a & b \\\\ \\hline 1 & 2 \\end{tabular}\n", "latex"),
        ("<table><tr><th>a<th>b<tr><td>1<td>2</table>\n", "html"),
    ],
)
def test_the_format_is_found_where_the_name_does_not_tell(text: str, format: str, tmp_path: Path) -> None:
    (tmp_path / "table.txt").write_text(text, encoding="utf-8")
    found = Collector()
    (table,) = read_tables(tmp_path / "table.txt", found)
    assert texts(table) == [["a", "b"], ["1", "2"]]
    assert not found, format


def test_an_unknown_format_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="did you mean `latex`"):
        read_text("", "t", "latec", Collector())


# ---------------------------------------------------------------- hostile documents


@pytest.mark.parametrize(
    ("format", "unit"),
    [
        *[("html", unit) for unit in ("<", "<a ", "<!--", "</", "<table>", "<td rowspan=9>", "&", "<a b='")],
        *[("latex", unit) for unit in ("{", "\\[", "\\begin{tabular}{c}", "$", "\\cite[", "\\\\", "\\a", "&", "^")],
        *[("markdown", unit) for unit in ("|", "*", "[^", "|-\n", "<!--", "```\n", "<table")],
        *[("csv", unit) for unit in ('"', ",", "#\n", "a,b\n\n", "\r", "#a,b\n")],
    ],
)
def test_hostile_documents_take_no_time(format: str, unit: str) -> None:
    """40,000 characters; what is quadratic in them takes minutes."""
    start = perf_counter()
    wrong(unit * (40_000 // len(unit)), format)
    assert perf_counter() - start < 10


def test_macros_cannot_write_out_without_end() -> None:
    doubling = "".join(
        f"\\newcommand{{\\{name}}}{{\\{last}\\{last}}}"
        for last, name in zip("abcdefghijklmnopqrstuv", "bcdefghijklmnopqrstuvw", strict=True)
    )
    text = "\\newcommand{\\a}{x}" + doubling + "\\begin{tabular}{c} h \\\\ \\hline \\w \\\\ \\end{tabular}"
    assert [one[0] for one in wrong(text, "latex")] == ["table-syntax"]
    circle = "\\newcommand{\\a}{\\b}\\newcommand{\\b}{\\a}\\begin{tabular}{c} h \\\\ \\hline \\a \\\\ \\end{tabular}"
    assert [one[0] for one in wrong(circle, "latex")] == ["table-syntax"]


_PIECES: dict[str, list[str]] = {
    "printout": [
        *("=" * 40 + "\n", "_" * 40 + "\n", "Layer (type:depth-idx)", "Layer (type)", "Output Shape", "Param #", "   "),
        *(
            "\n",
            "├─",
            "│    └─",
            "Conv2d: 1-1",
            "conv2d (Conv2D)",
            "[1, 64, 8, 8]",
            "(None, 8, 8, 64)",
            "1,792",
            "--",
            "┃",
            "━",
        ),
        *("Total params: 1,792\n", "Trainable params: ", "(recursive)", "[", "None"),
    ],
    "csv": [
        *("a", "1", ",", ";", '"', "\n", "#", "# archdsl let: C=1\n", "type", "params", "55x55", "2.7K"),
        *(
            "f=1",
            "\t",
            " ",
        ),
    ],
    "tsv": [
        *(
            "a",
            "1",
            "\t",
            '"',
            "\n",
            "[",
            "conv",
        ),
    ],
    "markdown": [
        *("|", "---", "\n", "| a | b |\n|--|--|\n", "*", "`", "<br>", "<table>", "</table>", "<!--", "-->"),
        *(
            "1",
            "conv",
            "[",
            "]",
            "\\",
        ),
    ],
    "latex": [
        *("\\begin{tabular}{cc}", "\\end{tabular}", "&", "\\\\", "\\hline", "\\multirow{2}{*}{a}"),
        *("\\multicolumn{2}{c}{b}", "{", "}", "%", "\n", "$", "\\left[", "\\begin{array}{c}", "\\end{array}"),
        *(
            "\\newcommand{\\x}[1]{#1#1}",
            "\\x",
            "a",
            "3",
        ),
    ],
    "html": [
        *("<table>", "</table>", "<tr>", "<td>", "<th>", "<td colspan=3>", "<td rowspan=2>", "</td>", "a"),
        *(
            "1",
            "<br>",
            "<sup>",
            "&lt;",
            "<!--",
            "-->",
            "\n",
            "<caption>",
        ),
    ],
}


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_document_is_a_traceback(data: st.DataObject) -> None:
    format = data.draw(st.sampled_from(FORMATS))
    pieces = st.lists(st.sampled_from(_PIECES[format]), max_size=30).map("".join)
    text = data.draw(pieces | st.text(max_size=60))
    found = Collector()
    for table in read_text(text, "t", format, found):
        width = len(table.headers)
        assert all(len(row.cells) == width for row in table.rows)
        reading = understand(table, {}, {"N": 2}, found)
        assert len(reading.columns) == width
        assert len(reading.lines) == len(table.rows)
    assert render_text(found.sorted()) or not found
