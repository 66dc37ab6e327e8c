"""What each rule of the grammar makes of its parts.

In: tokens and the nodes of smaller rules. Out: a node of `archdsl.syntax.tree`. When which rule applies is left to the
grammar and the parser, its mistakes to `archdsl.syntax.parser`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from lark import Token

from archdsl.diagnostics import Source, Span
from archdsl.syntax import tree

__all__ = ["Actions", "BadPattern", "TooLarge"]

_Node = Callable[[Any, Span, list[Any]], Any]


def _node(method: _Node) -> Callable[[Any, list[Any]], Any]:
    """Give a rule its span and only those children that carry something."""

    def build(self: Actions, children: list[Any]) -> Any:
        first, last = children[0], children[-1]
        start = (first.start_pos or 0) if isinstance(first, Token) else first.span.start
        end = (last.end_pos or 0) if isinstance(last, Token) else last.span.end
        kept = [child for child in children if not isinstance(child, Token) or child.type[0] != "_"]
        return method(self, Span(self.source, start, end), kept)

    return build


class Actions:
    """Turns each rule of the grammar into its type of `archdsl.syntax.tree` while the text is parsed."""

    source: Source

    def _name(self, token: Token) -> tree.Name:
        return tree.Name(Span(self.source, token.start_pos or 0, token.end_pos or 0), str(token.value))

    # ------------------------------------------------------------ statements

    @_node
    def start(self, span: Span, kids: list[Any]) -> Any:
        return kids[0]

    @_node
    def architecture(self, span: Span, kids: list[Any]) -> Any:
        name, *rest = kids
        parameters = next((kid for kid in rest if isinstance(kid, _Several)), _Several(span, ()))
        title = next((_unquote(kid) for kid in rest if isinstance(kid, Token)), "")
        return tree.Architecture(span, self._name(name), parameters.items, title)

    @_node
    def input(self, span: Span, kids: list[Any]) -> Any:
        return tree.Input(span, self._name(kids[0]) if len(kids) == 2 else None, kids[-1])

    @_node
    def output(self, span: Span, kids: list[Any]) -> Any:
        name, *rest = kids
        modifier = self._name(rest.pop(0)) if isinstance(rest[0], Token) else None
        return tree.OutputStatement(span, self._name(name), modifier, *rest)

    @_node
    def block(self, span: Span, kids: list[Any]) -> Any:
        name, *rest, body = kids
        parameters: tuple[tree.Parameter, ...] = ()
        tensors: tuple[tree.Name, ...] | None = None
        for part in rest:
            if isinstance(part, _TensorNames):
                tensors = part.items
            else:
                parameters = part.items
        return tree.Block(
            span, self._name(name), parameters, tensors, body.items if isinstance(body, _Several) else body
        )

    @_node
    def let(self, span: Span, kids: list[Any]) -> Any:
        return tree.Let(span, self._name(kids[0]), kids[1])

    @_node
    def share(self, span: Span, kids: list[Any]) -> Any:
        return tree.Share(span, self._name(kids[0]), kids[1])

    @_node
    def default(self, span: Span, kids: list[Any]) -> Any:
        return tree.Default(span, self._name(kids[0]), self.as_operands(kids[1:]))

    @_node
    def variant(self, span: Span, kids: list[Any]) -> Any:
        names = [self._name(kid) for kid in kids if isinstance(kid, Token)]
        chain = next(kid for kid in kids if isinstance(kid, tree.Chain))
        claims = kids[-1] if isinstance(kids[-1], tree.Expect) else None
        return tree.Variant(span, names[0], chain, tuple(names[1:]), claims)

    @_node
    def use(self, span: Span, kids: list[Any]) -> Any:
        token = kids[0]
        return tree.Use(span, tree.String(Span(self.source, token.start_pos, token.end_pos), _unquote(token)))

    @_node
    def expect(self, span: Span, kids: list[Any]) -> Any:
        return tree.Expect(span, self.as_operands(kids))

    claims = expect

    @_node
    def train(self, span: Span, kids: list[Any]) -> Any:
        return tree.Train(span, tuple(kid.items for kid in kids))

    @_node
    def result(self, span: Span, kids: list[Any]) -> Any:
        return tree.Return(span, tuple(kids))

    @_node
    def chain_statement(self, span: Span, kids: list[Any]) -> Any:
        return tree.ChainStatement(span, kids[0])

    @_node
    def _several(self, span: Span, kids: list[Any]) -> Any:
        return _Several(span, tuple(kids))

    parameters = body = tensors = _several

    @_node
    def parameter(self, span: Span, kids: list[Any]) -> Any:
        return tree.Parameter(span, str(kids[0].value), kids[1] if len(kids) == 2 else None)

    @_node
    def star_parameter(self, span: Span, kids: list[Any]) -> Any:
        return tree.Parameter(span, str(kids[1].value), None, star=True)

    @_node
    def tensor_names(self, span: Span, kids: list[Any]) -> Any:
        return _TensorNames(span, tuple(self._name(kid) for kid in kids))

    @_node
    def train_line(self, span: Span, kids: list[Any]) -> Any:
        return _Several(span, tuple(self._item(kid) for kid in kids))

    def _item(self, kid: Any) -> tree.Operand | tree.Plus | tree.Mapping:
        if isinstance(kid, Token):
            return tree.Plus(self._name(kid).span)
        return kid if isinstance(kid, tree.Mapping) else self.as_operand(kid)

    @_node
    def mapping(self, span: Span, kids: list[Any]) -> Any:
        return tree.Mapping(span, tuple(kid.items for kid in kids))

    @_node
    def entry(self, span: Span, kids: list[Any]) -> Any:
        return _Several(span, (kids[0], kids[1]))

    # ------------------------------------------------------------ chains

    @_node
    def chain(self, span: Span, kids: list[Any]) -> Any:
        return tree.Chain(
            span, tuple(tree.Element(kid.span, kid) if isinstance(kid, tree.Conditional) else kid for kid in kids)
        )

    @_node
    def element(self, span: Span, kids: list[Any]) -> Any:
        return tree.Element(span, kids[0], tuple(kids[1:]))

    @_node
    def label(self, span: Span, kids: list[Any]) -> Any:
        return tree.Label(span, str(kids[0].value)[1:])

    @_node
    def repeat(self, span: Span, kids: list[Any]) -> Any:
        text = str(kids[0].value)[1:]
        inner = Span(self.source, span.start + 1, span.end)
        return tree.Repeat(span, tree.Number(inner, _integer(text), text))

    @_node
    def repeat_over(self, span: Span, kids: list[Any]) -> Any:
        if len(kids) == 1:
            return tree.Repeat(span, kids[0])
        return tree.Repeat(span, kids[1], _pattern(kids[0]))

    @_node
    def assertion(self, span: Span, kids: list[Any]) -> Any:
        return tree.Assertion(span, kids[0])

    @_node
    def conditional(self, span: Span, kids: list[Any]) -> Any:
        return tree.Conditional(span, kids[0], kids[1], kids[2])

    @_node
    def op(self, span: Span, kids: list[Any]) -> Any:
        return tree.Call(span, self._name(kids[0]), None, False, None, self.as_operands(kids[1:]))

    @_node
    def op_with_branches(self, span: Span, kids: list[Any]) -> Any:
        name, angles, *rest = kids
        tensors = None
        if isinstance(rest[0], _Several):
            tensors, rest = rest[0].items, rest[1:]
        return tree.Call(span, self._name(name), angles.items, angles.piped, tensors, self.as_operands(rest))

    @_node
    def call(self, span: Span, kids: list[Any]) -> Any:
        name, angles, *rest = kids
        return tree.Call(span, self._name(name), angles.items, angles.piped, rest[0].items if rest else None, ())

    @_node
    def angles(self, span: Span, kids: list[Any]) -> Any:
        items = tuple(kid for kid in kids if not isinstance(kid, Token))
        return _Angles(span, items, any(isinstance(kid, Token) for kid in kids))

    @_node
    def argument(self, span: Span, kids: list[Any]) -> Any:
        return tree.Argument(span, None, kids[0])

    @_node
    def keyword_argument(self, span: Span, kids: list[Any]) -> Any:
        return tree.Argument(span, self._name(kids[0]), kids[1])

    @_node
    def star_argument(self, span: Span, kids: list[Any]) -> Any:
        return tree.Argument(span, None, kids[1], star=True)

    def as_operands(self, kids: list[Any]) -> tuple[tree.Operand, ...]:
        return tuple(self.as_operand(kid) for kid in kids)

    def as_operand(self, kid: Any) -> tree.Operand:
        return kid if isinstance(kid, tree.Operand) else tree.Operand(kid.span, None, kid)

    @_node
    def keyword(self, span: Span, kids: list[Any]) -> Any:
        return tree.Operand(span, self._name(kids[0]), kids[1])

    @_node
    def negative(self, span: Span, kids: list[Any]) -> Any:
        return tree.Unary(span, "-", kids[1])

    minus = negative

    @_node
    def geometry(self, span: Span, kids: list[Any]) -> Any:
        parts = [kid for kid in kids if not isinstance(kid, Token)]
        return tree.Geometry(span, parts[0], parts[1], parts[2] if len(parts) == 3 else None)

    @_node
    def geometry_padding(self, span: Span, kids: list[Any]) -> Any:
        return tree.Geometry(span, kids[0], None, kids[2])

    # ------------------------------------------------------------ expressions

    @_node
    def _binary(self, span: Span, kids: list[Any]) -> Any:
        left, operator, right = kids
        return tree.Binary(span, str(operator.value), left, right)

    disjunction = conjunction = comparison = sum = product = power = _binary

    @_node
    def inversion(self, span: Span, kids: list[Any]) -> Any:
        return tree.Unary(span, "not", kids[1])

    @_node
    def reference(self, span: Span, kids: list[Any]) -> Any:
        return tree.Reference(span, str(kids[0].value)[1:])

    @_node
    def number(self, span: Span, kids: list[Any]) -> Any:
        token = kids[0]
        text = str(token.value)
        if token.type == "INTEGER":
            return tree.Number(span, _integer(text), text)
        if token.type == "QUANTITY":
            return tree.Number(span, _quantity(text), text)
        return tree.Number(span, float(text.replace("_", "")), text)

    @_node
    def dims(self, span: Span, kids: list[Any]) -> Any:
        return tree.Dims(span, tuple(_integer(part) for part in str(kids[0].value).split("x")))

    @_node
    def string(self, span: Span, kids: list[Any]) -> Any:
        return tree.String(span, _unquote(kids[0]))

    @_node
    def truth(self, span: Span, kids: list[Any]) -> Any:
        return tree.Truth(span, kids[0].type == "TRUE")

    @_node
    def name(self, span: Span, kids: list[Any]) -> Any:
        return self._name(kids[0])

    @_node
    def attribute(self, span: Span, kids: list[Any]) -> Any:
        return tree.Attribute(span, kids[0], str(kids[2].value))

    @_node
    def index(self, span: Span, kids: list[Any]) -> Any:
        return tree.Index(span, kids[0], kids[1])

    slice = _node(lambda self, span, kids: tree.Slice(span, kids[0], kids[1], kids[2]))
    slice_from = _node(lambda self, span, kids: tree.Slice(span, kids[0], kids[1], None))
    slice_to = _node(lambda self, span, kids: tree.Slice(span, kids[0], None, kids[1]))

    @_node
    def function(self, span: Span, kids: list[Any]) -> Any:
        return tree.Function(span, self._name(kids[0]), tuple(kids[1:]))

    @_node
    def items(self, span: Span, kids: list[Any]) -> Any:
        return tree.Items(span, tuple(kid for kid in kids if not isinstance(kid, Token)), False)

    @_node
    def group(self, span: Span, kids: list[Any]) -> Any:
        chains = tuple(kid for kid in kids if not isinstance(kid, Token))
        if len(chains) == 1 and len(kids) == 1:
            return tree.Group(span, chains[0])
        return tree.Items(span, chains, True)


class _Several:
    """Parts on their way to the node that holds them."""

    __slots__ = ("items", "span")

    def __init__(self, span: Span, items: tuple[Any, ...]) -> None:
        self.span = span
        self.items = items


class _TensorNames(_Several):
    __slots__ = ()


class _Angles(_Several):
    __slots__ = ("piped",)

    def __init__(self, span: Span, items: tuple[Any, ...], piped: bool) -> None:
        super().__init__(span, items)
        self.piped = piped


class BadPattern(Exception):
    """A loop over something that is no name and no names in parentheses."""

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span


class TooLarge(Exception):
    """A literal with more digits than any number of the language has."""


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    if len(digits) > 18:
        raise TooLarge
    return int(digits)


def _quantity(text: str) -> int | float:
    scale = {"K": 3, "M": 6, "G": 9, "T": 12}[text[-1]]
    whole, _, part = text[:-1].replace("_", "").partition(".")
    if len(whole) > 18 or len(part) > 18:
        raise TooLarge
    if len(part) <= scale:
        return int(whole + part) * int(10 ** (scale - len(part)))
    return float(int(whole + part) / 10 ** (len(part) - scale))


def _unquote(token: Token) -> str:
    """The characters a string stands for: `\\"`, `\\\\`, `\\n` and `\\t` are the escapes; another stays as it is
    written.
    """
    out: list[str] = []
    escapes = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}
    chars = iter(str(token.value)[1:-1])
    for char in chars:
        if char == "\\":
            following = next(chars, "")
            out.append(escapes.get(following, "\\" + following))
        else:
            out.append(char)
    return "".join(out)


def _pattern(written: Any) -> tuple[tree.Name, ...]:
    """The names of `i in …` or `(n, w) in …`."""
    if isinstance(written, tree.Name):
        return (written,)
    if isinstance(written, tree.Items) and written.parenthesised:
        names = [item.plain for item in written.items]
        if all(isinstance(name, tree.Name) for name in names):
            return tuple(cast("list[tree.Name]", names))
    raise BadPattern(written.span)
