"""Modules that are used several times with the same weights.

In: nodes that name the node whose weights they use. Out: which place is another use of which, so that one module is
called twice; where two uses are not alike, the places around them are dissolved until both stand in one class.
"""

from __future__ import annotations

from archdsl.codegen.tree import Place, Tree
from archdsl.graph import Graph, Node, Port

__all__ = ["aliases"]


def aliases(graph: Graph, tree: Tree) -> dict[Place, Place]:
    """For every place that uses the weights of another the one that owns them; dissolves places of `tree` at need."""
    users = [node for node in graph.layers if node.shared is not None]
    found: dict[Place, Place] = {}
    while users:
        found = {}
        settled = [_settle(graph, tree, node, found) for node in users]
        if all(settled):
            break
    for owner in found.values():
        owner.pinned = True
    return found


def _settle(graph: Graph, tree: Tree, node: Node, found: dict[Place, Place]) -> bool:
    """Find the places that share because of this node; False where two had to be dissolved."""
    mine, theirs = tree.home(node).path(), tree.home(graph.nodes[tree.owner(node)]).path()
    while mine and theirs and mine[0] is theirs[0]:
        del mine[0], theirs[0]
    if not mine and not theirs:
        return True
    if mine and theirs:
        user, owner = mine[0], theirs[0]
        if found.get(user) is owner:
            return True
        if user not in found and owner not in found and _alike(tree, user, owner):
            found[user] = owner
            return True
    for place in (*mine[:1], *theirs[:1]):
        place.dissolved = True
    return False


def _alike(tree: Tree, user: Place, owner: Place) -> bool:
    """Whether two places hold the same layers with the same weights, joined in the same way."""
    if user.frame.name != owner.frame.name or len(user.nodes) != len(owner.nodes):
        return False
    faces = tree.face(user), tree.face(owner)
    for mine, theirs in zip(user.nodes, owner.nodes, strict=True):
        if mine.op != theirs.op or mine.input_shapes != theirs.input_shapes or tree.use(mine) != tree.use(theirs):
            return False
        weights = mine.op is not None and bool(mine.op.weights(*mine.input_shapes))
        if weights and tree.owner(mine) != tree.owner(theirs):
            return False
        if _frames(tree, mine, user) != _frames(tree, theirs, owner):
            return False
    wiring = [
        [[_relative(port, place, face[0]) for port in node.inputs] for node in place.nodes]
        for place, face in zip((user, owner), faces, strict=True)
    ]
    leaving = [
        [_relative(port, place, face[0]) for port in face[1]] for place, face in zip((user, owner), faces, strict=True)
    ]
    return wiring[0] == wiring[1] and leaving[0] == leaving[1]


def _relative(port: Port, place: Place, entering: tuple[Port, ...]) -> tuple[str, int, int]:
    """A tensor as seen from inside a place, equal for the same tensor of another use."""
    first = place.nodes[0].key
    if port in entering:
        return ("input", entering.index(port), 0)
    return ("inside", port.node - first, port.index)


def _frames(tree: Tree, node: Node, top: Place) -> list[tuple[str, int, bool]]:
    """The frames between a node and the place that is looked at."""
    found: list[tuple[str, int, bool]] = []
    place: Place | None = tree.home(node)
    while place is not None and place is not top:
        found.append((place.frame.name, place.frame.index, place.dissolved))
        place = place.parent
    return found
