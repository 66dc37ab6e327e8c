"""What a hint says to write is right: put in the place of the mistake, it leaves a network without one.

In: texts with one mistake, and the words of its hint. Out: that there is one error, where it stands, and that the text
with those words has none.
"""

from __future__ import annotations

import pytest

from archdsl.checking import check_workspace
from archdsl.diagnostics import Collector, Diagnostic, render_text
from archdsl.elaborate import Request, Workspace

_IMAGE = "input 8x8x4\nrelu @a -> tanh @b -> sigmoid @c\nadd<@a | @b | @c> -> "


def _errors(text: str) -> list[Diagnostic]:
    found = Collector()
    reported = check_workspace(Workspace.text(text, found, "net.arch"), Request(), found).diagnostics
    return [each for each in reported if each.severity == "error"]


# The mistake stands between « and »; what takes its place is said by the hint, behind `write` or alone.
@pytest.mark.parametrize(
    ("text", "instead", "hint"),
    [
        # Tensors where arguments stand.
        (_IMAGE + "relu\n«add (@a, @b)»", "add<@a | @b>", "write add<@a | @b>"),
        (_IMAGE + "relu\n«add [@a, @b]»", "add<@a | @b>", "write add<@a | @b>"),
        (_IMAGE + "«add (@a)»", "add<id | @a>", "write add<id | @a>"),
        (_IMAGE + "relu\n«fc 3 (@a)»", "@a -> fc 3", "write @a -> fc 3"),
        (_IMAGE + "relu\n«concat @a @b»", "concat<@a | @b>", "write concat<@a | @b>"),
        (_IMAGE + "relu\n«mean @a @b @c»", "mean<@a | @b | @c>", "write mean<@a | @b | @c>"),
        (_IMAGE + "relu\n«fc 3 @a»", "@a -> fc 3", "write @a -> fc 3"),
        (_IMAGE + "relu\n«@a * @b»", "mul<@a | @b>", "write mul<@a | @b>"),
        (_IMAGE + "relu\n«@a + @b»", "add<@a | @b>", "write add<@a | @b>"),
        (_IMAGE + "relu\n«@a - @b»", "sub<@a | @b>", "write sub<@a | @b>"),
        (
            "input 16x8\nrelu @q -> tanh @k -> sigmoid @v\n«attention 2 (@q, @k, @v)»",
            "attention<@q | @k | @v> 2",
            "write attention<@q | @k | @v> 2",
        ),
        (
            "input 8x8x4\nblock cell<c>(h, p) = add<@h | @p -> conv 1x1 c>\nrelu @a -> tanh @b\n«cell<4> (@a, @b)»",
            "cell<4>(@a, @b)",
            "write cell<4>(@a, @b)",
        ),
        (
            "input 8x8x4\nblock two { relu @a -> tanh @b\n return «@a @b» }\ntwo -> add",
            "@a, @b",
            "parted by commas: @a, @b",
        ),
        # Arguments as other places have them.
        ("input 8x8x4\npad 1 «reflect»", "mode=reflect", "write mode=reflect"),
        ("input 8x8x4\nscale «scalar»", "scalar=true", "write scalar=true"),
        ("input 8x8x4\nfc «in.c/2»", "(in.c/2)", "write (in.c/2)"),
        ("input 8x8x4\nblock f<c> = conv 1x1 c\nlet n = 2\nf<4> «x n»", "x(n)", "write x(n)"),
        ("input 8x8x4\nconv 1x1 «3*(2+1)»", "(3*(2+1))", "write (3*(2+1))"),
        ("input 8x8x4\nconv 1x1 «(2+1)*3»", "((2+1)*3)", "write ((2+1)*3)"),
        ("input 8x8x4\nlet xs = [2]\nconv 1x1 «len(xs)*3»", "(len(xs)*3)", "write (len(xs)*3)"),
        ("input 8x8x4\nlet xs = [2]\nconv 1x1 «3*xs[0]»", "(3*xs[0])", "write (3*xs[0])"),
        ("input 10x4\nselect «last»", "(-1)", "the last position of a sequence is select (-1)"),
        # Layers that are not what was meant.
        ("input 8x8x4\n«mean» -> fc 3", "gap", "of the positions of one tensor it is `gap`"),
        ("input 8x8x4\n«max» -> fc 3", "gmp", "of the positions of one tensor it is `gmp`"),
        ("input 8x8x4\n«flatten» -> attention 2", "reshape [64, 4]", "reshape [64, 4] in place of flatten"),
        ("input 8x8x4\nconv 1x1 6 -> «conv 3x3+1 6 groups=in.c»", "dwconv", "is `dwconv`"),
        # Branches and repeats.
        ("input 8x8x4\nlet n = 2\n(relu -> tanh) «* n»", "x(n)", "a repeat is written behind: x(n)"),
        (
            "input 8x8x4\nadd<id | «relu if in.c == 4»>",
            "if in.c == 4 then relu else id",
            "write if … then relu else id",
        ),
        (
            "input 8x8x4\nrelu -> «conv 3x3+1 4 bias=false if in.c == 4»",
            "if in.c == 4 then conv 3x3+1 4 bias=false else id",
            "write if … then conv 3x3+1 4 bias=false else id",
        ),
        (
            "input 8x8x4\nlet c = «conv 1x1 (2*8) bias=false if 1 == 1 else relu»\nc",
            "if 1 == 1 then conv 1x1 (2*8) bias=false else relu",
            "write if b then conv 1x1 (2*8) bias=false else c",
        ),
        (
            "input 8x8x4\n«concat<conv k 3 half x(k in [1, 3])>»",
            "concat<*conv k 3 half x(k in [1, 3])>",
            "write concat<*conv k 3 half x(k in [1, 3])>",
        ),
        ("input 8x8x4\nadd<«*relu -> tanh x2»>", "*(relu -> tanh) x2", "write *(relu -> tanh) x2"),
        (
            "input 8x8x4\n«(relu -> maxpool 2) x2 @c» -> add<id | @c[1]>",
            "(relu -> maxpool 2 @c) x2",
            "@c is of all turns where it stands in the repeat: (… @c) x(…)",
        ),
        (
            "input 8x8x4\nadd<id | tanh> -> (if in.c == 4 then relu else «tanh @y)» -> add<id | @y>",
            "tanh) @y",
            "stands behind them: (if a then b else c) @y",
        ),
    ],
)
def test_a_hint_that_is_followed_leaves_no_mistake(text: str, instead: str, hint: str) -> None:
    before, wrong, behind = text.replace("»", "«").split("«")
    errors = _errors(before + wrong + behind)
    assert [hint in each.hint for each in errors] == [True], render_text(errors)
    left = _errors(before + instead + behind)
    # The chain above leads to no output where the hint starts the last one at a label.
    assert not [each for each in left if each.id != "unreachable-chain"], render_text(left)


