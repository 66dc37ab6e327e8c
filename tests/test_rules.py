"""The catalogue of diagnostic ids: every example has its mistake and no other, and every id of the source is in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from archdsl.api import load, unresolved
from archdsl.checking import check_file
from archdsl.codegen.weights import transfer
from archdsl.codegen.weights_file import Checkpoint
from archdsl.diagnostics import ArchError, Collector, Diagnostic, render_text
from archdsl.elaborate import Request, Unresolved, Workspace
from archdsl.gathering import gather
from archdsl.importing import ImportWishes, import_file
from archdsl.report.verdicts_formats import wrong_cells
from archdsl.rules import RULES, Rule, verifying
from archdsl.train.plan import Overrides, plan, unreached
from archdsl.verification import Wishes
from archdsl.verify.reading.documents import read_tables
from archdsl.verify.reading.understand import understand
from archdsl.verifying import verify
from archdsl.zoo import find

_SOURCE = Path(__file__).parent.parent / "archdsl"
_REPORTS = re.compile(r"(^|_)(error|fail|warning|unused|of|OpError|Diagnostic|Wrong)$")
_ID = re.compile(r"[a-z]+(-[a-z]+)+|syntax|arity")


def _write(rule: Rule, text: str, folder: Path) -> Path:
    name = rule.target.partition(":")[0]
    for file, content in (*rule.files, (name, rule.whole(text))):
        (folder / file).write_text(content, encoding="utf-8")
    return folder / name


def _request(rule: Rule) -> Request:
    _, _, variant = rule.target.partition(":")
    choices = dict(option.split("=", 1) for option in rule.options if "=" in option)
    return Request(variant=variant or None, choices=choices)


def _found(rule: Rule, text: str, folder: Path) -> tuple[Diagnostic, ...]:
    """What `archdsl check` says, and then the commands that need one network, or train it."""
    if not rule.target:
        return _found_in_zoo(text)
    path, request = _write(rule, text, folder), _request(rule)
    if rule.id == "import-row":
        importing = Collector()
        import_file(path, ImportWishes(), importing)
        return importing.sorted()
    if rule in verifying.RULES:
        return _found_by_verify(path)
    if path.suffix != ".arch":
        return _found_in_tables(path)
    if rule.id == "weights-mismatch":
        return _found_in_weights(path)
    if rule.id == "unreached-schedule":
        recipe = load(path).recipe
        return unreached(plan(recipe, Overrides()), recipe)
    checked = check_file(path, request).diagnostics
    if checked or rule.id != "unresolved-choice":
        return checked
    found = Collector()
    workspace = Workspace.open(path, found)
    try:
        workspace.network(request, found)
    except Unresolved as left:
        return (unresolved(workspace, left),)
    return ()


def _found_in_zoo(name: str) -> tuple[Diagnostic, ...]:
    try:
        find(name)
    except ArchError as error:
        return tuple(error.diagnostics)
    return ()


def _found_in_weights(path: Path) -> tuple[Diagnostic, ...]:
    """What is said about a checkpoint, whose tensors stand beside the network as names and shapes."""
    rows = [row.split() for row in (path.parent / "checkpoint.txt").read_text(encoding="utf-8").splitlines()]
    values = {name: torch.zeros(*map(int, shape.split("x"))) for name, shape in rows}
    try:
        transfer(load(path).graph, Checkpoint(values, ()), (), 0)
    except ArchError as error:
        return error.diagnostics
    return ()


def _found_by_verify(path: Path) -> tuple[Diagnostic, ...]:
    """What `archdsl verify` says of a network, or of a table beside which known misprints may stand."""
    found = Collector()
    named = path.with_name("table.csv") if path.name.startswith("table") else path
    made = verify(gather([str(named)], found), Wishes(), found)
    return (*wrong_cells(made), *made.diagnostics)


def _found_in_tables(path: Path) -> tuple[Diagnostic, ...]:
    """What is said about a file of printed tables before they are compared with anything."""
    found = Collector()
    for table in read_tables(path, found):
        understand(table, {}, {}, found)
    return found.sorted()


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_example_has_the_mistake_and_no_other(rule: Rule, tmp_path: Path) -> None:
    found = _found(rule, rule.example, tmp_path)
    assert {diagnostic.id for diagnostic in found} == {rule.id}, render_text(found)
    assert {diagnostic.severity for diagnostic in found} == {rule.severity}
    assert all(diagnostic.hint for diagnostic in found), render_text(found)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_fix_has_none(rule: Rule, tmp_path: Path) -> None:
    found = _found(rule, rule.fix, tmp_path)
    assert not found, render_text(found)


def _literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


def _reported() -> dict[str, str]:
    """Every id that the source reports, and a place that does."""
    ids: dict[str, str] = {}
    for path in sorted(_SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if not _REPORTS.search(name):
                continue
            given = [*node.args[:2], *(keyword.value for keyword in node.keywords if keyword.arg == "id")]
            for text in (text for argument in given for text in _literals(argument)):
                if _ID.fullmatch(text):
                    ids.setdefault(text, f"{path.name}:{node.lineno}")
    return ids


def test_every_id_is_explained_and_every_explained_id_exists() -> None:
    reported = _reported()
    assert len(reported) > 50
    assert {id: place for id, place in reported.items() if id not in RULES} == {}
    assert sorted(set(RULES) - set(reported)) == []


def test_ids_are_stable_words() -> None:
    assert all(rule.id == id and _ID.fullmatch(id) for id, rule in RULES.items())


def test_texts_are_sentences() -> None:
    for rule in RULES.values():
        for text in (rule.what, rule.why):
            assert text.endswith("."), rule.id
            assert text[0].isupper() or text[0] in "`-10", rule.id
