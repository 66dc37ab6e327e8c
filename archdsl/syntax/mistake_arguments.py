"""Typical mistakes in the arguments of a layer, in expressions, and between a layer and the next.

In: nothing. Out: `ARGUMENTS`, most telling first, whose examples the tests read as well. The last rows are wide: they
fit what none before them does.
"""

from __future__ import annotations

from archdsl.syntax.mistakes import DEFINES, FORMS, NUMBERS, STARTS_LAYER, Mistake
from archdsl.syntax.stop import ATOMS, ENDS_VALUE, Stop

__all__ = ["ARGUMENTS"]

_OPERATORS = frozenset(
    {"STAR", "SLASH", "TIGHT_SLASH", "FLOOR_SLASH", "PERCENT", "POWER", "PLUS", "TIGHT_PLUS", "MINUS"}
)
_BINARY = _OPERATORS | {"COMPARE", "LESS", "GREATER", "AND", "OR"}


def _geometry(stop: Stop) -> str:
    """The geometry as it should be written, with the stride that may stand before."""
    before = f"{stop.text(-3)}/" if stop.kind(-2) == "TIGHT_SLASH" else ""
    return f"write {before}{stop.text(-1)}{stop.text()}{stop.text(1)}; a computed value stands in parentheses"


def _in_parentheses(stop: Stop) -> str:
    """The expression around an operator, in the parentheses it lacks."""
    first, sign, second = stop.written(stop.begin(-1), -1), stop.text(), stop.written(1, stop.end(1))
    if stop.kind(-1) == "_ASSIGN":
        return f"write ({sign} {second})"
    if stop.kind() == "MINUS" and stop.kind(-1) != "NAME":
        return f"write ({sign}{second})"
    gap = "" if stop.kind() in _OPERATORS else " "
    spaced = stop.kind() == "STAR" and stop.kind(1) == "INTEGER" and " * " in stop.spans(-1, 1).text
    repeat = f", or x{second} where a repeat is meant" if spaced else ""
    return f"write ({first}{gap}{sign}{gap}{second}){repeat}"


