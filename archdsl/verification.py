"""What comes of verifying: tables with their verdicts, claims, and what could not be compared.

In: nothing; these are the types that `archdsl.verifying` fills. Out: what `archdsl.report` shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from archdsl.diagnostics import Diagnostic
from archdsl.elaborate import Request
from archdsl.verify.finding import Judgement, Verdict

__all__ = ["Claims", "Judged", "Verification", "Wishes"]

_FALSE = frozenset({"wrong-claim", "wrong-size", "stale-acknowledgement", "bad-acknowledgement"})
"""Errors about what is said and not true; all others keep something from being compared."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line says beside the files: roles by header, values of letters, the networks' parameters."""

    columns: Mapping[str, str] = field(default_factory=dict)
    symbols: Mapping[str, int] = field(default_factory=dict)
    request: Request = field(default_factory=Request)


@dataclass(frozen=True, slots=True)
class Judged:
    """One table with its verdicts.

    - `files`: of the networks it was compared with; none for a table that was checked against itself.
    - `chosen`: how its networks were found, a line each: `alexnet_one_tower: fits best of 3`.
    - `known`: where its known misprints stand, or would.
    - `outright`: whether the command line names it.
    """

    judgement: Judgement
    path: Path
    files: tuple[str, ...]
    chosen: tuple[str, ...]
    outright: bool
    known: Path

    @property
    def name(self) -> str:
        return self.judgement.reading.table.name

    @property
    def compared(self) -> int:
        """How many facts."""
        return sum(finding.compared for finding in self.judgement.findings)


@dataclass(frozen=True, slots=True)
class Claims:
    """`expect` statements: of how many files and networks, compared, and not true; `published` are those that nothing
    can be compared with.
    """

    files: int = 0
    networks: int = 0
    compared: int = 0
    false: int = 0
    published: int = 0


@dataclass(frozen=True, slots=True)
class Verification:
    """All that was found out; `passed` are the documents of folders that name no network."""

    tables: tuple[Judged, ...]
    claims: Claims
    diagnostics: tuple[Diagnostic, ...]
    passed: tuple[Path, ...]

    def count(self, verdict: Verdict) -> int:
        """How many cells of all tables have that verdict."""
        return sum(one.judgement.count(verdict) for one in self.tables)

    @property
    def status(self) -> int:
        """0 where all is explained, 1 for contradictions and what is known wrongly, 2 where something could not be
        compared.
        """
        wrong = [one.id for one in self.diagnostics if one.severity == "error"]
        if any(id not in _FALSE for id in wrong):
            return 2
        return 1 if wrong or self.count("contradiction") else 0
