"""`archdsl explain`: what an id of a diagnostic means.

In: an id, or none for the list. Out: its page on standard output. The rules are in `archdsl.rules`.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from archdsl.rules import Rule

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl explain
  archdsl explain shape-mismatch
"""
_WIDTH = 100


@click.command("explain", epilog=_EXAMPLES)
@click.argument("id", required=False)
def command(id: str | None) -> None:
    """Explain the ID of an error or warning: what it means, why it is one, an example, the fix.

    Without an ID, list all of them.
    """
    from archdsl.rules import RULES

    if id is None:
        click.echo(_list(RULES))
        return
    rule = RULES.get(id)
    if rule is None:
        raise click.UsageError(_unknown(id, RULES))
    click.echo(_page(rule))


def _unknown(id: str, rules: dict[str, Rule]) -> str:
    from archdsl.diagnostics import nearest

    close = nearest(id, rules)
    return f"there is no id `{id}`" + (f"; did you mean `{close}`?" if close else "; `archdsl explain` lists all")


def _list(rules: dict[str, Rule]) -> str:
    widest = max(map(len, rules))
    lines: list[str] = []
    for id, rule in rules.items():
        what = ("warning: " if rule.severity == "warning" else "") + rule.what
        lines += textwrap.wrap(
            what,
            _WIDTH,
            initial_indent=f"{id:{widest}}  ",
            subsequent_indent=" " * (widest + 2),
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def _page(rule: Rule) -> str:
    parts = [
        f"{rule.id} ({rule.severity})",
        textwrap.fill(f"{rule.what} {rule.why}", _WIDTH, break_on_hyphens=False),
        f"Wrong\n{_shown(rule, rule.example)}",
        *_message(rule),
        f"Right\n{_shown(rule, rule.fix)}",
    ]
    for name, text in rule.files[:2]:
        parts.append(f"{name}\n{_indented(text)}")
    if len(rule.files) > 2:
        parts.append(f"and {len(rule.files) - 2} more files")
    if rule.options or ":" in rule.target:
        parts.append(f"as in\n  archdsl check {' '.join((rule.target, *rule.options))}")
    return "\n\n".join(parts)


def _message(rule: Rule) -> list[str]:
    """What the check says of the example, where that needs no other file, no option and no long text."""
    if rule.files or rule.options or rule.times or rule.target != "net.arch" or rule.id.startswith("limit-"):
        return []
    from archdsl.checking import check_workspace
    from archdsl.diagnostics import Collector, render_text
    from archdsl.elaborate import Request, Workspace

    found = Collector()
    checked = check_workspace(Workspace.text(rule.example, found, "net.arch"), Request(), found)
    return [_indented(render_text(checked.diagnostics))] if checked.diagnostics else []


def _shown(rule: Rule, text: str) -> str:
    shown = _indented(text)
    if rule.times and "…" in text:
        repeated = rule.repeated.strip().splitlines()[0]
        shown += f"\n  where … is `{repeated}`" + (f", {rule.times:,} times" if rule.times > 1 else " and so on")
    return shown


def _indented(text: str) -> str:
    return textwrap.indent(text.rstrip(), "  ")