ARGUMENTS: tuple[Mistake, ...] = (
    # ------------------------------------------------------------ arguments of layers
    Mistake(
        (
            "conv 3x3 «+»1 64",
            "conv 3x3 «+» 1 64",
            "conv 3x3 «/» 2 64",
            "conv 3x3«/» 2 64",
            "maxpool 3 «/»2",
            "conv 3x3/2 «+»1 64",
        ),
        lambda s: (
            s.kind() in ("PLUS", "SLASH")
            and s.kind(-1) in ENDS_VALUE
            and s.kind(1) in ATOMS | {"_LPAR"}
            and s.at_arguments
        ),
        "a geometry is written without spaces",
        _geometry,
    ),
    Mistake(
        ("conv 3x3/2«/»1 64", "conv 3x3+1«+»1 64", "conv 3x3+1«/»2 64"),
        lambda s: s.kind() in ("TIGHT_SLASH", "TIGHT_PLUS") and s.at_arguments,
        "a geometry is kernel, stride and padding, in this order",
        "write K/S+P: 3x3/2+1",
    ),
    Mistake(
        ("dropout 0«,»5",),
        lambda s: (
            s.kind() == "_COMMA"
            and s.kind(-1) == "INTEGER"
            and s.kind(1) == "INTEGER"
            and s.spans(-1, 1).text == f"{s.text(-1)},{s.text(1)}"
            and s.inside in ("", "{")
        ),
        "a fraction is written with a point",
        lambda s: f"write {s.text(-1)}.{s.text(1)}",
    ),
    Mistake(
        ("split 2 @a«,» @b",),
        lambda s: (
            s.kind() == "_COMMA" and s.kind(-1) == "REFERENCE" and s.kind(1) == "REFERENCE" and s.statement != "_RETURN"
        ),
        "labels are parted by spaces",
        lambda s: f"write {s.text(-1)} {s.text(1)}",
    ),
    Mistake(
        (
            "conv 3x3«,» 64",
            "conv 3x3 64«,» groups=2",
            "conv 3x3 64«,» -> relu",
            "default conv«,» bias=false",
            "relu«,» bn",
        ),
        lambda s: s.kind() == "_COMMA" and s.inside in ("", "{"),
        "no comma stands outside brackets",
        "arguments of a layer are parted by spaces, conv 3x3 64 groups=2; layers are joined by `->`",
    ),
    Mistake(
        ("conv 3x3 64 «:» 32x32x64", "relu ::«:» 3x3", "relu «:» : 3x3", "relu @a «:» 3x3x3"),
        lambda s: s.kind() == "_COLON" and (s.kind(1) in ("DIMS", "_LSQB", "_COLON") or s.behind("_SHAPE")),
        "a size is asserted with `::`",
        lambda s: f"write :: {next((str(t.value) for t in s.tokens[s.index :] if t.type == 'DIMS'), '32x32x64')}",
    ),
    Mistake(
        ("conv 3x3 64 groups«:»2", "conv 3x3 64 bias«:» false"),
        lambda s: s.kind() == "_COLON" and s.kind(-1) == "NAME" and s.kind(1) in ATOMS,
        "an argument is named with `=`",
        lambda s: f"write {s.text(-1)}={s.text(1)}",
    ),
    Mistake(
        ("relu «:»", "conv 3x3 64 «:» relu"),
        lambda s: s.kind() == "_COLON" and s.inside in ("", "{"),
        "`:` is no sign of a chain",
        "a size is asserted with `:: 32x32x64`, an argument named with `groups=2`",
    ),
    Mistake(
        ("relu «::»",),
        lambda s: s.kind(-1) == "_SHAPE" and s.token is None,
        "no size follows `::`",
        "write :: 32x32x64",
    ),
    Mistake(
        ("let n = xs[:«]»", "fc sum(xs[:«]»)"),
        lambda s: s.kind() == "_RSQB" and s.behind("_INDEX_LSQB", "_COLON"),
        "this slice has neither a start nor an end",
        lambda s: (
            f"the whole list is {s.text(-3)} alone; write {s.text(-3)}[1:], {s.text(-3)}[:3] or {s.text(-3)}[1:3]"
        ),
    ),
    Mistake(
        ("let n = xs[0:2«:»1]", "let n = xs[:3«:»2]", "let n = xs[1«::»2]"),
        lambda s: s.inside == "xs[" and s.kind() in ("_COLON", "_SHAPE"),
        "a slice has no step",
        "write xs[1:], xs[:3] or xs[1:3]",
    ),
    Mistake(
        ("dropout «.5»", "conv 3x3 «.5»"),
        lambda s: s.kind() == "INTEGER" and s.behind("DOT"),
        "a number begins with a digit",
        lambda s: f"write 0.{s.text()}",
        (-1, 0),
    ),
    Mistake(
        ("dropout 50«%»",),
        lambda s: s.kind() == "PERCENT" and s.kind(-1) in ("INTEGER", "FLOAT") and s.kind(1) not in ATOMS,
        "there are no per cent",
        lambda s: f"write {float(s.text(-1).replace('_', '')) / 100:g}",
    ),
    Mistake(
        ("conv 3x3 64 «//» first layer", "«//» first layer", "conv 3x3 64 «--» first", "«/*» relu */"),
        lambda s: (
            (s.kind() == "FLOOR_SLASH" and s.place == 0)
            or (
                s.kind() == "FLOOR_SLASH"
                and s.kind(1) == "NAME"
                and s.spans(-1, 1).text.count(" ") >= 2
                and s.kind(-1) in NUMBERS
            )
            or (
                s.kind() == "MINUS"
                and s.kind(1) == "MINUS"
                and s.kind(2) == "NAME"
                and s.spans(1, 2).text.startswith("- ")
            )
            or (s.kind() == "SLASH" and s.kind(1) == "STAR")
        ),
        "a comment starts with `#`",
        lambda s: f"write # {s.rest(1 if s.kind() == 'FLOOR_SLASH' else 2).removesuffix('*/').rstrip()}",
        lambda s: (0, 0) if s.kind() == "FLOOR_SLASH" else (0, 1),
    ),
    Mistake(
        ("relu «//» the first", "relu x3 -> bn «//» of the stem"),
        lambda s: s.behind("FLOOR_SLASH", "NAME") and s.kind() in ATOMS and s.inside in ("", "{"),
        "a comment starts with `#`",
        lambda s: f"write # {s.rest(-1)}",
        (-2, -2),
    ),
    Mistake(
        ("conv 3x3 64 «--»groups 2",),
        lambda s: s.kind() == "MINUS" and s.kind(1) == "MINUS" and s.kind(2) == "NAME",
        "an argument is named with `=`",
        lambda s: f"write {s.text(2)}={s.text(3) or '…'}",
        (0, 1),
    ),
    Mistake(
        ("conv 3x3 64 «+» @a", "relu -> «+» @a", "relu @a «+» @b"),
        lambda s: s.kind() in ("PLUS", "TIGHT_PLUS") and s.kind(1) == "REFERENCE" and s.inside in ("", "{", "<", "("),
        "tensors are added by name",
        lambda s: f"write {'' if s.behind('_ARROW') else '-> '}add<id | {s.text(1)}>",
    ),
    Mistake(
        ("conv 3«*»3 64", "maxpool 2«*»2", "relu -> conv 3 «*» 3 64"),
        lambda s: (
            s.kind() == "STAR"
            and s.behind("NAME", "INTEGER")
            and s.kind(1) == "INTEGER"
            and s.kind(-3) in ("", "_NEWLINE", "_ARROW", "BAR", "_LPAR", "_LANGLE", "_COMMA", "_ASSIGN", "_LBRACE")
        ),
        "a size is numbers joined by `x`",
        lambda s: f"write {s.text(-1)}x{s.text(1)}; a product stands in parentheses, ({s.text(-1)}*{s.text(1)})",
    ),
    Mistake(
        (
            "conv 3x3 n«*»2",
            "conv 3x3 2«*»n",
            "conv 3x3 n«//»2",
            "conv 3x3 «-»1",
            "conv 3x3 64 groups=n«*»2",
            "conv 3x3 n«**»2",
            "conv 3x3 n «==» 2",
            "conv 3x3 64 bias=«not» true",
            "conv 3x3 n «and» m",
            "default conv groups=n«*»2",
        ),
        lambda s: (
            s.kind() in _BINARY | {"NOT"}
            and ("INTEGER" in s.expected)
            and (s.kind(-1) in ENDS_VALUE | {"_ASSIGN"})
            and s.statement != "_LET"
            and not (s.in_train and s.kind() == "MINUS")
        ),
        "a computed argument stands in parentheses",
        _in_parentheses,
    ),
    Mistake(
        ("train { batch «-4» }",),
        lambda s: s.in_train and s.kind() == "MINUS" and s.kind(1) in NUMBERS,
        "a negative figure stands in parentheses",
        lambda s: f"write ({s.text()}{s.text(1)}), if it is meant to be below zero",
        (0, 1),
    ),
    Mistake(
        ("conv 3x3 64 groups«=»", "default conv bias«=»", "let n «=»", "block f «=»", "conv 3x3 64 groups= «->» relu"),
        lambda s: (
            s.behind("_ASSIGN")
            and (s.token is None or s.kind() in ("_ARROW", "_RPAR", "_COMMA", "BAR", "_NEWLINE", "_RBRACE"))
        ),
        lambda s: f"no {'chain' if s.statement in ('_BLOCK', '_SHARE', '_OUTPUT') else 'value'} follows `=`",
        lambda s: (
            f"write {s.text(-2)}=2" if s.statement not in DEFINES - {"_DEFAULT"} else f"write {FORMS[s.statement]}"
        ),
    ),
    Mistake(
        ("nn.Conv2d«(»3, 64)", "relu -> F.relu«(»x)"),
        lambda s: s.kind() == "_CALL_LPAR" and s.behind("DOT", "NAME"),
        "layers have plain names, and their arguments follow after a space",
        "write conv 3x3 64; `archdsl ops` lists the layers",
    ),
    Mistake(
        ("tf.nn.conv2d «3x3» 64", "relu -> nn.Linear «10»"),
        lambda s: s.kind() in ATOMS and s.behind("DOT", "NAME") and "_ARROW" in s.expected,
        "layers have plain names",
        lambda s: f"write {s.text(-1)} without what stands before its point; `archdsl ops` lists the layers",
    ),
    Mistake(
        ("residual[conv «3x3» 64]", "relu -> unit[fc «64» -> relu]", "concat[a «|» b]", "unit[relu «->» bn]"),
        lambda s: (
            s.inside == "xs["
            and (s.kind() in ATOMS | {"BAR", "_ARROW"})
            and s.kind(-1) in ("NAME", "INTEGER")
            and s.statement not in ("_LET", "_VARIANT")
        ),
        "arguments of a block and branches stand in angle brackets",
        lambda s: f"write {s.text(-s.opened - 1)}<…>",
    ),
    Mistake(
        ("let n = 3 «+»", "relu -> «not»", "let n = a «*»", "let n = 2 «**»"),
        lambda s: s.token is None and s.kind(-1) in _BINARY | {"NOT"},
        lambda s: f"nothing stands behind `{s.text(-1)}`",
        "write the second value, or remove the sign",
    ),
    Mistake(
        ("let n = «+» 3", "let n = «*» 3", "let n = 3 + «*» 2"),
        lambda s: s.kind() in _BINARY and "INTEGER" in s.expected,
        lambda s: f"no value stands before `{s.text()}`",
        "write the first value, or remove the sign",
    ),
    Mistake(
        ("let n = 5 «mod» 3", "let n = 3 «3»", "let n = 3 «m»"),
        lambda s: (
            s.kind() in ATOMS
            and s.kind(-1) in NUMBERS
            and s.kind(-2) != "_SHAPE"
            and s.inside in ("", "{")
            and s.place > 1
            and "_ARROW" in s.expected
            and "INTEGER" not in s.expected
        ),
        lambda s: f"a sign is missing between `{s.text(-1)}` and `{s.text()}`",
        "write an operator: + - * / // % **",
    ),
    Mistake(
        ("(relu -> bn) «x» 3", "relu @a «x» 3"),
        lambda s: s.text() == "x" and s.kind(1) in ("INTEGER", "_LPAR", "NAME") and "_ARROW" in s.expected,
        "a repeat is written without a space",
        lambda s: f"write x{s.text(1)}" if s.kind(1) == "INTEGER" else "write x3, or x(n) where it is computed",
    ),
    # ------------------------------------------------------------ two layers with nothing between
    Mistake(
        ("add<bn «if» s == 1>", "relu «if» n == 1 else bn", "add<relu | f<2> «if» n == 1 | id>"),
        lambda s: (
            s.kind() == "_IF" and "_ARROW" in s.expected and all(token.type != "_THEN" for token in s.tokens[s.index :])
        ),
        "a condition stands before what it decides about",
        lambda s: f"write if … then {s.layer} else id",
    ),
    Mistake(
        (
            "(conv 3x3 64) «relu»",
            "f<64> x3 «relu»",
            "@a «(»relu)",
            "relu @a «bn»",
            "relu x3 «if» n == 1 then a else b",
            "relu :: 3x3x3 «bn»",
        ),
        lambda s: s.kind() in STARTS_LAYER and "_ARROW" in s.expected,
        lambda s: f"`->` is missing before `{s.text()}`",
        lambda s: f"write -> {s.rest()}",
    ),
    Mistake(
        ("relu x3 «3»", "conv x3 «64»", "relu @a «0.5»", "f<64> :: 3x3x3 «2»", 'relu x3 «"text"»'),
        lambda s: s.kind() in ATOMS and "_ARROW" in s.expected,
        lambda s: f"`{s.text()}` stands behind a finished layer",
        "arguments come first, then repeat, label and size: conv 3x3 64 x3 @a :: 32x32x64",
    ),
)
