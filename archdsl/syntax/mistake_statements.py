"""Typical mistakes in statements: their words, their names, what they lack, the parameters of blocks.

In: nothing. Out: `STATEMENTS`, most telling first, whose examples the tests read as well. Leaves chains to
`mistake_chains`, arguments to `mistake_arguments`.
"""

from __future__ import annotations

import difflib

from archdsl.syntax.layout import STATEMENT_WORDS
from archdsl.syntax.mistakes import DEFINES, FORMS, NUMBERS, STARTS_LAYER, WORD_OF, Mistake
from archdsl.syntax.stop import ATOMS, Stop

__all__ = ["STATEMENTS"]

_KEYWORDS = frozenset({"_IF", "_THEN", "_ELSE", "AND", "OR", "NOT", "TRUE", "FALSE"})
_PYTHON = {
    "def": "a block is: block unit<w> = conv 3x3+1 w -> relu",
    "class": "a block is: block unit<w> = conv 3x3+1 w -> relu",
    "from": 'the blocks of another file are: use "lib/residual.arch"',
    "import": 'the blocks of another file are: use "lib/residual.arch"',
    "include": 'the blocks of another file are: use "lib/residual.arch"',
    "for": "a repeat stands behind what it repeats: (conv 3x3+1 64 -> relu) x(i in 12)",
    "repeat": "a repeat stands behind what it repeats: (conv 3x3+1 64 -> relu) x12",
    "while": "a repeat stands behind what it repeats: (conv 3x3+1 64 -> relu) x12",
}


def _meant(stop: Stop) -> str | None:
    """The statement word that the first word of a statement is a misspelling of."""
    if stop.statement != "NAME" or stop.head is None:
        return None
    following = stop.at(stop.start + 1)
    if following is None or following.type not in ("NAME", "STRING", "_LBRACE", "DIMS"):
        return None
    close = difflib.get_close_matches(str(stop.head.value).lower(), STATEMENT_WORDS, n=1, cutoff=0.75)
    return close[0] if close else None


def _word(stop: Stop) -> str:
    return WORD_OF.get(stop.statement, "")


def _slug(text: str) -> str:
    """A title as a name: `"AlexNet (2012)"` becomes alexnet_2012."""
    kept = "".join(char if char.isascii() and char.isalnum() else " " for char in text.lower()).split()
    return "_".join(kept) if kept and not kept[0][0].isdigit() else "net"


def _size(stop: Stop) -> str:
    """The numbers behind `input`, as a size; those of an image with its channels first, as PyTorch has it, turned."""
    written = [str(t.value) for t in stop.tokens[stop.start :] if t.type in ("INTEGER", "DIMS")]
    numbers = "x".join(written[:4]).split("x")
    if len(numbers) == 3 and numbers[0] in ("1", "3") and numbers[1] == numbers[2] and len(numbers[1]) > 1:
        numbers = [*numbers[1:], numbers[0]]
    return "x".join(numbers)


def _joined_name(stop: Stop) -> str:
    return f"{stop.text(-1)}_{stop.text(1)}" if stop.kind(1) in ("NAME", "INTEGER") else f"{stop.text(-1)}_2"


