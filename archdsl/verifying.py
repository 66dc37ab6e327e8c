"""Tables judged: each against the network it is about, or itself, and with the misprints that are known of it.

In: what `archdsl.gathering` found. Out: a `Verification`. Showing it is left to `archdsl.report.verdicts` and its
neighbours; what single cells say and whether they are true, to `archdsl.verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from archdsl.checking import check_file
from archdsl.diagnostics import Collector, counted
from archdsl.families import Family, Member, members_called, members_in_results
from archdsl.gathering import Document, Gathered, Listed, Target
from archdsl.verification import Claims, Judged, Verification, Wishes
from archdsl.verify.acknowledged import acknowledge, known_path, read_known
from archdsl.verify.called import parts
from archdsl.verify.finding import Judgement
from archdsl.verify.judge import judge
from archdsl.verify.reading.places import cell_span
from archdsl.verify.reading.understand import understand
from archdsl.verify.suggest import suggest
from archdsl.verify.table import Column, Reading

__all__ = ["verify"]


def verify(
    gathered: Gathered, wishes: Wishes, found: Collector, tell: Callable[[str], None] = lambda name: None
) -> Verification:
    """Judge every table and compare every claim; `found` holds what gathering found, `tell` hears what is next."""
    run = _Run(wishes, found)
    tables: list[Judged] = []
    for document in gathered.documents:
        tell(document.path.as_posix())
        tables += run.document(document)
    claims = Claims()
    for target in gathered.claims:
        tell(target.shown)
        claims = run.claims(target, claims)
    if not tables and not claims.compared and not found.failed:
        _nothing(gathered, wishes, found)
    return Verification(tuple(tables), claims, found.sorted(), gathered.passed)


def _nothing(gathered: Gathered, wishes: Wishes, found: Collector) -> None:
    """Say that there was nothing to compare: that must not look like a run without a mistake."""
    if gathered.claims and wishes.request.changes:
        why = "no table names the network, and its claims are about it as written, not under --set or --input"
    elif gathered.claims:
        why = f"no table beside {gathered.claims[0].path.as_posix()} names it in an `archdsl network:` line, and it "
        why += "claims nothing (`expect`)"
        if len(gathered.claims) > 1:
            why = "no table names a network, and no network claims anything (`expect`)"
    else:
        why = "there is no network, and no table that names one"
        if gathered.passed:
            why += f"; {counted(len(gathered.passed), 'document')} without an `archdsl network:` line passed over"
    found.error("nothing-to-verify", why, hint="archdsl verify net.arch table.csv, or archdsl verify table.csv")


class _Run:
    """One run of the command: every file of networks is read once."""

    def __init__(self, wishes: Wishes, found: Collector) -> None:
        self._wishes = wishes
        self._found = found
        self._families: dict[Path, Family] = {}

    def claims(self, target: Target, before: Claims) -> Claims:
        """The claims of a file, all its variants', added to those before."""
        checked = check_file(target.path, self._wishes.request._replace(variant=target.variant))
        for diagnostic in checked.diagnostics:
            if diagnostic.severity == "error":
                self._found.add(diagnostic)
        return Claims(
            before.files + 1,
            before.networks + checked.networks,
            before.compared + checked.claims,
            before.false + sum(one.id == "wrong-claim" for one in checked.diagnostics),
            before.published + checked.published,
        )

    def document(self, document: Document) -> Iterator[Judged]:
        """The tables of a document, judged together: one file beside it knows the misprints of all."""
        judged = [one for listed in document.tables if (one := self._table(listed, document)) is not None]
        compared = any(one.compared for one in judged)
        for one in judged:
            reading = one.judgement.reading
            if not one.compared and (not compared or (_says(reading) and not _of_results(reading))):
                self._uncompared(one)
        path = known_path(document.path)
        entries = read_known(path, self._found)
        if len(judged) < len(document.tables):
            # What could not be judged may be what an entry is about: that is reported already.
            made = acknowledge([one.judgement for one in judged], entries, Collector())
        else:
            made = acknowledge([one.judgement for one in judged], entries, self._found)
        for one, judgement in zip(judged, made, strict=True):
            yield replace(one, judgement=judgement)

    def _table(self, listed: Listed, document: Document) -> Judged | None:
        """None after reporting why it cannot be judged."""
        inner = Collector()
        reading = understand(listed.table, self._wishes.columns, self._wishes.symbols, inner)
        for diagnostic in inner:
            if diagnostic.id != "table-cell":  # the cell's verdict says so
                self._found.add(diagnostic)
        chosen: list[str] = []
        networks = listed.networks if len(document.tables) == 1 or _says(reading) else ()
        if not networks:
            from archdsl.importing import elaborate
            from archdsl.verify.selfcheck import check_alone

            judgement: Judgement | None = check_alone(reading, elaborate)
        else:
            judgement = self._against(reading, networks, chosen)
        if judgement is None:
            return None
        files = tuple(dict.fromkeys(target.path.as_posix() for target in networks))
        return Judged(judgement, document.path, files, tuple(chosen), document.outright, known_path(document.path))

    def _uncompared(self, judged: Judged) -> None:
        table = judged.judgement.reading.table
        place = cell_span(table.source, table.headers[0].line if table.headers else 1, "")
        whom = (
            f"with {judged.judgement.network}"
            if judged.judgement.network
            else "with a network of " + ", ".join(judged.files)
        )
        hint = "say what its columns are, --columns 'output=Size,params=#Params', or name its network: "
        hint += "archdsl verify net.arch table.csv"
        if _of_results(judged.judgement.reading):
            hint = "its rows are networks: "
            hint += (
                "give a variant the name of its row, `variant small, net_a_32 = …` for `Net-A (32)`"
                if judged.files
                else "name the file that has them, archdsl verify nets.arch table.csv"
            )
        self._found.error(
            "nothing-compared",
            f"nothing in {judged.name} could be compared "
            + (whom if judged.files else "within the table, and it names no network"),
            place,
            hint=hint,
        )

    # ------------------------------------------------------------ which networks

    def _against(self, reading: Reading, targets: Sequence[Target], chosen: list[str]) -> Judgement | None:
        members: list[Member] = []
        for target in targets:
            family = self._family(target)
            if family is None:
                return None
            members += family.members(target.variant)
        named = any(target.variant is not None for target in targets)
        columns = [column for column in reading.columns if column.role == "network"]
        if columns:
            return self._by_column(reading, columns, members, named, chosen)
        if _of_results(reading):
            return self._by_row(reading, members, chosen)
        return self._whole(reading, members, chosen)

    def _family(self, target: Target) -> Family | None:
        if target.path not in self._families:
            self._families[target.path] = Family(target, self._wishes.request, self._found)
        family = self._families[target.path]
        if not family.broken and target.variant is not None and family.subject(target.variant, target.span) is None:
            return None
        return None if family.broken else family

    def _whole(self, reading: Reading, members: Sequence[Member], chosen: list[str]) -> Judgement | None:
        """A table about one network: the first one if it fits, else the one that fits best."""
        tried: list[tuple[Member, Judgement]] = []
        for member in members:
            case = member.case()
            if case is None:
                return None
            tried.append((member, judge(reading, [case])))
            if _fits(tried[-1][1]):
                break
        member, best = min(tried, key=lambda one: _misfit(one[1]))
        if len(tried) > 1 and member is not members[0]:
            chosen.append(f"{best.network}: fits best of {len(members)}")
        if _foreign(best):
            chosen.append(f"hardly anything fits {best.network}: is the table about another network?")
            if 4 * _matched(best) < 3 * len(best.matches):
                return best  # no small change mends that
        case = member.case()
        return suggest(best, case, member.editor) if case is not None else None

    def _by_row(self, reading: Reading, members: Sequence[Member], chosen: list[str]) -> Judgement | None:
        """A table of results, each row of which bears the name of another of the networks, or of none of them."""
        found: list[Member] = []
        names = [
            " ".join(entry.cell.text for entry in line.entries if entry.column.role == "model")
            for line in reading.lines
        ]
        for line, name in zip(reading.lines, names, strict=True):
            if names.count(name) > 1:  # `ResNet | 20`, `ResNet | 32`
                name = " ".join([name, *(one.cell.text for one in line.entries if one.column.role == "depth")])
            options = [replace(one, line=line) for one in members_in_results(name, members)]
            if options:
                found.append(self._best(reading, name, options, chosen))
        cases = [case for member in found if (case := member.case()) is not None]
        return judge(reading, cases) if len(cases) == len(found) else None

    def _by_column(
        self,
        reading: Reading,
        columns: Sequence[Column],
        members: Sequence[Member],
        named: bool,
        chosen: list[str],
    ) -> Judgement | None:
        """A table with a column a network; where variants are named outright, only their columns."""
        found: list[Member] = []
        missing: list[tuple[Column, str]] = []
        for column in columns:
            whole = column.detail or column.header
            names = [whole] if members_called(whole, members, named) else parts(whole)
            for name in names:
                options = [replace(one, column=column) for one in members_called(name, members, named)]
                if options:
                    found.append(self._best(reading, name, options, chosen))
                else:
                    missing.append((column, name))
        if missing and not (named and found):
            self._unknown(reading, missing, members)
        cases = [case for member in found if (case := member.case()) is not None]
        if not found or len(cases) < len(found):
            return None
        judgement = judge(reading, cases)
        return judgement if _foreign(judgement) else _with_suggestions(judgement, found)

    def _best(self, reading: Reading, name: str, options: Sequence[Member], chosen: list[str]) -> Member:
        if len(options) == 1:
            return options[0]
        tried = [(_misfit(judge(reading, [case])), one) for one in options if (case := one.case()) is not None]
        if not tried:
            return options[0]
        least, best = min(tried, key=lambda one: one[0])
        others = [
            (member.variant or member.family.name, misfit > least) for misfit, member in tried if member is not best
        ]
        worse = " and ".join(other for other, more in others if more)
        alike = " and ".join(other for other, more in others if not more)
        told = f", which fits better than {worse}" if worse else ""
        told += f"; {alike} would do as well" if alike else ""
        chosen.append(f"{name}: {best.variant or best.family.name}{told}")
        return best

    def _unknown(self, reading: Reading, missing: Sequence[tuple[Column, str]], members: Sequence[Member]) -> None:
        column, name = missing[0]
        header = reading.table.headers[reading.columns.index(column)]
        known = ", ".join(dict.fromkeys(name for member in members for name in member.names))
        names = " or ".join(f"`{name}`" for _, name in missing)
        note = ",".join(f"note={column.header}" for column in dict.fromkeys(column for column, _ in missing))
        self._found.error(
            "unknown-variant",
            f"no variant is called {names}, as {'columns' if len(missing) > 1 else 'a column'} of the table "
            f"{'are' if len(missing) > 1 else 'is'}",
            cell_span(reading.table.source, header.line, name),
            hint=f"the variants: {known}; for a column that is no network: --columns '{note}'",
        )


