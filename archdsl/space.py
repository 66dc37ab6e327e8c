"""The search space that a file with open choices spans.

In: a workspace and a request. Out: how many networks there are, and the smallest and largest of them by parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod

from archdsl.analysis.counts import count
from archdsl.diagnostics import ArchError, Collector
from archdsl.elaborate import Network, Request, Site, Unresolved, Workspace
from archdsl.elaborate.choices import assign

__all__ = ["ALL", "MOST", "Member", "Space", "covering", "explore"]

MOST = 512
"""Networks that are elaborated to find the smallest and largest; a larger space is searched choice by choice."""

_Assignment = dict[int, tuple[Site, int]]


@dataclass(frozen=True)
class Member:
    """One network of a space: its parameters and the choices that make it, `(("width", "128"), …)`."""

    params: int
    choices: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Space:
    """`size` networks; `exact` where every one of them has been elaborated, so that no smaller or larger one exists."""

    size: int
    sites: tuple[Site, ...]
    smallest: Member
    largest: Member
    exact: bool


def explore(workspace: Workspace, request: Request) -> Space:
    """Size up the space that is left open by a request. Raises `ArchError` where one of its networks is wrong."""
    found = Collector()
    fixed = assign(workspace.places, request.choices or {}, found)
    if found.failed:
        raise ArchError(found.sorted())
    members: list[Member] = []
    pending: list[_Assignment] = [dict(fixed)]
    while pending and len(members) + len(pending) <= MOST:
        choices = pending.pop()
        try:
            members.append(_member(workspace, request, choices))
        except Unresolved as open_choice:
            site = _site(workspace, open_choice)
            pending += [{**choices, id(site.unit): (site, i)} for i in range(len(site.options))]
    if not pending:
        low, high = min(members, key=lambda m: m.params), max(members, key=lambda m: m.params)
        return Space(len(members), workspace.places, low, high, True)
    left = [site for site in workspace.places if id(site.unit) not in fixed]
    size = prod(len(site.options) for site in left)
    return Space(
        size,
        workspace.places,
        _search(workspace, request, fixed, left, -1),
        _search(workspace, request, fixed, left, 1),
        False,
    )


def _search(workspace: Workspace, request: Request, fixed: _Assignment, left: list[Site], sign: int) -> Member:
    """Better one choice at a time until none gets better."""
    choices = dict(fixed) | {id(site.unit): (site, 0) for site in left}
    best = _member(workspace, request, choices)
    better = True
    while better:
        better = False
        for site in left:
            for index in range(len(site.options)):
                tried = {**choices, id(site.unit): (site, index)}
                member = _member(workspace, request, tried)
                if sign * member.params > sign * best.params:
                    best, choices, better = member, tried, True
    return best


def _site(workspace: Workspace, open_choice: Unresolved) -> Site:
    return next(site for site in workspace.places if site.unit is open_choice.unit)


def _member(workspace: Workspace, request: Request, choices: _Assignment) -> Member:
    network = build(workspace, request, choices)
    taken = tuple((site.name, site.options[index]) for site, index in choices.values())
    return Member(count(network.graph).total.params, taken)


def build(workspace: Workspace, request: Request, choices: _Assignment) -> Network:
    """The network of one assignment. Raises `ArchError`."""
    found = Collector()
    network = workspace.assigned(request, choices, found)
    if network is None or found.failed:
        raise ArchError(found.sorted())
    return network


ALL = 64
"""Networks of a space that a check looks at one and all; in a larger one, each option is taken at least once."""


def covering(workspace: Workspace, request: Request, found: Collector) -> list[_Assignment]:
    """The assignments that a check has to look at: all of a small space, else each option of each choice once."""
    fixed = assign(workspace.places, request.choices or {}, found)
    left = [site for site in workspace.places if id(site.unit) not in fixed]
    if prod(len(site.options) for site in left) <= ALL:
        options = product(*([(site, index) for index in range(len(site.options))] for site in left))
        return [{**fixed, **{id(site.unit): (site, index) for site, index in taken}} for taken in options]
    rounds = max((len(site.options) for site in left), default=1)
    return [
        {**fixed, **{id(site.unit): (site, min(turn, len(site.options) - 1)) for site in left}}
        for turn in range(rounds)
    ]