STATEMENTS: tuple[Mistake, ...] = (
    # ------------------------------------------------------------ words that begin a statement
    Mistake(
        ("«blok» unit<w> = conv 3x3 w", "«varient» a = resnet<[1]>", "«trian» { data cifar10 }"),
        lambda s: _meant(s) is not None,
        lambda s: f"there is no statement `{s.head.value}`" if s.head else "",
        lambda s: f"did you mean `{_meant(s)}`?",
        lambda s: (-s.place, -s.place),
    ),
    Mistake(
        ("«def» f(w): conv 3x3 w", "«for» i in 3 { relu }"),
        lambda s: s.statement == "NAME" and s.head is not None and str(s.head.value) in _PYTHON,
        lambda s: f"there is no statement `{s.head.value}`" if s.head else "",
        lambda s: _PYTHON[str(s.head.value)] if s.head else "",
        lambda s: (-s.place, -s.place),
    ),
    Mistake(
        ("let f = «lambda» x: x", "add<id | «lambda» x: relu>"),
        lambda s: s.kind() == "_COLON" and s.text(-2) == "lambda",
        "there is no `lambda`: a chain is a value as it stands",
        "f<conv 3x3+1 64 -> relu> hands a chain on; a block is named: block f<w> = …",
        (-2, -2),
    ),
    Mistake(
        ("input «8 x 8» x 3", "input left «8 x 8» x 3"),
        lambda s: s.statement == "_INPUT" and s.text() == "x" and s.kind(-1) == "INTEGER" and s.kind(1) == "INTEGER",
        "a size is written without spaces",
        lambda s: f"write {''.join(s.rest(-1).split())}",
        lambda s: (-1, 1),
    ),
    Mistake(
        (
            "relu x2 «let» n = 3",
            "block f { relu } «input» 3x3x3",
            "input 28x28x1 «conv» 5x5 6",
            "block f { relu } «relu»",
        ),
        lambda s: (
            s.place > 1
            and s.inside in ("", "{")
            and (
                (s.text() in STATEMENT_WORDS and s.kind() == "NAME")
                or (s.statement == "_INPUT" and s.kind() == "NAME")
                or (s.behind("_RBRACE") and s.inside == "" and s.kind() in STARTS_LAYER)
            )
        ),
        lambda s: f"`{s.text()}` begins a statement, and the line already has one",
        "each statement has its own line",
    ),
    # ------------------------------------------------------------ names
    Mistake(
        ("let «x2» = 3", "block «x3»<w> = relu", "block f<«x1»> = relu", "variant «x50» = f<1>", "input «x1» 28x28x1"),
        lambda s: (
            s.kind() == "REPEAT"
            and ("NAME" in s.expected)
            and (
                s.kind(-1) in WORD_OF
                or (s.tokens[0].type == "_BLOCK" and s.inside == "<" and s.kind(-1) in ("_LANGLE", "_COMMA"))
            )
        ),
        lambda s: f"`{s.text()}` is the repeat word, as in `relu {s.text()}`, and cannot be a name",
        lambda s: f"choose another name: x_{s.text()[1:]}",
    ),
    Mistake(
        ("let «if» = 3", "let «true» = 3", "block «then»<w> = relu", "block f<«not»> = relu", "share «or» = relu"),
        lambda s: s.kind() in _KEYWORDS and "NAME" in s.expected and s.expected <= {"NAME", "STAR"},
        lambda s: f"`{s.text()}` is a word of the language and cannot be a name",
        lambda s: f"choose another name: {s.text()}_",
    ),
    Mistake(
        ('arch «"AlexNet (2012)"»',),
        lambda s: s.kind() == "STRING" and s.behind("_ARCH"),
        "`arch` needs a name before its title",
        lambda s: f"write arch {_slug(s.text())}{'<…>' if s.text(1) == '<' else ''} {s.text()}",
    ),
    Mistake(
        ("arch alexnet «Krizhevsky»", "arch alexnet<n=1> «Krizhevsky» 2012"),
        lambda s: s.statement == "_ARCH" and s.kind() == "NAME" and s.inside == "",
        "the title stands in double quotes",
        lambda s: f'write "{s.rest()}"',
    ),
    Mistake(
        ("arch alex«-»net", "variant resnet«-»50 = resnet<[3]>", "block my«-»unit<w> = relu", "arch resnet«.»v2"),
        lambda s: s.kind() in ("MINUS", "DOT") and s.statement in DEFINES and s.place == 2 and s.kind(-1) == "NAME",
        "a name is made of letters, digits and `_`",
        lambda s: f"write {_joined_name(s)}",
    ),
    Mistake(
        ("let «=» 3", "block «=» relu", "output «=» relu", "variant «=» f<1>", "share «=» relu"),
        lambda s: s.kind() == "_ASSIGN" and s.place == 1 and s.statement in DEFINES,
        lambda s: f"`{_word(s)}` needs a name",
        lambda s: f"write {FORMS[s.statement]}",
    ),
    Mistake(
        ("use «lib»/residual.arch", "use «lib»"),
        lambda s: s.statement == "_USE" and s.place == 1 and s.token is not None,
        "the path of `use` stands in double quotes",
        lambda s: f'write use "{s.rest()}"',
    ),
    # ------------------------------------------------------------ statements that lack something
    Mistake(
        ("«arch»", "«input»", "«use»", "«train»", "«return»", "«block»", "«expect»"),
        lambda s: s.token is None and s.place == 1 and s.statement in FORMS,
        lambda s: f"`{_word(s)}` stands alone",
        lambda s: f"write {FORMS[s.statement]}",
    ),
    Mistake(
        ("output «aux»", "variant «a»", "share «t»", "let «n»", "block f<w«>»", "default «conv»"),
        lambda s: (
            s.token is None
            and s.place > 1
            and s.statement in DEFINES - {"_ARCH"}
            and ("_ASSIGN" in s.expected or (s.statement == "_DEFAULT" and s.place == 2))
            and not s.in_condition
        ),
        lambda s: f"`{_word(s)}` says nothing about `{s.text(1 - s.place)}`",
        lambda s: f"write {FORMS[s.statement]}",
    ),
    Mistake(
        ("input«:» 224x224x3", "input «=» 224x224x3", "input left «=» 28x28x1"),
        lambda s: s.statement == "_INPUT" and s.kind() in ("_COLON", "_ASSIGN"),
        "the size follows `input` without a sign",
        lambda s: f"write input {'' if s.place == 1 else s.text(-1) + ' '}{s.text(1) or '224x224x3'}",
    ),
    Mistake(
        ("input 224 «224» 3", "input 224«,» 224, 3", "input 224«*»224*3"),
        lambda s: s.statement == "_INPUT" and s.kind() in ("INTEGER", "DIMS", "_COMMA", "STAR"),
        "a size is numbers joined by `x`",
        lambda s: f"write input {_size(s)}",
    ),
    Mistake(
        ("input 28x28x1 «@image»", "input 10 «@x»"),
        lambda s: s.statement == "_INPUT" and s.kind() == "REFERENCE" and s.place == 2,
        "an input has its name before its size",
        lambda s: f"write input {s.text()[1:]} {s.text(-1)}; chains start at it with {s.text()}",
    ),
    Mistake(
        ("input 224x224x3 «->» conv 3x3 64", "default conv bias=false «->» relu", "expect params 3M «->» relu"),
        lambda s: s.kind() == "_ARROW" and s.statement in ("_INPUT", "_DEFAULT", "_EXPECT", "_USE", "_ARCH"),
        lambda s: f"no chain can follow `{_word(s)}`",
        "begin the chain on a line of its own, without an arrow: the first one starts at the input",
    ),
    Mistake(
        ("expect params «==» 25M", "expect params«:» 25M", "expect params 3M«,» depth 8", "expect params «>» 3M"),
        lambda s: s.statement == "_EXPECT" and s.token is not None,
        "a claim is a quantity and a figure, with nothing between",
        'write expect params 25.6M "source"',
    ),
    Mistake(
        ("default bias«=»false",),
        lambda s: s.statement == "_DEFAULT" and s.kind() == "_ASSIGN" and s.place == 2,
        "`default` names the op first",
        lambda s: f"write default conv {s.text(-1)}={s.text(1)}",
    ),
    Mistake(
        ("train «=» { data cifar10 }", "train«:» { data cifar10 }"),
        lambda s: s.statement == "_TRAIN" and s.place == 1,
        "the recipe follows `train` in braces",
        "write train { data cifar10 }",
    ),
    Mistake(
        ("train { schedule step at=82«,»123 }", "train { optimizer adam lr=1 betas=0.9«,» 0.99 }"),
        lambda s: (
            s.in_train and s.kind() == "_COMMA" and s.kind(-2) == "_ASSIGN" and {s.kind(-1), s.kind(1)} <= NUMBERS
        ),
        "a list stands in brackets",
        lambda s: f"write {s.text(-3)}=[{s.text(-1)}, {s.text(1)}]",
    ),
    Mistake(
        ("train { data cifar«-»10 }",),
        lambda s: (
            s.in_train
            and s.kind() == "MINUS"
            and s.spans(-1, 1).text == f"{s.text(-1)}-{s.text(1)}"
            and (s.kind(-1), s.kind(1)) == ("NAME", "INTEGER")
        ),
        "a name has no `-`",
        lambda s: f"write {s.text(-1)}{s.text(1)}",
    ),
    Mistake(
        ("train { epochs«:» 3 }", "train { data cifar10«,» batch 3 }"),
        lambda s: s.in_train and s.outer == ("{",) and s.kind() in ("_COLON", "_COMMA"),
        "a setting and its values are parted by spaces",
        "write epochs 3, optimizer sgd lr=0.1",
    ),
    # ------------------------------------------------------------ blocks and their parameters
    Mistake(
        ("block f(w«=»3) = conv 3x3 w", "block f(w, s«=»1) = conv 3x3 w"),
        lambda s: (
            s.statement == "_BLOCK" and s.inside == "f(" and s.kind() == "_ASSIGN" and s.kind(-s.opened - 1) == "NAME"
        ),
        "the parameters of a block stand in angle brackets",
        lambda s: (
            f"write block {s.text(-s.opened - 1)}<{s.written(1 - s.opened, 1)}>; "
            "round brackets name the tensors that enter"
        ),
    ),
    Mistake(
        ("block f<w>(a«=»1, b) { relu }", "block f<w>(a «b») { relu }", "block f<w>(«)» = relu"),
        lambda s: s.statement == "_BLOCK" and s.inside == "f(" and s.expected <= {"NAME", "_COMMA", "_RPAR"},
        "round brackets name the tensors that enter, parted by commas",
        "write block cell<w>(h, p) { … }",
    ),
    Mistake(
        ("block f<w«:»int> = relu",),
        lambda s: s.statement in ("_BLOCK", "_ARCH") and s.inside == "<" and s.kind() == "_COLON",
        "a parameter has no type",
        lambda s: f"write {s.text(-1)}, or with a default {s.text(-1)}=1",
    ),
    Mistake(
        (
            "block f<«3»> = relu",
            "block f<w «3»> = relu",
            "block f<w=1, *«>» = relu",
            "block f<w=«>» = relu",
            "arch f<*w«=»1>",
            "block f<«>» = relu",
        ),
        lambda s: s.statement in ("_BLOCK", "_ARCH") and s.inside == "<" and s.opened == s.place - 2,
        "a parameter is a name, with a default or without",
        "write <w, s=1>, or <*branches> for any number of branches",
    ),
    Mistake(
        ("block f<w> = «{» relu }",),
        lambda s: s.kind() == "_LBRACE" and s.statement == "_BLOCK" and s.behind("_ASSIGN"),
        "a body in braces follows without `=`",
        "write block f<w> { … }",
        (0, 0),
    ),
    Mistake(
        ("let xs = «{»1, 2}", "conv 3x3 «{»n}", "«{»conv 3x3 64}"),
        lambda s: (
            s.kind() == "_LBRACE"
            and s.statement not in ("_VARIANT", "_OUTPUT", "_SHARE")
            and "_ASSIGN" not in s.expected
        ),
        "braces hold the body of a block or a recipe",
        "a list stands in [1, 2], a group of layers in ( )",
    ),
    Mistake(
        ("let n «<»a> = 3", "share t«<»w> = conv 3x3 w"),
        lambda s: s.kind() in ("_LANGLE", "LESS") and s.statement in ("_LET", "_SHARE") and s.place == 2,
        lambda s: f"`{_word(s)}` has no parameters",
        lambda s: f"write block {s.text(-1)}<…> = …",
    ),
    Mistake(
        ("variant a«<»3>", "variant a «b»<3>", "variant a«:» b<3>"),
        lambda s: s.statement == "_VARIANT" and s.place == 2 and s.token is not None,
        "a variant is a name, `=` and the architecture with its arguments",
        lambda s: f"write variant {s.text(-1)} = name<…>",
    ),
    Mistake(
        ("output aux «if» deep = @a",),
        lambda s: s.statement == "_OUTPUT" and s.place in (2, 3) and s.kind() == "_WHEN",
        "the condition of an output stands at its end",
        lambda s: f"write output {s.text(1 - s.place)} = … if …",
    ),
    Mistake(
        ("output aux conv «3x3» 64", "output aux training «->» relu", "output aux «->» relu"),
        lambda s: s.statement == "_OUTPUT" and s.place in (2, 3) and "_ASSIGN" in s.expected and s.token is not None,
        "`=` is missing between the output and its chain",
        lambda s: f"write output {s.text(1 - s.place)} = …, or output {s.text(1 - s.place)} training = …",
    ),
    Mistake(
        ("let a«,» b = 3",),
        lambda s: s.statement == "_LET" and s.kind() == "_COMMA" and s.place == 2,
        "`let` names one value",
        "give each value its own `let`",
    ),
    Mistake(
        ("block f<w> «conv» 3x3 w", "let n «3»", "share t «conv» 3x3 2", "block f «@in» -> relu"),
        lambda s: (
            "_ASSIGN" in s.expected and s.statement in DEFINES and s.kind() in ATOMS | STARTS_LAYER and s.inside == ""
        ),
        lambda s: f"`=` is missing before `{s.text()}`",
        lambda s: f"write = {s.rest()}",
    ),
    Mistake(
        ("block f<w>«:» conv 3x3 w", "block f<w> «->» conv 3x3 w", "let n «==» 3", "let n«:» 3", "share t«:» relu"),
        lambda s: (
            "_ASSIGN" in s.expected
            and s.statement in DEFINES
            and s.kind() in ("_COLON", "_ARROW", "COMPARE")
            and s.inside == ""
        ),
        lambda s: f"`=` stands here, not `{s.text()}`",
        lambda s: f"write = {s.rest(1)}" if s.kind(1) else "write =",
    ),
)
