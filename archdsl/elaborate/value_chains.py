"""Which chains are values: what stands in an argument, a `let` or a list is one, or a chain of layers.

In: a chain, its scope, and whether a name stands for a layer. Out: yes or no, by the form of the text. Evaluates
nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from archdsl.elaborate.functions import FUNCTIONS
from archdsl.elaborate.values import Scope
from archdsl.syntax import tree

__all__ = ["is_value"]

_IsLayer = Callable[[str, Scope], bool]


def is_value(chain: tree.Chain, scope: Scope, is_layer: _IsLayer) -> bool:
    """Whether a chain is a value: `64`, `bn`, `(3, id, 1)`, and not `conv 3x3 64`, `@a`, `(@a, relu -> bn)`."""
    plain = chain.plain
    match plain:
        case None:
            element = chain.elements[0]
            if len(chain.elements) > 1 or element.suffixes or not isinstance(element.unit, tree.Conditional):
                return False
            arms = (element.unit.then, element.unit.otherwise)
            return all(is_value(arm, scope, is_layer) for arm in arms)
        case tree.Reference() | tree.Call() | tree.Index(base=tree.Reference()) | tree.Slice(base=tree.Reference()):
            return False
        case tree.Function(name=name):
            return name.name in FUNCTIONS or name.name == "one_of" or not is_layer(name.name, scope)
        case tree.Group(chain=inner):
            return is_value(inner, scope, is_layer)
        case tree.Items(parenthesised=True, items=items):
            values = [is_value(item, scope, is_layer) for item in items]
            return all(values) or any(_is_no_layer(item, scope, is_layer) for item in items)
        case _:
            return True


def _is_no_layer(chain: tree.Chain, scope: Scope, is_layer: _IsLayer) -> bool:
    """Whether a part of a tuple is plainly a number, a text or a list, so that the tuple is one of values: `(3, relu ->
    bn)`.
    """
    match chain.plain:
        case tree.Name(name=name):
            return not is_layer(name, scope)
        case tree.Items(parenthesised=parenthesised):
            return not parenthesised
        case tree.Number() | tree.Dims() | tree.String() | tree.Truth():
            return True
        case tree.Attribute() | tree.Unary() | tree.Binary():
            return True
        case _:
            return False
