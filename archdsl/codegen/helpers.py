"""The layers that PyTorch lacks, as text to be copied into a generated file.

In: names of classes and functions of `archdsl/codegen/layers/*.py`. Out: their source, that of what they use
themselves, and the imports all of it needs. The files are read and parsed, never imported, so that writing source needs
no torch.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

__all__ = ["Helper", "collect", "find"]


class Helper(NamedTuple):
    """One definition of a layers file: its text, the definitions it uses, the import lines it needs.

    `arguments` are those of the constructor in order, with the source of the default where there is one; a class
    without a constructor has that of its `base`.
    """

    name: str
    text: str
    uses: tuple[str, ...]
    imports: tuple[str, ...]
    arguments: tuple[tuple[str, str | None], ...]
    base: str


def find(name: str) -> Helper:
    """A helper by name. Raises `LookupError` where no layers file defines it."""
    try:
        return _library()[name]
    except KeyError:
        raise LookupError(f"no file of archdsl/codegen/layers defines `{name}`") from None


def collect(names: Iterable[str]) -> tuple[Helper, ...]:
    """These helpers and all that they use, each after what it needs, in an order that depends on the names alone."""
    found: dict[str, Helper] = {}
    pending = sorted(set(names), reverse=True)
    while pending:
        helper = find(pending[-1])
        missing = [name for name in helper.uses if name not in found and name not in pending]
        if missing:
            pending += reversed(missing)
            continue
        pending.pop()
        found[helper.name] = helper
    return tuple(found.values())


@cache
def _library() -> dict[str, Helper]:
    """Every top-level definition of the layers files. Raises `ValueError` where two files define one name."""
    from importlib.resources import files

    found: dict[str, Helper] = {}
    folder = files("archdsl.codegen").joinpath("layers")
    for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not path.name.endswith(".py") or path.name == "__init__.py":
            continue
        for helper in _read(path.read_text(encoding="utf-8")):
            if helper.name in found:
                raise ValueError(f"two files of archdsl/codegen/layers define `{helper.name}`")
            found[helper.name] = helper
    return found


def _read(text: str) -> list[Helper]:
    tree = ast.parse(text)
    lines = text.splitlines()
    imports: dict[str, str] = {}
    definitions: dict[str, ast.stmt] = {}
    elsewhere: set[str] = set()
    for statement in tree.body:
        module = (statement.module or "") if isinstance(statement, ast.ImportFrom) else ""
        if module.startswith("archdsl.codegen.layers") and isinstance(statement, ast.ImportFrom):
            elsewhere.update(alias.name for alias in statement.names)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            if module != "__future__":
                imports.update(_import_lines(statement))
        elif isinstance(statement, ast.ClassDef | ast.FunctionDef):
            definitions[statement.name] = statement
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            definitions.update({target.id: statement for target in targets if isinstance(target, ast.Name)})
    definitions.pop("__all__", None)
    found = []
    for name, statement in definitions.items():
        used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        found.append(
            Helper(
                name,
                _text(statement, lines),
                tuple(sorted(used & (definitions.keys() | elsewhere) - {name})),
                tuple(sorted(imports[other] for other in used & imports.keys())),
                _arguments(statement),
                ast.unparse(statement.bases[0]) if isinstance(statement, ast.ClassDef) and statement.bases else "",
            )
        )
    return found


def _import_lines(statement: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """One import line for every name that it binds."""
    found = {}
    for alias in statement.names:
        as_name = f" as {alias.asname}" if alias.asname else ""
        if isinstance(statement, ast.Import):
            found[alias.asname or alias.name.partition(".")[0]] = f"import {alias.name}{as_name}"
        else:
            found[alias.asname or alias.name] = f"from {statement.module} import {alias.name}{as_name}"
    return found


def _text(statement: ast.stmt, lines: list[str]) -> str:
    """The definition with its decorators and the comment lines right above it."""
    first = statement.lineno
    if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.decorator_list:
        first = statement.decorator_list[0].lineno
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    assert statement.end_lineno is not None
    return "\n".join(lines[first - 1 : statement.end_lineno])


def _arguments(statement: ast.stmt) -> tuple[tuple[str, str | None], ...]:
    body = statement.body if isinstance(statement, ast.ClassDef) else [statement]
    for member in body:
        if isinstance(member, ast.FunctionDef) and (member.name == "__init__" or member is statement):
            plain = member.args.posonlyargs + member.args.args
            given = [None] * (len(plain) - len(member.args.defaults)) + [ast.unparse(d) for d in member.args.defaults]
            found = [(arg.arg, default) for arg, default in zip(plain, given, strict=True) if arg.arg != "self"]
            for arg, default in zip(member.args.kwonlyargs, member.args.kw_defaults, strict=True):
                found.append((arg.arg, None if default is None else ast.unparse(default)))
            return tuple(found)
    return ()
