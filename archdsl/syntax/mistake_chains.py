"""Typical mistakes in chains: names, conditions, arrows, branches, repeats.

In: nothing. Out: `CHAINS`, most telling first, whose examples the tests read as well. Leaves the arguments of a
layer to `mistake_arguments`.
"""

from __future__ import annotations

from archdsl.syntax.mistakes import NUMBERS, WORD_OF, Mistake
from archdsl.syntax.stop import ATOMS, CLOSES, OPENS, Stop

__all__ = ["CHAINS"]


def _named(stop: Stop) -> str:
    """The name that an assignment would give."""
    return stop.text(-2) if stop.kind(-1) == "PLUS" else stop.text(-1)


_STARTS_ELEMENT = frozenset({"", "_NEWLINE", "_ARROW", "BAR", "_LANGLE", "_LPAR", "_LBRACE"})


def _branches(stop: Stop) -> list[str]:
    """What stands between the bars of the innermost bracket, as it is written."""
    index, depth = stop.index - stop.opened, 0
    first = index + 1
    parts: list[str] = []
    for place in range(first, len(stop.tokens)):
        kind = stop.tokens[place].type
        if depth == 0 and kind in ("BAR", "_RPAR"):
            parts.append(stop.written(first - stop.index, place - 1 - stop.index) if place > first else "id")
            first = place + 1
        if kind in OPENS:
            depth += 1
        elif kind in CLOSES:
            if depth == 0:
                return parts
            depth -= 1
    return []


def _joins(stop: Stop) -> str:
    """The word before the innermost bracket, which may be the one that joins its branches."""
    place = -stop.opened - 1
    return stop.text(place) if stop.kind(place) == "NAME" else "concat"


def _layer(branch: str) -> str:
    """A branch as it should be written: `1x1 64` is a convolution."""
    return f"conv {branch}" if branch[0].isdigit() else branch


