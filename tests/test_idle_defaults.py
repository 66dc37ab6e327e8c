"""`default`s that no layer takes are warned of, and those that some layer takes are not.

In: texts of the language. Out: what is under the carets of `unused-default`.
"""

from __future__ import annotations

import pytest

import archdsl
from archdsl.checking import check_workspace
from archdsl.diagnostics import Collector
from archdsl.elaborate import Request, Workspace


def _head(text: str) -> list[tuple[int, str, str]]:
    """The line, what is under the caret and the hint of every default that misses something in the `arch` line."""
    found = archdsl.loads(text).check()
    assert all(d.id == "unused-default" and d.span is not None for d in found)
    return [(d.span.line, d.span.text, d.hint) for d in found if d.span is not None]


_UP = "a `default` is for the lines below it: move it above `arch`"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("arch a<f=bn>\ninput 8x8x4\ndefault bn eps=1e-3\nf", []),
        # Nothing takes it but what the `arch` line would have taken.
        (
            "arch a<f=conv 1x1 4 -> bn>\ninput 8x8x4\ndefault conv bias=false\nf",
            [(3, "bias=false", f"{_UP}, or remove it")],
        ),
        # One layer takes it, and the one of the `arch` line does not.
        (
            "arch a<f=conv 1x1 4 -> bn>\ninput 8x8x4\ndefault conv bias=false\nconv 1x1 4 -> f",
            [(3, "bias=false", f"{_UP}, or write there what holds")],
        ),
        (
            "arch a<f=[conv 1x1 4, conv 3x3+1 4]>\ninput 8x8x4\ndefault conv bias=false\nconv 1x1 4 -> f[0]",
            [(3, "bias=false", f"{_UP}, or write there what holds")],
        ),
        # It takes the first `default`, says it itself, or is a bare name, which is a layer only below.
        ("default conv bias=false\narch a<f=conv 1x1 4>\ninput 8x8x4\nconv 1x1 4 -> f", []),
        ("arch a<f=conv 1x1 4 bias=true>\ninput 8x8x4\ndefault conv bias=false\nconv 1x1 4 -> f", []),
        ("arch a<f=conv 3x3+1 4>\ninput 8x8x4\ndefault conv same\nconv 3x3 4 -> f", []),
        ("arch a<f=bn>\ninput 8x8x4\ndefault bn eps=1e-3\nbn -> f", []),
        ("arch a<f=[bn, ln]>\ninput 8x8x4\ndefault bn eps=1e-3\nbn -> f[0]", []),
        ("arch a<f=gn>\ninput 8x8x4\ndefault conv bias=false\nconv 1x1 4 -> ln", None),
    ],
)
def test_a_chain_in_the_arch_line(text: str, told: list[tuple[int, str, str]] | None) -> None:
    if told is not None:
        assert _head(text) == told
    else:
        assert "unused-default" not in [d.id for d in archdsl.loads(text).check()]


def _idle(text: str) -> list[tuple[int, str]]:
    """The line and the text of every default that is warned of."""
    found = [d for d in archdsl.loads(f"input 8x8x4\n{text}").check() if d.id == "unused-default"]
    assert all(d.severity == "warning" and d.hint for d in found)
    return [(d.span.line, d.span.text) for d in found if d.span is not None]


@pytest.mark.parametrize(
    "text",
    [
        "default conv bias=false\nconv 1x1 4",
        "default bn eps=1e-3\nconcat<bn | id>",
        "default conv bias=false\nblock unit = conv 1x1 4 -> relu\nunit",
        "default conv bias=false\nif in.c == 3 then conv 1x1 4 else fc 4",
        "default conv bias=false\nblock wrap<f> = f 1x1 4\nwrap<conv>",
        "let f = conv\ndefault conv bias=false\nf 1x1 4",
        "default conv bias=false\n(f 1x1 4) x(f in [conv, conv])",
        "default conv bias=false\nblock wrap<f> = f -> f\nwrap<conv 1x1 4>",
        "block unit {\n default conv bias=false\n block inner = conv 1x1 4\n inner\n}\nunit",
        "default bn eps=1e-3\nlet norm = bn\nnorm",
        "let norm = bn\ndefault bn eps=1e-3\nnorm",
        "default bn eps=1e-3\nblock unit<norm=bn> = conv 1x1 4 -> norm\nunit",
        "default bn eps=1e-3\n(f) x(f in [bn, bn])",
        "default conv same\nconv 3x3 4 bias=false",
        "default maxpool ceil\nmaxpool 3/2+1",
        "default maxpool same\nmaxpool 3/2",
        "default maxpool ceil\nmaxpool 3/2 same=false",
        "default conv same=false\nconv 3x3+1 4",
        "default conv half\nconv 3x3 4 same=(in.c == 3)",
        "default mean drop=0.1\nmean<id | relu>",
        "default conv bias=false\nshare twice = conv 1x1 4\ntwice -> twice",
        "conv 1x1 4 @a -> fc 2\ndefault conv bias=false\noutput aux training = @a -> conv 1x1 3",
    ],
)
def test_a_default_that_is_taken(text: str) -> None:
    assert _idle(text) == []


