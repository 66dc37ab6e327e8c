"""A search space, for people and for programs.

In: a `Space`. Out: its choices, its size, its smallest and largest network, as text or JSON.
"""

from __future__ import annotations

import json

from archdsl.report.numbers import clean
from archdsl.space import Member, Space

__all__ = ["space_json", "space_text"]


def space_text(space: Space) -> str:
    """The space as a paragraph a choice, and the two ends of it."""
    lines = [f"{space.size:,} networks: this file leaves {len(space.sites)} choices open", ""]
    wide = max(len(site.name) for site in space.sites)
    for site in space.sites:
        options = (f"#{number} {clean(option)}" for number, option in enumerate(site.options, 1))
        lines.append(f"  {site.name:<{wide}}  {'   '.join(options)}")
    bound = "" if space.exact else " found, choice by choice (too many networks to try them all)"
    lines += ["", f"smallest{bound}: {_member(space.smallest)}", f"largest{bound}: {_member(space.largest)}", ""]
    options_of = " ".join(f"--choose '{name}={clean(option)}'" for name, option in space.smallest.choices)
    lines.append(f"For one of them, choose: {options_of}")
    return "\n".join(lines) + "\n"


def _member(member: Member) -> str:
    taken = ", ".join(f"{name} {clean(option)}" for name, option in member.choices)
    return f"{member.params:,} trainable parameters ({taken})"


def space_json(space: Space) -> str:
    """`{"space": {"size", "exact", "choices": {name: [options]}, "smallest": {"params", "choices"}, "largest": …}}`."""
    record = {
        "space": {
            "size": space.size,
            "exact": space.exact,
            "choices": {site.name: list(site.options) for site in space.sites},
            "smallest": {"params": space.smallest.params, "choices": dict(space.smallest.choices)},
            "largest": {"params": space.largest.params, "choices": dict(space.largest.choices)},
        }
    }
    return json.dumps(record, indent=2) + "\n"