CHAINS: tuple[Mistake, ...] = (
    # ------------------------------------------------------------ naming things in a chain
    Mistake(
        ("«x» = conv 3x3 64", "«n» = 3", "«self.conv1» = relu", "relu -> «a» = relu", "«n» := 3", "«n» += 3"),
        lambda s: (
            s.statement not in WORD_OF
            and s.inside in ("", "{")
            and (
                (
                    s.kind() == "_ASSIGN"
                    and s.kind(1) != "GREATER"
                    and s.kind(-1) == "NAME"
                    and (s.place == 1 or s.kind(-2) in ("_ARROW", "DOT"))
                )
                or (s.kind() == "_ASSIGN" and s.behind("NAME", "PLUS"))
                or (s.kind() == "_COLON" and s.kind(1) == "_ASSIGN")
            )
            and not s.in_condition
        ),
        "a chain gives names by labels, and a value is named by `let`",
        lambda s: f"write conv 3x3 64 @{_named(s)}, or let {_named(s)} = 3",
        lambda s: (-3, -1) if s.behind("NAME", "DOT", "NAME") else (-2, -2) if s.kind(-1) == "PLUS" else (-1, -1),
    ),
    Mistake(
        ("a«:» conv 3x3 64",),
        lambda s: s.kind() == "_COLON" and s.place == 1 and s.statement == "NAME" and s.kind(1) in ("NAME", "_LPAR"),
        "a label stands behind its layer",
        lambda s: f"write {s.rest(1)} @{s.text(-1)}",
    ),
    Mistake(
        ("relu @heat«[»i]", "(relu @heat«[»i]) x(i in 3)"),
        lambda s: s.kind() == "_INDEX_LSQB" and s.kind(-1) == "REFERENCE",
        "a label that is given has no number",
        lambda s: (
            f"write {s.text(-1)} alone: behind a repeat it is the tensors of all turns, {s.text(-1)}[0] the first"
        ),
    ),
    Mistake(
        ("(relu @a\n  «output» heat = @a -> relu) x3",),
        lambda s: s.text() == "output" and s.kind(1) == "NAME" and s.kind(2) == "_ASSIGN" and s.inside in ("(", "<"),
        "an output stands at the top of a file, not in a chain",
        lambda s: f"label it here, @{s.text(1)}, and write below: output {s.text(1)} = @{s.text(1)}",
    ),
    # ------------------------------------------------------------ conditions
    Mistake(
        ("if n == 1 «relu» else id", "if n == 1«:» relu else id", "if in.c == w «id» else relu"),
        lambda s: (
            s.in_condition
            and s.text() not in ("is", "in")
            and (s.kind() in ("_LPAR", "_IF", "NAME", "_ARROW", "_ELSE", "REFERENCE") or s.kind() == "_COLON")
            and "_THEN" in s.expected
        ),
        lambda s: f"`then` is missing before `{s.text(1) if s.kind() == '_COLON' else s.text()}`",
        "write if a then b else c",
    ),
    Mistake(
        ("if n «=» 1 then relu else id", "if n «is» 1 then relu else id"),
        lambda s: s.in_condition and (s.kind() == "_ASSIGN" or s.text() == "is"),
        "equality is `==`",
        lambda s: f"write {s.text(-1)} == {s.text(1) or '…'}",
    ),
    Mistake(
        ("if a «||» b then c else d",),
        lambda s: s.kind() == "BAR" and s.kind(1) == "BAR" and s.in_condition,
        "`||` is written `or`",
        lambda s: f"write {s.text(-1)} or {s.text(2) or '…'}",
        (0, 1),
    ),
    Mistake(
        ("output aux = if deep then «@a»",),
        lambda s: "_ELSE" in s.expected and s.token is None and s.statement == "_OUTPUT",
        "this `if` has no `else`",
        "an output that is not always there has its condition at the end: output aux = @a -> fc 10 if deep",
    ),
    Mistake(
        ("if n == 1 then «relu»", "relu -> if n == 1 then (relu -> bn«)»", "add<if n == 1 then relu «|» id>"),
        lambda s: (
            "_ELSE" in s.expected
            and (s.token is None or s.kind() in ("BAR", "_RANGLE", "_RPAR", "_COMMA", "_NEWLINE", "_RBRACE"))
        ),
        "this `if` has no `else`",
        "the branch that does nothing is `else id`",
    ),
    Mistake(
        ("if n == 1 then relu «else»", "if n == 1 «then»"),
        lambda s: s.token is None and s.kind(-1) in ("_ELSE", "_THEN"),
        lambda s: f"nothing stands behind `{s.text(-1)}`",
        lambda s: f"the branch that does nothing is `id`: {s.text(-1)} id",
    ),
    Mistake(
        ("let n = a «if» b else c", "let n = 3 «if» b else c"),
        lambda s: s.kind() == "_IF" and s.statement in ("_LET", "_VARIANT"),
        "the condition comes first",
        lambda s: f"write if b then {s.layer} else c",
    ),
    Mistake(
        ("if a then b elif c «then» d else e", "relu «then» bn", "«else»", "relu -> «then»"),
        lambda s: s.kind() in ("_THEN", "_ELSE"),
        lambda s: f"`{s.text()}` belongs to an `if` that is not here",
        "write if a then b else if c then d else e",
    ),
    # ------------------------------------------------------------ arrows
    Mistake(
        ("relu -> «->» relu",),
        lambda s: s.kind() == "_ARROW" and s.behind("_ARROW"),
        "there is no layer between the two arrows",
        "remove one of them",
    ),
    Mistake(
        ("«->» relu", "add<«->» relu | id>", "(«->» relu)"),
        lambda s: s.kind() == "_ARROW" and "_IF" in s.expected,
        "there is no layer before this arrow",
        "remove it: the first layer takes what enters; or start at a label, @a -> …",
    ),
    Mistake(
        ("conv 3x3 64 «->»", "(relu -> «)»", "add<relu -> «|» id>"),
        lambda s: (
            s.kind(-1) == "_ARROW"
            and (s.token is None or s.kind() in ("_RPAR", "BAR", "_RANGLE", "_RBRACE", "_NEWLINE", "_COMMA"))
        ),
        "no layer follows the arrow",
        "remove `->`, or write the next layer",
    ),
    Mistake(
        ("relu «=>» relu", "conv 3x3 64 «=>» relu", "relu - «>» relu", "conv 3x3 64 «- >» relu", "relu x3 «=>» relu"),
        lambda s: (
            (s.kind() == "_ASSIGN" and s.kind(1) == "GREATER")
            or (s.kind() == "MINUS" and s.kind(1) == "GREATER")
            or (s.kind() == "GREATER" and s.behind("MINUS"))
        ),
        "layers are joined by `->`",
        "write `->`",
        lambda s: (0, 0) if s.kind() == "GREATER" else (0, 1),
    ),
    Mistake(
        ("conv 3x3 64 «>» relu", "dropout 0.5 «>» fc 10"),
        lambda s: s.kind() == "GREATER" and s.kind(1) == "NAME" and s.inside in ("", "{") and "_ARROW" in s.expected,
        "layers are joined by `->`",
        lambda s: f"write -> {s.text(1)}; a computed value stands in parentheses",
    ),
    Mistake(
        ("conv 3x3 64 «-» relu", "relu x3 «-» relu"),
        lambda s: s.kind() == "MINUS" and s.kind(1) == "NAME" and "_ARROW" in s.expected,
        "layers are joined by `->`",
        lambda s: f"write -> {s.text(1)}; a computed value stands in parentheses",
    ),
    # ------------------------------------------------------------ branches and brackets
    Mistake(
        (
            "(1x1 «64» | 3x3 64)",
            "relu -> (conv 1x1 64 «|» conv 3x3 64)",
            "relu -> (relu «|» id)",
            "residual (conv 3x3+1 64 «|» id)",
            "add (relu -> bn «|» id) x3",
        ),
        lambda s: s.inside == "(" and len(_branches(s)) > 1,
        "branches stand in angle brackets, behind the word that joins them",
        lambda s: f"write {_joins(s)}<{' | '.join(map(_layer, _branches(s)))}>",
    ),
    Mistake(
        ("«1x1 64» -> relu", "relu -> «3x3 64»", "concat<«1x1 64» | relu>"),
        lambda s: s.kind() == "INTEGER" and s.kind(-1) == "DIMS" and s.kind(-2) in _STARTS_ELEMENT,
        "a size stands here without its layer",
        lambda s: f"write conv {s.text(-1)} {s.text()}",
        (-1, 0),
    ),
    Mistake(
        ("conv 3x3 64 «|» relu", "relu «|» relu", "add relu «|» id", "relu «|»| relu"),
        lambda s: s.kind() == "BAR" and s.inside in ("", "{"),
        "`|` parts branches inside angle brackets",
        "layers in a row are joined by `->`, branches stand in concat<a | b>",
    ),
    Mistake(
        ("add(relu «|» id)", "f(@a «|» @b)"),
        lambda s: s.kind() == "BAR" and s.inside == "f(",
        "branches stand in angle brackets",
        lambda s: f"write {s.text(-s.opened - 1)}<a | b>",
    ),
    Mistake(
        ("concat<«|» a>", "concat<a, «|» b>", "concat<a | «|» b>", "concat<a | «>»", "f<w,«>»", "f<«>»", "f<«,» w>"),
        lambda s: (
            s.inside == "<" and s.kind() in ("BAR", "_RANGLE", "_COMMA") and s.kind(-1) in ("BAR", "_LANGLE", "_COMMA")
        ),
        lambda s: (
            "the brackets are empty"
            if s.behind("_LANGLE") and s.kind() == "_RANGLE"
            else f"nothing stands before this `{s.text()}`"
        ),
        lambda s: (
            f"write `{s.text(-2)}` alone"
            if s.behind("_LANGLE") and s.kind() == "_RANGLE"
            else "remove the sign too many; the branch that does nothing is `id`"
        ),
    ),
    Mistake(
        ("let n = 3 <«>» 4",),
        lambda s: s.kind() == "GREATER" and s.behind("LESS"),
        "inequality is `!=`",
        lambda s: f"write {s.text(-2)} != {s.text(1) or '…'}",
    ),
    Mistake(
        ("add<relu | id>«>»", "add<relu | id>«>» -> relu"),
        lambda s: s.behind("_RANGLE", "GREATER") and s.inside in ("", "{"),
        "this `>` closes nothing",
        "remove it",
        (-1, -1),
    ),
    Mistake(
        ("f<w>«<»v>",),
        lambda s: s.kind() == "GREATER" and s.behind("_RANGLE", "LESS", s.kind(-1)) if s.kind(-1) else False,
        "a block has one pair of angle brackets",
        "write all arguments in it: f<w, v>",
        (-2, -2),
    ),
    Mistake(
        ("f<«<»w> >",),
        lambda s: s.kind() in ("LESS", "_LANGLE") and s.behind("_LANGLE"),
        "one `<` opens the arguments",
        "remove the second one",
    ),
    Mistake(
        ("let xs = [1 «2»]", "let xs = (1 «2»)", "f<1 «2»>", "let xs = [(1, 2) «(»3, 4)]"),
        lambda s: (
            s.inside in ("[", "(", "<", "f(")
            and s.kind() in ATOMS | {"_LPAR", "_LSQB"}
            and s.kind(-1) in NUMBERS | {"_RPAR", "_RSQB"}
            and "_COMMA" in s.expected
            and not (s.inside == "(" and s.kind() == "NAME")
        ),
        lambda s: f"a comma is missing before `{s.text()}`",
        lambda s: (
            f"write {s.text(-1)}, {s.text()}"
            if s.kind() in ATOMS and s.kind(-1) in ATOMS
            else "write `,` between the two"
        ),
    ),
    # ------------------------------------------------------------ repeats
    Mistake(
        ("«x3» relu", "relu -> «x3»", "«3 x» relu", "«x(»3) relu"),
        lambda s: (
            (s.kind() in ("REPEAT", "_REPEAT_LPAR") and "_ARROW" not in s.expected)
            or (s.text() == "x" and s.kind(-1) == "INTEGER")
        ),
        "a repeat stands behind what it repeats",
        "write relu x3, (conv 3x3+1 64 -> relu) x3, f<64> x(n-1)",
        lambda s: (-1, 0) if s.text() == "x" else (0, 0),
    ),
    Mistake(
        ("relu x(«)»",),
        lambda s: s.kind() == "_RPAR" and s.behind("_REPEAT_LPAR"),
        "this repeat has no count",
        "write x3, x(n-1), x(i in 12)",
    ),
    Mistake(
        ("relu x(i«=»3)", "relu x(i«,» j in [(1, 2)])", "relu x(for «i» in 12)", "relu x(i«:» 12)", "relu x(n «m»)"),
        lambda s: s.inside == "x(" and s.token is not None and s.kind() in ("_ASSIGN", "_COMMA", "NAME", "_COLON"),
        "a repeat is a count, or names `in` a list or a count",
        "write x(n-1), x(i in 12), x((i, j) in [(1, 2), (3, 4)])",
    ),
)
