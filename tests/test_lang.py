"""The language reference, run: every fence of `tests/lang/*.md` is a test.

In: the chapters. Out: a case a fence, named by chapter and line; and that the runner itself can fail.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lang_runner import Case, Wrong, cases, verify

_CHAPTERS = sorted((Path(__file__).parent / "lang").glob("*.md"))
_CASES = [case for path in _CHAPTERS for case in cases(path.name, path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_reference(case: Case, tmp_path: Path) -> None:
    verify(case, tmp_path)