def _says(reading: Reading) -> bool:
    """Whether a table says anything of networks but names: a list of authors among a paper's tables does not."""
    silent = ("index", "layer", "model", "measured", "note", "unknown")
    return any(column.role not in silent for column in reading.columns)


def _of_results(reading: Reading) -> bool:
    """Whether each row of a table is another network."""
    return any(column.role == "model" for column in reading.columns)


def _with_suggestions(judgement: Judgement, members: Sequence[Member]) -> Judgement:
    """What would mend the contradictions of a table about several networks: each is asked for its own column, the first
    for those that all share.
    """
    asked = {finding.column for finding in judgement.findings if finding.verdict == "contradiction"}
    words: dict[tuple[str, str], str] = {}
    for member in members:
        column, case = member.column, member.case()
        own = {name for name in asked if column is None or name == column.header or name not in _headers(members)}
        if not own or case is None:
            continue
        asked -= own
        alone = suggest(judge(judgement.reading, [case]), case, member.editor)
        words |= {(one.row, one.column): one.suggestion for one in alone.findings if one.column in own}
    findings = [
        replace(one, suggestion=one.suggestion or words.get((one.row, one.column), ""))
        if one.verdict == "contradiction"
        else one
        for one in judgement.findings
    ]
    return replace(judgement, findings=findings)


def _headers(members: Sequence[Member]) -> set[str]:
    return {member.column.header for member in members if member.column is not None}


def _misfit(judgement: Judgement) -> tuple[int, int]:
    """How badly a network fits a table: cells that are not true or of which there is nothing to compare, then those
    that hold by some convention only.
    """
    unexplained = judgement.count("contradiction") + judgement.count("not-checked")
    return unexplained, len(judgement.findings) - judgement.count("holds")


def _fits(judgement: Judgement) -> bool:
    """Whether no other network need be tried: nothing is contradicted, and there are layers for nearly every row."""
    compared = any(finding.compared for finding in judgement.findings)
    enough = 4 * _matched(judgement) >= 3 * len(judgement.matches)
    return compared and enough and not judgement.count("contradiction")


def _matched(judgement: Judgement) -> int:
    """For how many rows there are layers."""
    return sum(bool(match.layers) for match in judgement.matches)


def _foreign(judgement: Judgement) -> bool:
    """Whether a table is rather about another network: half of what was compared is contradicted."""
    compared = sum(finding.compared > 0 for finding in judgement.findings)
    return 2 * judgement.count("contradiction") > compared > 0
