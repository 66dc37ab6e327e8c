"""The command line, as a user meets it: statuses, formats, what stands on which stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archdsl import __version__
from archdsl.cli.main import archdsl

GOOD = 'arch tiny<classes=10> "A tiny net"\ninput 28x28x1\nconv 5x5 6 -> relu -> gap -> fc classes\n'
# Two mistakes in one file, each of which must be told: an unknown op, and three filters in two groups.
BAD = "input 28x28x2\nconv 3x3 4 -> rellu\n-> gap -> fc 10\noutput side = @in -> conv 3x3 3 groups=2 -> gap\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    def make(text: str, name: str = "net.arch") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return make


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(archdsl, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_check_ends_with_0_and_a_verdict(write: Callable[[str], str]) -> None:
    result = run("check", write(GOOD))
    assert result.exit_code == 0
    assert result.stdout == "1 file, 1 network, 0 claims: no mistakes\n"


def test_check_tells_every_mistake_and_ends_with_1(write: Callable[[str], str]) -> None:
    result = run("check", write(BAD))
    assert result.exit_code == 1
    assert "error[unknown-name]" in result.stdout
    assert "error[bad-groups]" in result.stdout
    assert "did you mean `relu`?" in result.stdout


def test_check_of_several_files_ends_with_1_where_one_is_wrong(write: Callable[..., str]) -> None:
    assert run("check", write(GOOD, "a.arch"), write(BAD, "b.arch")).exit_code == 1


def test_warnings_alone_end_with_0(write: Callable[[str], str]) -> None:
    result = run("check", write("input 8x8x1\nblock left<w> = conv 3x3 w\nconv 3x3 4 -> gap -> fc 2\n"))
    assert result.exit_code == 0
    assert "warning[unused-block]" in result.stdout


@pytest.mark.parametrize("arguments", [["check"], ["check", "--format", "xml", "a.arch"], ["chekc"], ["summary"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_an_unknown_command_has_a_suggestion() -> None:
    assert "Did you mean `summary`?" in run("sumary").stderr


def test_check_as_json(write: Callable[[str], str]) -> None:
    path = write(BAD)
    record = json.loads(run("check", path, "--format", "json").stdout)
    first = record["diagnostics"][0]
    # `rellu` starts in the 15th column of the second line.
    assert first["id"] == "unknown-name"
    assert first["span"] == {"path": path, "line": 2, "column": 15, "end_line": 2, "end_column": 20}


def test_check_as_github_annotations(write: Callable[[str], str]) -> None:
    lines = run("check", write(BAD), "--format", "github").stdout.splitlines()
    assert lines[0].startswith("::error file=")
    assert ",line=2,col=15,title=unknown-name::" in lines[0]


def test_a_missing_file_is_a_mistake_and_no_traceback(tmp_path: Path) -> None:
    result = run("summary", str(tmp_path / "nothing.arch"))
    assert result.exit_code == 1
    assert "error[unreadable-file]" in result.stderr


def test_an_unknown_variant_names_the_nearest(write: Callable[[str], str]) -> None:
    path = write("arch a<w=8>\ninput 8x8x1\nconv 3x3 w -> gap -> fc 2\nvariant small = a<4>\n")
    result = run("summary", f"{path}:smal")
    assert result.exit_code == 1
    assert "did you mean `small`?" in result.stderr


def test_set_and_input_change_the_network(write: Callable[[str], str]) -> None:
    record = json.loads(run("summary", write(GOOD), "--set", "classes=7", "--input", "32x32x3", "--json").stdout)
    assert record["input"] == "32x32x3"
    assert record["outputs"] == {"output": "7"}
    # conv: 5*5*3*6 + 6 = 456; fc: 6*7 + 7 = 49
    assert record["totals"]["params"] == 456 + 49


@pytest.mark.parametrize(
    ("option", "value"),
    [("--set", "classes"), ("--set", "=3"), ("--input", "0x3"), ("--input", "axb"), ("--choose", "x")],
)
def test_options_that_cannot_be_read_end_with_2(write: Callable[[str], str], option: str, value: str) -> None:
    assert run("summary", write(GOOD), option, value).exit_code == 2


def test_setting_an_unknown_parameter_is_a_mistake(write: Callable[[str], str]) -> None:
    result = run("summary", write(GOOD), "--set", "clases=3")
    assert result.exit_code == 1
    assert "did you mean `classes`?" in result.stderr


def test_a_claim_that_does_not_hold_is_told_by_every_command(write: Callable[[str], str]) -> None:
    # conv: 5*5*1*6 + 6 = 156; fc: 6*10 + 10 = 70
    path = write(GOOD + "expect params 227\n")
    assert "params of `tiny` is 226, not 227" in run("check", path).stdout
    result = run("summary", path)
    assert "error[wrong-claim]" in result.stderr
    assert "226" in result.stdout


def test_an_open_choice_is_summed_up(write: Callable[[str], str]) -> None:
    path = write("input 8x8x1\nchoice<conv 3x3+1 4 | conv 5x5+2 4> -> gap -> fc one_of(2, 3)\n")
    record = json.loads(run("summary", path, "--json").stdout)["space"]
    # 3*3*4 + 4 + 4*2 + 2 = 50 and 5*5*4 + 4 + 4*3 + 3 = 119
    assert (record["size"], record["smallest"]["params"], record["largest"]["params"]) == (4, 50, 119)
    assert record["exact"] is True


def test_an_open_choice_is_an_error_where_one_network_is_needed(write: Callable[[str], str]) -> None:
    path = write("input 8x8x1\nchoice<conv 3x3+1 4 | conv 5x5+2 4> @stem -> gap -> fc 2\n")
    result = run("compile", path)
    assert result.exit_code == 1
    assert "--choose" in result.stderr
    assert run("compile", path, "--choose", "stem=#2").exit_code == 0
    assert run("compile", path, "--choose", "stem=conv 5x5+2 4").exit_code == 0
    assert run("compile", path, "--choose", "stem=#3").exit_code == 1


def test_compile_writes_python(write: Callable[[str], str], tmp_path: Path) -> None:
    target = tmp_path / "tiny.py"
    assert run("compile", write(GOOD), "-o", str(target)).exit_code == 0
    compile(target.read_text(encoding="utf-8"), "tiny.py", "exec")


def test_the_version() -> None:
    assert run("--version").stdout == f"archdsl, version {__version__}\n"


@pytest.mark.parametrize("command", ["check", "summary", "fmt", "ops", "explain", "compile", "train", "draw"])
def test_every_command_has_help_with_examples(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"archdsl {command}" in result.stdout
    assert "Examples:" in result.stdout


def test_sizes_and_claims_are_about_the_network_as_written(write: Callable[[str], str]) -> None:
    path = write("arch a<w=4>\ninput 8x8x1\nconv 3x3 w :: 6x6x4 -> gap -> fc 2\nexpect params 50\n")
    # 3*3*4 + 4 + 4*2 + 2 = 50; with another input or width neither figure is claimed
    assert run("check", path).stdout == "1 file, 1 network, 1 claim: no mistakes\n"
    assert run("check", path, "--input", "9x9x1").exit_code == 0
    assert run("check", path, "--set", "w=6").exit_code == 0
    changed = run("check", path, "--input", "9x9x1", "--set", "w=6")
    assert changed.exit_code == 0
    assert "not compared" in changed.stdout


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("linear", "fc"), ("BatchNorm2d", "bn"), ("swish", "silu"), ("ReLU", "relu"), ("cat", "concat")],
)
def test_words_of_other_languages_are_known(write: Callable[[str], str], theirs: str, ours: str) -> None:
    assert f"did you mean `{ours}`?" in run("check", write(f"input 8x8x1\nrelu -> {theirs} -> relu\n")).stdout


def test_ctrl_c_ends_with_the_status_that_a_shell_expects(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "net.arch").write_text("input 2\nfc 3\n")
    monkeypatch.setattr("archdsl.cli.common.Workspace.open", interrupted)
    made = CliRunner().invoke(archdsl, ["summary", str(tmp_path / "net.arch")])
    # 128 + SIGINT, which is 2 (POSIX, 2.8.2)
    assert (made.exit_code, made.output) == (130, "interrupted\n")


@pytest.fixture
def networks(tmp_path: Path) -> Path:
    """Two networks, one of them within another folder; a hidden one with a mistake, and a link that leads nowhere."""
    (tmp_path / "inner").mkdir()
    (tmp_path / ".old").mkdir()
    (tmp_path / "a.arch").write_text("input 2\nfc   3\n")
    (tmp_path / "inner" / "b.arch").write_text("input 2\nfc 3\n")
    (tmp_path / "notes.md").write_text("no network\n")
    (tmp_path / "gone.arch").symlink_to(tmp_path / "nowhere.arch")
    (tmp_path / ".old" / "c.arch").write_text("input\n")
    return tmp_path


def test_a_folder_is_checked_with_all_in_it(networks: Path) -> None:
    made = CliRunner().invoke(archdsl, ["check", str(networks), str(networks / "a.arch")])
    assert (made.exit_code, made.output) == (0, "2 files, 2 networks, 0 claims: no mistakes\n")
    (networks / "inner" / "b.arch").write_text("input 2\nfcc 3\n")
    made = CliRunner().invoke(archdsl, ["check", str(networks)])
    assert made.exit_code == 1
    assert f"{networks / 'inner' / 'b.arch'}:2:1" in made.output


def test_a_folder_is_laid_out_with_all_in_it(networks: Path) -> None:
    made = CliRunner().invoke(archdsl, ["fmt", str(networks)])
    assert (made.exit_code, made.output) == (
        0,
        f"reformatted {networks / 'a.arch'}\n1 file reformatted, 1 file left unchanged\n",
    )
    assert (networks / "a.arch").read_text() == "input 2\nfc 3\n"
    assert (networks / ".old" / "c.arch").read_text() == "input\n"


@pytest.mark.parametrize("name", ["check", "fmt"])
def test_a_folder_without_networks_is_refused(name: str, tmp_path: Path) -> None:
    made = CliRunner().invoke(archdsl, [name, str(tmp_path)])
    assert made.exit_code == 2
    assert f"the folder {tmp_path} holds no .arch file" in made.output
