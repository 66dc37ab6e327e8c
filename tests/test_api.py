"""The Python interface."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import archdsl
from archdsl.checking import check_file
from archdsl.elaborate import Request

SPECS = Path(__file__).parent.parent / "specs"
LENET = SPECS / "lenet" / "lenet5.arch"


def test_load_gives_the_variant() -> None:
    net = archdsl.load(SPECS / "resnet" / "resnet.arch", variant="resnet18")
    # torchvision's resnet18
    assert net.summary().counts.total.params == 11_689_512
    assert net.name == "resnet18"


def test_settings_change_the_head() -> None:
    net = archdsl.load(SPECS / "resnet" / "resnet.arch", variant="resnet18", settings={"classes": 10})
    # 1000 outputs of 512 weights and a bias become 10
    assert net.summary().counts.total.params == 11_689_512 - 990 * 513


def test_mistakes_are_raised_with_all_diagnostics() -> None:
    with pytest.raises(archdsl.ArchError) as caught:
        archdsl.loads("input 8x8x1\nconv 3x3 4 -> rellu -> conv 3x3 bad\n")
    assert [d.id for d in caught.value.diagnostics] == ["unknown-name", "unknown-name"]
    assert "did you mean `relu`?" in str(caught.value)


def test_check_gives_warnings_and_wrong_claims() -> None:
    net = archdsl.loads("input 8x8x1\nblock spare<w> = conv 3x3 w\nconv 3x3 4 -> gap -> fc 2\nexpect params 51\n")
    # 3*3*4 + 4 + 4*2 + 2 = 50
    assert [d.id for d in net.check()] == ["wrong-claim", "unused-block"]
    assert archdsl.load(LENET).check() == ()


def test_a_module_is_the_same_for_the_same_seed_and_leaves_the_generator_alone() -> None:
    net = archdsl.load(LENET)
    state = torch.random.get_rng_state()
    first, second = net.module(seed=3), net.module(seed=3)
    assert torch.equal(torch.random.get_rng_state(), state)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert first(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


def test_draw_writes_the_format_of_the_name(tmp_path: Path) -> None:
    net = archdsl.load(LENET)
    assert net.draw(tmp_path / "net.png").startswith(b"\x89PNG")
    assert (tmp_path / "net.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in net.draw()
    with pytest.raises(ValueError, match="bmp"):
        net.draw(tmp_path / "net.bmp")


def test_a_notebook_shows_picture_and_table() -> None:
    shown = archdsl.load(LENET)._repr_html_()
    assert shown.startswith("<svg")
    assert "<table" in shown
    assert "61,706" in shown


def test_an_open_choice_needs_choosing() -> None:
    text = "input 8x8x1\nchoice<conv 3x3+1 4 | conv 5x5+2 4> -> gap -> fc 2\n"
    with pytest.raises(archdsl.ArchError, match="choice1"):
        archdsl.loads(text)
    # 5*5*4 + 4 + 4*2 + 2
    assert archdsl.loads(text, choices={"choice1": "#2"}).summary().counts.total.params == 114


@pytest.mark.parametrize(("family", "variant"), [("resnet", "resnet50"), ("efficientnet", "efficientnet_b0")])
def test_the_rows_of_blocks_are_named_as_their_layers_are(family: str, variant: str) -> None:
    net = archdsl.load(SPECS / family / f"{family}.arch", variant=variant)
    names = set(net.graph.names)
    for row in net.summary(fold=False).rows:
        if row.kind == "layer":
            assert row.path in names
        else:
            assert any(name == row.path or name.startswith(f"{row.path}.") for name in names)
            assert row.path.endswith(row.name)
    # The paper's name of a block stands before its arguments in its call.
    blocks = [row for row in net.summary(fold=False).rows if row.kind == "block"]
    assert all(row.name.rstrip("0123456789.") == row.op.partition("<")[0] for row in blocks)


def test_a_variant_may_stand_behind_the_file(tmp_path: Path) -> None:
    """As on the command line."""
    (tmp_path / "net.arch").write_text(
        "arch net<w=8>\ninput 8x8x3\nconv 3x3 w -> gap -> fc 2\nvariant wide = net<16>\n"
    )
    net = archdsl.load(f"{tmp_path / 'net.arch'}:wide")
    assert net.name == "wide"
    assert net.graph.nodes[1].shape == (6, 6, 16)


def test_a_mistake_of_some_variants_names_them(tmp_path: Path) -> None:
    """A kernel of 9 does not fit into 8x8; one of 3 does."""
    path = tmp_path / "net.arch"
    path.write_text("arch net<k=3>\ninput 8x8x3\nconv k 4 -> gap -> fc 2\nvariant wide = net<9>\n")
    (found,) = check_file(path, Request()).diagnostics
    assert found.id == "kernel-too-large"
    assert found.notes[-1].message == "in the variant `wide`"
