"""The language reference, run: every fence of `tests/lang/*.md` is a test.

In: the chapters. Out: a case a fence, named by chapter and line; that the reference shows every id; and that the
runner can fail.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lang_chapters import Case, Wrong, cases
from lang_runner import verify

from archdsl.rules import RULES

_CHAPTERS = sorted((Path(__file__).parent / "lang").glob("*.md"))
_CASES = [case for path in _CHAPTERS for case in cases(path.name, path.read_text(encoding="utf-8"))]
_ELSEWHERE = {
    *("limit-files", "limit-steps", "unresolved-choice", "weights-mismatch", "nothing-to-verify", "unreached-schedule"),
}
"""Ids that need 200 files or millions of steps, or a command that wants one network, weights or a table, or trains."""


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_reference(case: Case, tmp_path: Path) -> None:
    try:
        verify(case, tmp_path)
    except Wrong as wrong:
        pytest.fail(f"tests/lang/{wrong}", pytrace=False)


def test_every_id_is_shown() -> None:
    shown = {
        id
        for case in _CASES
        for text in (case.program.text, *(file.text for file in case.files), case.said.text if case.said else "")
        for id in re.findall(r"(?:# )?(?:error|warning):? \[([a-z-]+)\]", text)
    }
    in_the_language = {id for id, rule in RULES.items() if rule.target.startswith("net.arch")}
    assert in_the_language - shown == _ELSEWHERE


_PROGRAM = "input 28x28x1\nconv 5x5 6 @a -> relu\n"
_RIGHT = f"""\
```arch
{_PROGRAM}```
```result
a    conv 5x5 6 :: 24x24x6 <- input
relu relu       :: 24x24x6
params 156 = 5*5*1*6 + 6
output output :: 24x24x6
```
"""


def _first_failure(text: str, folder: Path) -> str:
    """What the first case that does not hold says; empty where all hold."""
    for number, case in enumerate(cases("chapter.md", text)):
        (folder / str(number)).mkdir()
        try:
            verify(case, folder / str(number))
        except Wrong as wrong:
            return str(wrong)
    return ""


_MARKED = _RIGHT.replace("@a -> relu", "@a -> relu      # warning: [unused-label]")


def test_runner_accepts_what_is_right(tmp_path: Path) -> None:
    assert _first_failure(_MARKED, tmp_path) == ""


@pytest.mark.parametrize(
    ("was", "now", "line", "says"),
    [
        ("24x24x6 <- input", "23x23x6 <- input", 6, "the layer here is `a conv 5x5 6 :: 24x24x6`"),
        ("conv 5x5 6 ::", "conv 5x5 7 ::", 6, "the layer here is"),
        ("<- input", "<- relu", 6, "`a` reads input"),
        ("<- input", "<- input shares relu", 6, "shares the weights of None"),
        ("relu relu       :: 24x24x6\n", "", 6, "there are 1 more layers"),
        ("params 156 =", "tanh tanh :: 24x24x6\nparams 156 =", 8, "there is no layer `tanh` here"),
        ("params 156 =", "params 157 =", 8, "the sides of"),
        ("params 156 = 5*5*1*6 + 6", "params 157 = 5*5*1*6 + 7", 8, "params is 156, not 157"),
        ("params 156 = 5*5*1*6 + 6", "params 156", 8, "says neither how it comes out nor where it is from"),
        ("params 156 = 5*5*1*6 + 6", "params 157   # a paper", 8, "params is 156, not 157"),
        ("params 156 =", "parms 156 =", 8, "says nothing that is known"),
        ("output output ::", "output other ::", 9, "there is no output `other`"),
        ("output output :: 24x24x6", "output output :: 24x24x6 training", 9, "the output `output` is 24x24x6"),
        ("warning: [unused-label]", "", 3, "not announced: warning: [unused-label]"),
        ("warning: [unused-label]", "error: [unused-label]", 3, "not announced: warning: [unused-label]"),
        ("[unused-label]", '[unused-label] "rhubarb"', 3, "not announced: warning: [unused-label]"),
        ("# warning", "# error: [syntax] # warning", 3, "announced and not reported: error: [syntax]"),
        ("input 28x28x1\n", "input 28x28x1 # warning: [unused-label]\n", 2, "announced and not reported: warning"),
        ("```result\n", "```result variant=big\n", 5, "there is no such network"),
        ("```result\n", "```message\nerror\n```\n```result\n", 5, "the message is"),
    ],
)
def test_runner_refuses_what_is_wrong(was: str, now: str, line: int, says: str, tmp_path: Path) -> None:
    assert was in _MARKED
    said = _first_failure(_MARKED.replace(was, now, 1), tmp_path)
    assert said.startswith(f"chapter.md:{line}: ")
    assert says in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("```arch\ninput 4\n", "chapter.md:1: this fence is never closed"),
        ("```arch color=red\n```\n", "chapter.md:1: `color=red` is not an option"),
        ("text\n```archh\n```\n", "chapter.md:2: there are no fences of kind `archh`"),
        ("```result\nfc fc 3 :: 3\n```\n", "chapter.md:1: a `result` without a program"),
    ],
)
def test_runner_refuses_a_bad_chapter(text: str, says: str) -> None:
    with pytest.raises(Wrong, match=re.escape(says)):
        list(cases("chapter.md", text))