@pytest.mark.parametrize(
    ("text", "under"),
    [
        ("conv 1x1 4\ndefault conv bias=false", [(3, "bias=false")]),
        ("default conv bias=false\nbasic<4>", [(2, "bias=false")]),
        ("default conv bias=false\nrelu", [(2, "bias=false")]),
        ("default conv bias=false same\nconv 3x3+1 4", [(2, "same")]),
        ("default conv same\nconv 3x3 4 half", [(2, "same")]),
        ("default conv same\nconv 3x3 4 half=true", [(2, "same")]),
        ("default maxpool ceil\nmaxpool 3/2 ceil=false", [(2, "ceil")]),
        ("default conv same=true\nconv 3x3+1 4", [(2, "same=true")]),
        ("default conv bias=false\nconv 3x3 4 bias=true", [(2, "bias=false")]),
        ("default dropout p=0.3\nfc 4 -> dropout 0.5", [(2, "p=0.3")]),
        ("default conv bias=false\ndefault conv bias=true\nconv 1x1 4", [(2, "bias=false")]),
        ("block unit {\n conv 1x1 4\n default conv bias=false\n}\nunit -> conv 1x1 4", [(4, "bias=false")]),
        ("default conv bias=true\nblock unit {\n default conv bias=false\n conv 1x1 4\n}\nunit", [(2, "bias=true")]),
        # A `default` is for lines of the text: the layer that `f` stands for is written above it.
        ("block wrap<f> = f 1x1 4\ndefault conv bias=false\nwrap<conv>", [(3, "bias=false")]),
        ("default mean drop=0.1\nmean<id | relu, drop=0.2>", [(2, "drop=0.1")]),
    ],
)
def test_a_default_that_nothing_takes(text: str, under: list[tuple[int, str]]) -> None:
    assert _idle(text) == under


@pytest.mark.parametrize(
    ("text", "under"),
    [
        # Who uses the library may hand `conv` to its block.
        ("default conv bias=false\nblock unit<f> = f 3x3+1 8 -> relu", []),
        ("block unit<f> = f 3x3+1 8 -> relu\ndefault conv bias=false", [(2, "bias=false")]),
    ],
)
def test_a_library(text: str, under: list[tuple[int, str]]) -> None:
    found = Collector()
    checked = check_workspace(Workspace.text(text, found), Request(), found)
    assert [(d.id, d.span and (d.span.line, d.span.text)) for d in checked.diagnostics] == [
        ("unused-default", place) for place in under
    ]


def test_a_wrong_default_is_told_once() -> None:
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads("input 8x8x4\ndefault conv biass=false\nconv 1x1 4")
    assert [d.id for d in caught.value.diagnostics] == ["unknown-argument"]


@pytest.mark.parametrize(
    ("default", "op", "size"),
    [
        # PyTorch: floor((8 - 3) / 2) + 1 = 3, with ceil_mode 4.
        ("maxpool ceil", "maxpool 3/2 ceil=false", (3, 3, 4)),
        ("avgpool ceil", "avgpool 3/2 ceil=false", (3, 3, 4)),
        ("lppool ceil", "lppool 3/2 ceil=false", (3, 3, 4)),
        ("subsample ceil=true", "subsample 3/2 ceil=false", (3, 3, 4)),
        ("maxpool same", "maxpool 3/2 same=false ceil", (4, 4, 4)),
        ("maxpool ceil=false", "maxpool 3/2 ceil=true", (4, 4, 4)),
        # 8 - 3 + 1 = 6 without padding.
        ("conv same", "conv 3x3 4 same=false", (6, 6, 4)),
        ("conv half", "conv 3x3 4 half=false", (6, 6, 4)),
        ("conv half=false", "conv 3x3 4 half=true", (8, 8, 4)),
    ],
)
def test_a_flag_is_unset(default: str, op: str, size: tuple[int, ...]) -> None:
    graph = archdsl.loads(f"input 8x8x4\ndefault {default}\n{op}").graph
    assert graph.nodes[-1].shape == size


def test_a_flag_unset_at_one_layer_computes_what_pytorch_does() -> None:
    import torch

    net = archdsl.loads("input 8x8x4\ndefault maxpool ceil\nmaxpool 3/2 ceil=false")
    image = torch.randn(1, 4, 8, 8)
    assert torch.equal(net.module()(image), torch.nn.functional.max_pool2d(image, 3, 2))


def test_ceil_stands_beside_a_padding_that_is_written() -> None:
    # PyTorch: ceil((8 + 2 * 1 - 3) / 2) + 1 = 5; without ceil_mode it is 4.
    graph = archdsl.loads("input 8x8x4\ndefault maxpool ceil\nmaxpool 3/2+1").graph
    assert graph.nodes[-1].shape == (5, 5, 4)