@pytest.mark.parametrize("word", ["maxunpool", "MaxUnpool2d", "unpooling", "sample", "reparameterize", "lstm"])
def test_a_layer_that_is_not_there_is_said_to_be_missing_and_not_taken_for_another(word: str) -> None:
    (error,) = _errors(f"input 8x8x4\n{word}")
    assert error.id == "unknown-name"
    assert "did you mean" not in error.hint
    assert "no layer" in error.hint or "not in the language" in error.hint


def test_a_block_that_cannot_be_read_is_not_taken_for_the_standard_one_of_its_name() -> None:
    text = "input 8x8x4\nblock bottleneck<w, d=1> = conv 1x1 2*w -> bn\nbottleneck<4, d=2> -> fc 3"
    assert [each.id for each in _errors(text)] == ["syntax"]


def test_the_atrous_pyramid_of_deeplab_has_branches_and_no_row() -> None:
    """Chen et al., 2017: rates 12, 24 and 36 stand side by side; torchvision's `ASPP(2048, [12, 24, 36])`."""
    text = """input 65x65x2048
default conv bias=false
block cbr<k, c, d=1> = conv k c half dilation=d -> bn -> relu
block pooled = gap -> reshape [1, 1, in.c] -> cbr<1, 256> -> upsample size=[in.h, in.w] mode=bilinear
concat<cbr<1, 256> | *cbr<3, 256, d> x(d in [12, 24, 36]) | pooled> -> cbr<1, 256> -> dropout 0.5
expect params 15_535_104 "by hand"
"""
    # 2 of 1x1 and 3 of 3x3 on 2048 channels, one 1x1 on their 5 * 256; six batch norms.
    assert 2048 * 256 * (1 + 3 * 9 + 1) + 5 * 256 * 256 + 6 * 2 * 256 == 15_535_104
    assert _errors(text) == []
