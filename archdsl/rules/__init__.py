"""Every id that a diagnostic can have: what it is, why it is one, an example, the fix.

In: nothing. Out: `RULES` by id. The tests run every example and every fix, and compare the ids with those
in the source.
"""

from __future__ import annotations

from archdsl.rules import arguments, limiting, names, recipes, sizes, structure, tables, text, verifying, weights
from archdsl.rules.rule import Rule

__all__ = ["RULES", "Rule"]

RULES: dict[str, Rule] = {
    rule.id: rule
    for family in (text, names, arguments, sizes, structure, recipes, limiting, tables, verifying, weights)
    for rule in family.RULES
}
"""The rules by id, those of one family together."""
