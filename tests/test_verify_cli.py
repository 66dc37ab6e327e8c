"""`archdsl verify` as a user meets it: which table meets which network, statuses, formats, known misprints.

The networks are small enough to count by hand: `conv 3x3 4` on 8x8x3 gives 6x6x4, with 3*3*3*4 + 4 = 112 parameters;
`fc 10` on its 4 channels has 4*10 + 10 = 50.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archdsl.cli.main import archdsl
from archdsl.verify.called import called, parts

SPECS = Path(__file__).parent.parent / "specs"

NET = "arch tiny<classes=10>\ninput 8x8x3\nconv 3x3 4 -> relu -> gap -> fc classes\n"
# Widths 4 and 8: 3*3*3*8 + 8 = 224 parameters, and 8*10 + 10 = 90.
FAMILY = NET.replace("classes=10", "w=4, classes=10").replace("conv 3x3 4", "conv 3x3 w") + (
    "variant tiny4, A = tiny<4>\nvariant tiny8, B = tiny<8>\n"
)
TRUE = "type,output,params\nconv,6x6x4,112\nrelu,6x6x4,\nfc,10,50\n"
WRONG = TRUE.replace("112", "113")
DIRECTED = "# archdsl network: net.arch\n"

Write = Callable[[str, str], str]


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(archdsl, ["verify", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def make(name: str, text: str) -> str:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    return make


def cells(*arguments: str) -> dict[tuple[str, str], dict[str, str]]:
    """The cells of one table, by row and column."""
    found: list[dict[str, str]] = json.loads(run(*arguments, "--json").stdout)["cells"]
    return {(cell["row"], cell["column"]): cell for cell in found}


# ---------------------------------------------------------------- status


def test_a_true_table_ends_with_0(write: Write) -> None:
    result = run(write("net.arch", NET), write("t.csv", TRUE))
    assert result.exit_code == 0, result.output
    assert "contradiction" not in result.stdout
    assert result.stderr == ""


def test_a_wrong_cell_ends_with_1_and_shows_the_arithmetic(write: Write) -> None:
    result = run(write("net.arch", NET), write("t.csv", WRONG))
    assert result.exit_code == 1
    assert "contradiction  row 1, params: 113 -> 112" in result.stdout
    assert "3*3*3*4 + 4 = 112" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "id"),
    [
        (["net.arch", "none.csv"], "unreadable-file"),
        (["none.arch", "t.csv"], "unreadable-file"),
        (["net.arch", "nothing"], "unreadable-file"),
        (["net.arch", "image.png"], "unreadable-file"),
        (["net.arch:small", "t.csv"], "unknown-variant"),
        (["zoo:vgg17", "t.csv"], "unknown-network"),
        (["broken.arch", "t.csv"], "unknown-name"),
        (["net.arch", "ragged.csv"], "table-ragged"),
        (["net.arch", "binary.csv"], "table-encoding"),
        (["net.arch", "empty.md"], "table-empty"),
        (["net.arch", "strange.csv"], "nothing-compared"),
        (["net.arch", "t.known.csv"], "nothing-to-verify"),
        (["library.arch", "t.csv"], "nothing-to-verify"),
        (["net.arch"], "nothing-to-verify"),
        (["prose"], "nothing-to-verify"),
        (["net.arch", "t.csv", "--columns", "parms=params"], "table-directive"),
        (["net.arch", "t.csv", "--columns", "params=weights"], "table-directive"),
    ],
)
def test_what_cannot_be_compared_ends_with_2(write: Write, arguments: list[str], id: str) -> None:
    write("net.arch", NET)
    write("t.csv", TRUE)
    write("t.known.csv", "row,column,printed,why\n")
    write("image.png", "")
    write("broken.arch", "input 8x8x3\nconv 3x3 4 -> rellu\n")
    write("ragged.csv", "type,params\nconv,1,2,3\n")
    write("binary.csv", "type,params\nconv,1\0\n")
    write("empty.md", "Only prose.\n")
    write("strange.csv", "property,opinion\ncolour,nice\nshape,good\n")
    write("library.arch", "block unit = conv 3x3+1 8\n")
    write("prose/notes.md", "# Notes\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert f"error[{id}]" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--columns", "params"],
        ["--let", "C"],
        ["--let", "C=ten"],
        ["--let", "C=1e3"],
        ["--json", "--markdown"],
        ["--quiet", "--all"],
        ["--format", "xml"],
        ["--report", "none/errata.md"],
    ],
)
def test_options_that_say_nothing_end_with_2(write: Write, options: list[str]) -> None:
    files = [write("net.arch", NET), write("t.csv", TRUE)] if options else []
    result = run(*files, *options)
    assert result.exit_code == 2
    assert "Error:" in result.stderr


def test_a_claim_that_is_false_ends_with_1(write: Write) -> None:
    result = run(write("net.arch", NET + "expect params 163\n"))  # 112 + 50 = 162
    assert result.exit_code == 1
    assert "error[wrong-claim]" in result.stderr
    assert "1 false" in result.stdout
    assert run(write("net.arch", NET + "expect params 162\n")).exit_code == 0


# ---------------------------------------------------------------- formats


def test_text_keeps_to_80_columns_and_has_no_colours(write: Write) -> None:
    row = "fc,10,51\n" + "# " + "a long note " * 20
    result = run(write("net.arch", NET), write("t.csv", TRUE.replace("fc,10,50", row)), "--all")
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    for said in ('params <- "params"', "3 of 3 matched", "every weight layer is in some row", "1 contradiction"):
        assert said in result.stdout


def test_text_lists_what_nobody_understood_and_what_no_row_names(write: Write) -> None:
    table = "type,output,zorb\nconv,6x6x4,ours\n"
    result = run(write("net.arch", NET), write("t.csv", table))
    assert '"zorb": never compared' in result.stdout
    assert "no row names fc" in result.stdout


def test_text_shows_cells_that_hold_only_on_request(write: Write) -> None:
    files = [write("net.arch", NET), write("t.csv", TRUE)]
    assert "row 1, output: 6x6x4" not in run(*files).stdout
    assert "holds          row 1, output: 6x6x4" in run(*files, "--all").stdout


def test_wide_characters_take_two_columns(write: Write) -> None:
    note = "卷积神经网络" * 20
    result = run(write("net.arch", NET), write("t.csv", f"# {note}\n层,输出尺寸,参数量\nconv,6x6x4,113\nfc,10,50\n"))
    assert result.exit_code == 1, result.output
    from archdsl.report.numbers import width

    assert max(map(width, result.stdout.splitlines())) <= 80


def test_quiet_is_the_sums_alone(write: Write) -> None:
    result = run(write("net.arch", NET), write("t.csv", WRONG), "--quiet")
    assert result.stdout.count("\n") <= 2
    # Three names, three sizes, two figures: eight cells, and each says one thing.
    assert result.stdout.startswith("1 table, 8 cells, 8 compared (8 facts): 7 hold, 1 contradiction")


def test_json_is_as_documented(write: Write) -> None:
    result = run(write("net.arch", NET), write("t.csv", WRONG), "--json")
    assert result.exit_code == 1
    record = json.loads(result.stdout)
    assert set(record) == {"cells", "totals"}
    fields = ["table", "row", "column", "printed", "computed", "verdict", "convention", "explanation", "suggestion"]
    assert all(list(cell) == fields for cell in record["cells"])
    assert all(isinstance(value, str) for cell in record["cells"] for value in cell.values())
    wrong = [cell for cell in record["cells"] if cell["verdict"] == "contradiction"]
    assert [(cell["table"], cell["row"], cell["column"], cell["printed"], cell["computed"]) for cell in wrong] == [
        ("t.csv", "1", "params", "113", "112")
    ]
    totals = record["totals"]
    assert (totals["tables"], totals["cells"], totals["compared"], totals["facts"]) == (1, 8, 8, 8)
    assert (totals["holds"], totals["contradiction"], totals["not-checked"]) == (7, 1, 0)


def test_json_numbers_rows_as_the_table_does(write: Write) -> None:
    table = "index,type,params\n7,conv,113\n9,fc,50\n"
    assert ("7", "params") in cells(write("net.arch", NET), write("t.csv", table))


def test_github_annotates_the_line_of_the_table(write: Write) -> None:
    result = run(write("net.arch", NET), write("t.csv", "# a note\n" + WRONG), "--format", "github")
    assert result.exit_code == 1
    (line,) = result.stdout.splitlines()
    assert line.startswith("::error file=t.csv,line=3,")
    assert "row 1, params: `113` is 112 by tiny" in line
    assert run("net.arch", write("t.csv", TRUE), "--format", "github").stdout == ""


def test_github_annotates_what_could_not_be_compared(write: Write) -> None:
    result = run(write("net.arch", NET), write("t.csv", "type,params\nconv,1,2\n"), "--format", "github")
    assert result.exit_code == 2
    assert result.stdout.startswith("::error file=t.csv,line=2,")


def test_markdown_escapes_what_is_printed(write: Write) -> None:
    result = run(write("net.arch", NET), write("t_1.csv", WRONG), "--markdown")
    assert "### t\\_1.csv, against tiny" in result.stdout
    assert "| 1 | params | 113 | 112 | contradiction | 3\\*3\\*3\\*4 + 4 = 112" in result.stdout


def test_latex_is_a_table_with_nothing_unescaped(write: Write) -> None:
    result = run(write("net.arch", NET), write("t_1.csv", WRONG.replace("params", "#params")), "--latex")
    body = result.stdout.replace("\\\\", "")
    assert result.stdout.count("\\begin{tabular}") == result.stdout.count("\\end{tabular}") == 1
    assert "t\\_1.csv" in body
    assert not re.search(r"(?<!\\)[#_]", "".join(line for line in body.splitlines() if not line.startswith("%")))


def test_hostile_texts_move_no_cursor(write: Write) -> None:
    table = TRUE.replace("relu,6x6x4,", "relu,6x6x5,").replace("type", "type\x1b[2J\u202e")
    result = run(write("net.arch", NET), write("t.csv", table), "--columns", "layer=1", "--all")
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout


# ---------------------------------------------------------------- which table, which network


def test_a_table_says_which_network_it_is_about(write: Write) -> None:
    write("nets/net.arch", NET)
    assert run(write("nets/t.csv", DIRECTED + WRONG)).exit_code == 1
    assert run(write("papers/t.csv", "# archdsl network: ../nets/net.arch\n" + TRUE)).exit_code == 0


def test_the_command_line_is_stronger_than_the_directive(write: Write) -> None:
    write("net.arch", NET)
    wide = write("wide.arch", NET.replace("conv 3x3 4", "conv 3x3 8"))
    table = write("t.csv", DIRECTED + TRUE)
    assert run(table).exit_code == 0
    assert run(wide, table).exit_code == 1


def test_a_directive_that_leads_nowhere_is_shown_in_the_table(write: Write) -> None:
    result = run(write("t.csv", "# a note\n# archdsl network: gone.arch\n" + TRUE))
    assert result.exit_code == 2
    assert "--> t.csv:2:" in result.stderr


def test_a_network_alone_finds_the_tables_beside_it(write: Write) -> None:
    net = write("net.arch", NET)
    write("other.arch", NET)
    write("mine.csv", DIRECTED + WRONG)
    write("other.csv", "# archdsl network: other.arch\n" + WRONG)
    write("nobody.csv", WRONG)
    result = run(net)
    assert result.exit_code == 1
    assert "mine.csv, against tiny" in result.stdout
    assert "other.csv" not in result.stdout
    assert "nobody.csv" not in result.stdout


def test_a_zoo_name_is_a_network(write: Write) -> None:
    # LeNet-5's first layer: 5*5*1*6 + 6 = 156.
    table = write("t.csv", "type,output,params\nconv,28x28x6,156\n")
    assert run("zoo:lenet5", table).exit_code == 0
    assert run(write("u.csv", "# archdsl network: zoo:lenet5\ntype,output,params\nconv,28x28x6,157\n")).exit_code == 1


def test_a_folder_is_everything_in_it(write: Write) -> None:
    write("a/net.arch", NET + "expect params 162\n")
    write("a/deep/er/t.csv", "# archdsl network: ../../net.arch\n" + WRONG)
    write("a/t.md", "<!-- archdsl network: net.arch -->\n\n| type | params |\n|---|---|\n| conv | 112 |\n| fc | 50 |\n")
    write("a/README.md", "# Read me\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    write("a/data.csv", "1,2\n3,4\n")
    write("a/.hidden/t.csv", DIRECTED + WRONG)
    write("a/deep/er/t.known.csv", 'row,column,printed,why\n1,params,113,"112, by hand"\n')
    result = run("a")
    assert result.exit_code == 0, result.output
    assert "1 acknowledged" in result.stdout
    assert "2 tables" in result.stdout
    assert "1 claim (`expect`) of 1 network in 1 file: all hold" in result.stdout
    assert "2 documents of the folders were passed over" in result.stdout
    assert json.loads(run("a", "--json").stdout)["totals"]["documents_passed_over"] == 2


DOCUMENTS = {
    "t.tsv": "# archdsl network: net.arch\ntype\tparams\nconv\t113\nfc\t50\n",
    "t.md": "<!-- archdsl network: net.arch -->\n\n| type | params |\n|---|---|\n| conv | 113 |\n| fc | 50 |\n",
    "t.html": "<!-- archdsl network: net.arch --><table><tr><th>type</th><th>params</th></tr>"
    "<tr><td>conv</td><td>113</td></tr><tr><td>fc</td><td>50</td></tr></table>",
    "t.tex": "% archdsl network: net.arch\n\\begin{tabular}{lr}\ntype & params \\\\ \\hline\nconv & 113 \\\\\n"
    "fc & 50 \\\\\n\\end{tabular}\n",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_of_any_format_says_which_network_it_is_about(write: Write, name: str) -> None:
    write("a/net.arch", NET)
    write(f"a/{name}", DOCUMENTS[name])
    for argument in ("a", f"a/{name}"):
        found = cells(argument)
        assert [place for place, cell in found.items() if cell["verdict"] == "contradiction"] == [("1", "params")]


def test_a_folder_may_hold_what_is_no_file(write: Write, tmp_path: Path) -> None:
    write("a/net.arch", NET + "expect params 162\n")
    os.mkfifo(tmp_path / "a" / "pipe.csv")
    (tmp_path / "a" / "gone.csv").symlink_to("nowhere.csv")
    (tmp_path / "a" / "round").symlink_to(tmp_path / "a")
    assert run("a").exit_code == 0


def test_a_table_of_another_network_is_called_so(write: Write) -> None:
    table = "type,output,params\nconv,112x112x64,9472\nconv,56x56x192,110784\nfc,1000,1025000\n"
    result = run(write("net.arch", NET), write("t.csv", table))
    assert result.exit_code == 1
    assert "is the table about another network?" in " ".join(result.stdout.split())


def test_a_table_without_a_network_is_checked_against_itself(write: Write) -> None:
    # 3x3 without padding on 8x8 gives 6x6; 3*3*3*4 + 4 = 112.
    head = "type,arguments,input,output,params\n"
    assert run(write("t.csv", head + "conv,f=3; s=1; p=0; d=4,8x8x3,6x6x4,112\n")).exit_code == 0
    wrong = run(write("u.csv", head + "conv,f=3; s=1; p=0; d=4,8x8x3,6x6x4,113\n"))
    assert wrong.exit_code == 1
    assert "u.csv, against itself" in wrong.stdout
    assert "3*3*3*4 + 4 = 112" in wrong.stdout


def test_a_folder_shows_its_misprints_and_all_on_request(write: Write) -> None:
    write("a/net.arch", NET)
    write("a/t.csv", "# Somebody, 1999, Table 1.\n" + DIRECTED + WRONG)
    result = run("a")
    assert result.exit_code == 1
    assert "contradiction  row 1, params: 113 -> 112" in result.stdout
    assert "Somebody, 1999, Table 1." in result.stdout
    assert "columns " not in result.stdout
    assert "columns " in run("a", "--all").stdout


def test_documents_are_read_once(write: Write) -> None:
    write("a/net.arch", NET)
    table = write("a/t.csv", DIRECTED + TRUE)
    assert json.loads(run(table, "a", "a/net.arch", "--json").stdout)["totals"]["tables"] == 1


def test_prose_that_speaks_of_the_directive_is_no_table(write: Write) -> None:
    write("a/net.arch", NET + "expect params 162\n")
    write("a/README.md", "Write this above a table:\n\n```\n# archdsl network: gone.arch\n```\n")
    result = run("a")
    assert result.exit_code == 0, result.output
    assert "1 document of the folders was passed over" in result.stdout


# ---------------------------------------------------------------- variants


def test_the_default_network_if_it_fits(write: Write) -> None:
    result = run(write("net.arch", FAMILY), write("t.csv", TRUE))
    assert result.exit_code == 0
    assert "fits best" not in result.stdout


def test_else_the_variant_that_fits_best(write: Write) -> None:
    table = write("t.csv", "type,output,params\nconv,6x6x8,224\nfc,10,90\n")
    result = run(write("net.arch", FAMILY), table)
    assert result.exit_code == 0, result.output
    assert "tiny8: fits best of 3" in result.stdout


def test_the_named_variant_even_if_it_does_not_fit(write: Write) -> None:
    table = write("t.csv", "type,output,params\nconv,6x6x8,224\nfc,10,90\n")
    assert run(write("net.arch", FAMILY) + ":tiny4", table).exit_code == 1


COLUMNS = 'type,{},{}\nconv,"3x3, {}","3x3, {}"\nparameters,{},{}\n'


@pytest.mark.parametrize(("first", "second"), [("A", "B"), ("tiny-4", "Tiny 8"), ("4-layer", "8-layer")])
def test_columns_are_networks_by_name_or_number(write: Write, first: str, second: str) -> None:
    net = write("net.arch", FAMILY)
    # Whole networks: 112 + 50 = 162 and 224 + 90 = 314.
    options = ["--columns", f"network={first},network={second}"]
    right = write("t.csv", COLUMNS.format(first, second, 4, 8, 162, 314))
    assert run(net, right, *options).exit_code == 0, run(net, right, *options).output
    wrong = write("t.csv", COLUMNS.format(first, second, 4, 9, 162, 314))
    found = cells(net, wrong, *options)
    assert [place for place, cell in found.items() if cell["verdict"] == "contradiction"] == [("1", second)]


def test_of_networks_with_one_number_the_one_that_fits(write: Write) -> None:
    net = write("net.arch", FAMILY + "variant tiny8_same = tiny<8, classes=20>\n")
    # 8*20 + 20 = 180 in place of 90: 224 + 180 = 404.
    options = ["--columns", "network=4-layer,network=8-layer"]
    result = run(net, write("t.csv", COLUMNS.format("4-layer", "8-layer", 4, 8, 162, 404)), *options)
    assert result.exit_code == 0, result.output
    assert "8-layer: tiny8_same, which fits better than tiny8" in " ".join(result.stdout.split())


def test_an_unknown_column_is_shown_with_the_variants(write: Write) -> None:
    options = ["--columns", "network=A,network=Z"]
    result = run(write("net.arch", FAMILY), write("t.csv", COLUMNS.format("A", "Z", 4, 8, 162, 314)), *options)
    assert result.exit_code == 2
    assert "error[unknown-variant]: no variant is called `Z`" in result.stderr
    assert "--> t.csv:1:8" in result.stderr
    assert "tiny, tiny4, A, tiny8, B" in result.stderr


def test_of_a_named_variant_only_its_column(write: Write) -> None:
    options = ["--columns", "network=A,network=B"]
    table = write("t.csv", COLUMNS.format("A", "B", 4, 9, 162, 314))
    assert run(write("net.arch", FAMILY) + ":tiny4", table, *options).exit_code == 0
    assert run("net.arch:tiny8", table, *options).exit_code == 1


@pytest.mark.parametrize(
    ("printed", "known", "meant"),
    [
        ("18-layer", ["resnet", "resnet18", "resnet34"], ["resnet18"]),
        ("ResNet-50", ["resnet50", "resnet50_v1"], ["resnet50"]),
        ("50-layer", ["resnet50", "resnet50_v1"], ["resnet50", "resnet50_v1"]),
        ("A-LRN", ["A", "A_LRN"], ["A_LRN"]),
        ("DenseNet-121 (k = 32)", ["densenet121", "densenet161"], ["densenet121"]),
        ("WRN-28-10", ["wrn_16_8", "wrn_28_10"], ["wrn_28_10"]),
        ("28-10", ["wrn_10_28_2", "wrn_28_2"], ["wrn_10_28_2"]),
        ("Ours", ["resnet18"], []),
        ("", ["resnet18"], []),
    ],
)
def test_printed_names(printed: str, known: list[str], meant: list[str]) -> None:
    assert called(printed, known) == meant


def test_names_of_one_column() -> None:
    assert parts("A, A-LRN") == ["A", "A-LRN"]
    assert parts("WRN (28, 10)") == ["WRN (28, 10)"]
    assert parts("") == []


# ---------------------------------------------------------------- options


def test_columns_and_letters_are_said_outright(write: Write) -> None:
    net = write("net.arch", NET)
    table = write("t.csv", "what,how big,weights and all\nconv,6x6x4,112\nfc,1x1xC,51\n")
    options = ["--columns", "layer=what,output=how big,params=weights and all"]
    assert cells(net, table, *options, "--let", "C=10")["2", "weights and all"]["verdict"] == "contradiction"
    assert cells(net, table, *options, "--let", "C=10")["2", "how big"]["verdict"] == "holds"
    assert cells(net, table, *options, "--let", "C=12")["2", "how big"]["verdict"] == "contradiction"


def test_set_and_input_change_the_network(write: Write) -> None:
    net = write("net.arch", NET + "expect params 162\n")
    # `fc 20` has 4*20 + 20 = 100; 10x10x3 gives 8x8x4.
    table = write("t.csv", "type,output,params\nconv,8x8x4,112\nfc,20,100\n")
    assert run(net, table).exit_code == 1
    assert run(net, table, "--set", "classes=20", "--input", "10x10x3").exit_code == 0
    assert run(net, "--set", "classes=20").exit_code == 2


def test_an_open_choice_is_told(write: Write) -> None:
    net = write("net.arch", "input 8x8x3\nconv 3x3 one_of(4, 8) -> gap -> fc 10\n")
    result = run(net, write("t.csv", TRUE))
    assert result.exit_code == 2
    assert "--choose" in result.stderr


# ---------------------------------------------------------------- known misprints


def test_a_known_misprint_is_shown_and_does_not_fail(write: Write) -> None:
    files = [write("net.arch", NET), write("t.csv", WRONG)]
    write("t.known.csv", 'row,column,printed,why\n1,params,113,"counted twice, perhaps"\n')
    result = run(*files)
    assert result.exit_code == 0
    assert "acknowledged   row 1, params: 113 -> 112" in result.stdout
    assert "known: counted twice, perhaps" in result.stdout
    assert cells(*files)["1", "params"]["verdict"] == "acknowledged"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("3,params,50,why", "the cell is no contradiction any more: holds"),
        ("1,params,114,why", "the table prints `113` there, not `114`"),
        ("9,params,113,why", "no table of the document has a row `9`"),
        ("1,weights,113,why", "no judged cell in a column `weights`"),
        ("1,params,113,why again", "is acknowledged already"),
    ],
)
def test_one_that_no_longer_applies_is_an_error(write: Write, line: str, told: str) -> None:
    files = [write("net.arch", NET), write("t.csv", WRONG)]
    write("t.known.csv", f"row,column,printed,why\n1,params,113,why\n{line}\n")
    result = run(*files)
    assert result.exit_code == 1
    assert "error[stale-acknowledgement]" in result.stderr
    assert told in result.stderr
    assert "--> t.known.csv:3:1" in result.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("row,column,printed,why\n1,params,113,\n", "does not say why"),
        ("row,column,why\n1,params,why\n", "the columns are row, column, printed, why"),
        ("row,column,printed,why\n1,params,113\n", "3 cells in place of four"),
        ('row,column,printed,why\n1,params,113,"why\n', "no row of separated values"),
    ],
)
def test_a_file_of_known_misprints_that_is_wrong_is_an_error(write: Write, text: str, told: str) -> None:
    files = [write("net.arch", NET), write("t.csv", WRONG)]
    write("t.known.csv", text)
    result = run(*files)
    assert result.exit_code == 1
    assert "error[bad-acknowledgement]" in result.stderr
    assert told in result.stderr


def test_acknowledging_writes_what_is_left_to_be_said(write: Write, tmp_path: Path) -> None:
    files = [write("net.arch", NET), write("t.csv", WRONG.replace("fc,10,50", "fc,10,51"))]
    write("t.known.csv", "row,column,printed,why\n1,params,113,by hand\n")
    result = run(*files, "--acknowledge")
    assert result.exit_code == 1  # one is still to be explained
    known = (tmp_path / "t.known.csv").read_text(encoding="utf-8")
    assert known == "row,column,printed,why\n1,params,113,by hand\n3,params,51,\n"
    assert "it does not say why" in run(*files).stderr
    write("t.known.csv", known.replace("51,", "51,by hand too"))
    assert run(*files).exit_code == 0


def test_a_misprint_that_was_mended_leaves_its_entry_stale(write: Write) -> None:
    files = [write("net.arch", NET), write("t.csv", TRUE)]
    write("t.known.csv", "row,column,printed,why\n1,params,113,by hand\n")
    assert run(*files).exit_code == 1


# ---------------------------------------------------------------- the page


def test_the_page_lists_misprints_with_their_derivation(write: Write, tmp_path: Path) -> None:
    write("a/net.arch", NET + "expect params 162\n")
    write("a/t.csv", "# Somebody, 1999, Table 1.\n" + DIRECTED + WRONG)
    first = run("a", "--report", "errata.md")
    assert first.exit_code == 1
    page = (tmp_path / "errata.md").read_text(encoding="utf-8")
    assert "`archdsl verify a`" in page
    assert "### Somebody, 1999, Table 1." in page
    assert "| 1 | params | 113 | 112 | 3\\*3\\*3\\*4 + 4 = 112" in page
    assert "1 misprint in 1 table of 1" in page
    assert "1 claim" in page
    run("a", "--report", "again.md")
    assert (tmp_path / "again.md").read_text(encoding="utf-8") == page


def test_the_page_says_how_it_was_made(write: Write, tmp_path: Path) -> None:
    files = [write("net.arch", NET), write("t.csv", TRUE)]
    run(*files, "--columns", "params=params", "--let", "C=10", "--set", "classes=10", "--report", "p.md")
    page = (tmp_path / "p.md").read_text(encoding="utf-8")
    assert "archdsl verify net.arch t.csv --columns params=params --let C=10 --set classes=10`" in page
    assert "None." in page


# ---------------------------------------------------------------- tables of tools


def test_keras_prints_a_name_and_a_type(write: Write) -> None:
    # Keras flattens in a layer of its own: 6*6*4 = 144 values, of which `fc 10` makes 144*10 + 10 = 1,450 parameters.
    net = write("net.arch", "input 8x8x3\nconv 3x3 4 -> relu -> fc 10\n")
    rows = ["conv2d (Conv2D)|(None, 6, 6, 4)|112", "flatten (Flatten)|(None, 144)|0", "dense (Dense)|(None, 10)|1450"]
    head = "| Layer (type) | Output Shape | Param # |\n|---|---|---|\n"
    table = head + "".join(f"|{row}|\n" for row in rows)
    result = run(net, write("t.md", table))
    assert result.exit_code == 0, result.output
    assert "3 of 3 matched" in result.stdout or "nothing is left to flatten" in " ".join(result.stdout.split())
    assert run(net, write("u.md", table.replace("144", "145"))).exit_code == 1


def test_torchinfo_counts_biases_among_the_multiply_adds(write: Write) -> None:
    # Its column is parameters times positions: 112 * 6*6 = 4,032, and 50 for the fully connected layer.
    table = "Layer (type:depth-idx),Output Shape,Param #,Mult-Adds\n"
    table += '"Conv2d: 1-1","[1, 4, 6, 6]",112,"4,032"\n"Linear: 1-2","[1, 10]",50,50\n'
    net = write("net.arch", NET)
    found = cells(net, write("t.csv", table))
    assert {cell["verdict"] for (_, column), cell in found.items() if column == "Mult-Adds"} == {"convention"}
    assert "torchinfo" in found["1", "Mult-Adds"]["convention"]
    assert run(net, write("u.csv", table.replace("4,032", "4,037"))).exit_code == 1


def test_an_output_layer_is_what_it_does(write: Write) -> None:
    net = write("net.arch", NET)
    assert run(net, write("t.csv", "层,输出尺寸,参数量\n卷积层,6×6×4,112\n输出层,10,50\n")).exit_code == 0
    assert run(net, write("u.csv", "层,输出尺寸,参数量\n卷积层,6×6×4,112\n输出层,10,55\n")).exit_code == 1


# ---------------------------------------------------------------- published tables


def test_weis_alexnet_holds() -> None:
    result = run(str(SPECS / "alexnet/alexnet.arch"), str(SPECS / "alexnet/wei_table3.1.csv"), "--json")
    assert result.exit_code == 0
    record = json.loads(result.stdout)
    assert record["totals"]["contradiction"] == 0
    assert len({cell["row"] for cell in record["cells"]}) == 23


def test_of_weis_vgg16_exactly_three_rows_fall(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"  # without the file that knows its misprints
    table.write_bytes((SPECS / "vgg/wei_table3.2.csv").read_bytes())
    found = cells(str(SPECS / "vgg/vgg.arch") + ":vgg16", str(table))
    wrong = {place: cell for place, cell in found.items() if cell["verdict"] == "contradiction"}
    assert {row for row, _ in wrong} == {"31", "32", "35"}
    assert all(cell["suggestion"] and cell["explanation"] for cell in wrong.values())


def test_every_table_and_claim_of_the_specs_is_explained(tmp_path: Path) -> None:
    result = run(str(SPECS), "--report", str(tmp_path / "errata.md"), "--json")
    assert result.exit_code == 0, result.stderr
    totals = json.loads(result.stdout)["totals"]
    assert totals["contradiction"] == totals["false_claims"] == 0
    assert totals["claims"] > 300
    page = (tmp_path / "errata.md").read_text(encoding="utf-8")
    # 528*256 + 528*160 + 9*160*320 + 528*32 + 25*32*128 + 528*128 = 867,328 weights, not 840K.
    assert "| 12 | params | 840K |" in page
    assert "| 31 | parameters | f=7; s=1 |" in page


# ---------------------------------------------------------------- start-up


def test_the_command_starts_without_heavy_packages() -> None:
    code = (
        "import archdsl.cli.verify, archdsl.verifying, archdsl.report.verdicts, sys;"
        "print(sorted({'torch', 'networkx', 'rich', 'numpy', 'graphviz'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
