"""How many layers a text makes at least, told without unrolling it.

In: an element or a block of the tree. Out: a number that the unrolled network cannot stay below where nothing in it is
wrong: what stands behind a condition, an argument or a name of unknown meaning counts as nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.elaborate.names import Names
from archdsl.elaborate.values import Scope
from archdsl.ops import registry
from archdsl.syntax import tree

__all__ = ["Foresight"]

_LARGEST = 2**53


class Foresight:
    """Looks ahead within one run, each block once."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[int, int] = {}

    def element(self, unit: object, suffixes: Sequence[tree.Suffix], scope: Scope) -> int:
        """Layers of an element with what stands behind it, in a scope whose variables mean something else."""
        hidden: set[str] = set()
        at, file = scope, scope
        while at.parent is not None:
            hidden |= at.variables.keys()
            at = file = at.parent
        return self._element(unit, suffixes, file, frozenset(hidden))

    def block(self, block: tree.Block, home: Scope) -> int:
        """Layers of one call, whatever its arguments are."""
        if home.parent is not None:
            return 0  # a block inside a block: its names are those of an instance
        known = self._known.get(id(block))
        if known is not None:
            return known
        self._known[id(block)] = 0  # of a block inside itself: some condition may end it
        hidden = frozenset(parameter.name for parameter in block.parameters)
        if isinstance(block.body, tree.Chain):
            found = self._chain(block.body, home, hidden)
        else:
            own = {s.name.name for s in block.body if isinstance(s, tree.Let | tree.Share | tree.Block)}
            chains = [s.chain for s in block.body if isinstance(s, tree.ChainStatement)]
            found = sum(self._chain(chain, home, hidden | own) for chain in chains)
        self._known[id(block)] = found = min(found, _LARGEST)
        return found

    def _chain(self, chain: tree.Chain, home: Scope, hidden: frozenset[str]) -> int:
        return sum(self._element(element.unit, element.suffixes, home, hidden) for element in chain.elements)

    def _element(self, unit: object, suffixes: Sequence[tree.Suffix], home: Scope, hidden: frozenset[str]) -> int:
        found = self._unit(unit, home, hidden)
        for suffix in suffixes:
            if isinstance(suffix, tree.Repeat):
                plain = not suffix.names and isinstance(suffix.over, tree.Number)
                found *= int(suffix.over.value) if plain and isinstance(suffix.over, tree.Number) else 0
        return min(found, _LARGEST)

    def _unit(self, unit: object, home: Scope, hidden: frozenset[str]) -> int:
        match unit:
            case tree.Group(chain=chain):
                return self._chain(chain, home, hidden)
            case tree.Name(name=name):
                return self._called(name, home, hidden)
            case tree.Call(name=called, angles=angles):
                found = self._called(called.name, home, hidden)
                if registry.lookup(called.name) is not None and called.name not in hidden:
                    found += sum(self._chain(argument.value, home, hidden) for argument in angles or ())
                return found
            case _:
                return 0

    def _called(self, name: str, home: Scope, hidden: frozenset[str]) -> int:
        if name in hidden:
            return 0
        if registry.lookup(name) is not None:
            return 1
        forms = self._names.own_blocks(home).get(name, ())
        return self.block(forms[0], home) if len(forms) == 1 else 0
