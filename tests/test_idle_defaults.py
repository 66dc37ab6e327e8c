"""`default`s that no layer takes are warned of, and those that some layer takes are not.

In: texts of the language. Out: what is under the carets of `unused-default`.
"""

from __future__ import annotations

import pytest

import archdsl
from archdsl.checking import check_workspace
from archdsl.diagnostics import Collector
from archdsl.elaborate import Request, Workspace


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
        "default conv same\nconv 3x3 4 bias=false",
        "default maxpool ceil\nmaxpool 3/2+1",
        "default maxpool same\nmaxpool 3/2",
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


def test_ceil_stands_beside_a_padding_that_is_written() -> None:
    # PyTorch: ceil((8 + 2 * 1 - 3) / 2) + 1 = 5; without ceil_mode it is 4.
    graph = archdsl.loads("input 8x8x4\ndefault maxpool ceil\nmaxpool 3/2+1").graph
    assert graph.nodes[-1].shape == (5, 5, 4)
