"""Pictures of feature maps: which volumes there are, how large they are drawn, what leads around them.

In: networks of `specs/`. Out: the sizes and structures that their papers print, found again in the strip, the sheet and
the SVG.
"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest

from archdsl.draw.image import Misfit, Page, image
from archdsl.draw.plan import Wish
from archdsl.draw.sheet import Label, Line, Polygon
from archdsl.draw.strip import Strip, make_strip
from archdsl.draw.volumes import to_sheet
from tests import zoo
from tests.drawn import PROGRAMS, Box, Text, measure, program

_VOLUMES = Page("volumes")
_SAMPLE = {"alexnet", "vgg16", "unet", "siamese", "resnet18", "resnet50", "googlenet", "vit_b_16", "c3d", "m5", "mlp"}
_ENTRIES = [e for e in zoo.entries() if os.environ.get("ARCHDSL_ZOO") == "all" or e.name in _SAMPLE]


def _strip(name: str) -> Strip:
    return make_strip(zoo.graph(name))


# ---------------------------------------------------------------- which volumes there are


def test_vgg_16_is_what_its_paper_says() -> None:
    # Simonyan & Zisserman, 2014, Table 1, D: 13 convolutions, 5 poolings, 3 fully connected layers; and the input.
    strip = _strip("vgg16")
    assert Counter(volume.style for volume in strip.volumes) == {
        "input": 1,
        "convolution": 13,
        "pooling": 5,
        "linear": 3,
    }
    assert [volume.shape for volume in strip.volumes if volume.style == "pooling"] == [
        (112, 112, 64),
        (56, 56, 128),
        (28, 28, 256),
        (14, 14, 512),
        (7, 7, 512),
    ]
    assert {volume.kernel for volume in strip.volumes if volume.style == "convolution"} == {(3, 3)}


def test_alexnet_reads_with_the_kernels_of_its_paper() -> None:
    # Krizhevsky, Sutskever & Hinton, 2012, section 3.5: 96 kernels of 11x11, 256 of 5x5, 384, 384 and 256 of 3x3.
    found = [(v.kernel, v.shape[-1]) for v in _strip("alexnet").volumes if v.style == "convolution"]
    assert found == [((11, 11), 96), ((5, 5), 256), ((3, 3), 384), ((3, 3), 384), ((3, 3), 256)]


def test_a_resnet_has_an_arc_for_every_unit() -> None:
    # He et al., 2015, Table 1: 18 layers are four stages of two units; three stages begin with a projection.
    strip = _strip("resnet18")
    assert len(strip.arcs) == 8
    assert [arc.text for arc in strip.arcs if arc.text] == ["conv 1×1/2 128", "conv 1×1/2 256", "conv 1×1/2 512"]
    assert {strip.volumes[arc.head].text for arc in strip.arcs} == {"add"}


def test_a_u_net_has_the_levels_and_skips_of_its_figure() -> None:
    # Ronneberger, Fischer & Brox, 2015, Figure 1: five levels, four of them joined by "copy and crop".
    strip = _strip("unet")
    levels = [volume.level for volume in strip.volumes]
    assert sorted(set(levels)) == [0, 1, 2, 3, 4]
    assert [strip.volumes[arc.tail].shape for arc in sorted(strip.arcs, key=lambda arc: arc.tail)] == [
        (568, 568, 64),
        (280, 280, 128),
        (136, 136, 256),
        (64, 64, 512),
    ]
    assert all(strip.volumes[arc.tail].level == strip.volumes[arc.head].level for arc in strip.arcs)
    # Down to the lowest level and up again, never back.
    assert levels == sorted(levels[: levels.index(4)]) + sorted(levels[levels.index(4) :], reverse=True)


def test_the_towers_of_a_siamese_network_stand_side_by_side() -> None:
    strip = _strip("siamese")
    lanes = [[v.shape for v in strip.volumes if v.lane == lane] for lane in (0, 1)]
    assert lanes[0][: len(lanes[1])] == lanes[1]
    (join,) = [head for tail, head in strip.steps if strip.volumes[tail].lane == 1 and strip.volumes[head].lane == 0]
    assert strip.volumes[join].text == "sub"


def test_a_long_network_has_its_blocks_as_volumes() -> None:
    # He et al., 2015, Table 1: 3, 4, 6 and 3 units, the first of each stage with a projection.
    found = [(volume.text, volume.times) for volume in _strip("resnet50").volumes if volume.style is None]
    assert [times for _, times in found] == [1, 2, 1, 3, 1, 5, 1, 2]
    assert all(text.startswith("bottleneck<") for text, _ in found)


def test_what_is_asked_for_is_drawn_however_long() -> None:
    every = make_strip(zoo.graph("resnet50"), Wish(depth=2, fold=False))
    assert sum(volume.style is None for volume in every.volumes) == 3 + 4 + 6 + 3
    assert [v.text for v in make_strip(zoo.graph("resnet50"), Wish(depth=1)).volumes if v.style is None] == [
        "stage<3, 64, 1>",
        "stage<4, 128, 2>",
        "stage<6, 256, 2>",
        "stage<3, 512, 2>",
    ]


def test_every_output_is_named() -> None:
    strip = _strip("googlenet")
    assert [one.text.rpartition("→ ")[2] for one in strip.exits] == [
        "output 1000",
        "aux1 1000 (in training only)",
        "aux2 1000 (in training only)",
    ]


def test_what_is_repeated_bears_its_count() -> None:
    # Radford et al., 2019: twelve layers; Redmon & Farhadi, 2018, Table 1: units of 1, 2, 8, 8 and 4 residuals.
    strip = make_strip(zoo.graph("gpt2_small"), Wish(depth=2))
    ((first, last, times),) = strip.repeats
    assert times == 12
    assert [volume.text for volume in strip.volumes[first : last + 1]] == [
        "ln", "attention 12 causal", "add", "ln", "fc 3072", "fc 768", "add",
    ]  # fmt: skip
    svg = image(zoo.graph("darknet53"), "svg", Wish(depth=2), _VOLUMES)
    assert sorted(text for text in _readable(svg) if text.startswith("× ")) == ["× 2", "× 4", "× 8", "× 8"]


def test_no_arc_goes_through_a_count() -> None:
    for title in ("Two tensors in, two out", "Resolutions that exchange", "Heads on every level of a pyramid"):
        sheet = to_sheet(make_strip(program(title), Wish(depth=1)))
        counts = [shape for shape in sheet.shapes if isinstance(shape, Label) and shape.text.startswith("× ")]
        assert counts
        arcs = [shape for shape in sheet.shapes if isinstance(shape, Line) and not shape.thin]
        for count in counts:
            for arc in arcs:
                for x, y in _points(arc):
                    beside = not count.left + 2 < x < count.right - 2
                    assert beside or not count.y - 0.7 * count.size < y < count.y, (title, count.text)


def _points(line: Line) -> Iterator[tuple[float, float]]:
    """Places on a line, a hundred of each straight piece or curve."""
    step = 3 if line.curved else 1
    for at in range(0, len(line.points) - 1, step):
        ends = line.points[at : at + step + 1]
        weights = (1, 3, 3, 1) if line.curved else (1, 1)
        for share in (part / 100 for part in range(101)):
            parts = [w * (1 - share) ** (step - i) * share**i for i, w in enumerate(weights)]
            yield (
                sum(part * x for part, (x, _) in zip(parts, ends, strict=True)),
                sum(part * y for part, (_, y) in zip(parts, ends, strict=True)),
            )


@pytest.mark.parametrize("title", PROGRAMS)
def test_programs_of_the_reference_are_volumes_that_can_be_read(title: str) -> None:
    for wish in (Wish(), Wish(depth=2)):
        _readable(image(program(title), "svg", wish, _VOLUMES))


def test_a_u_has_no_level_without_volumes() -> None:
    # LR-ASPP (Howard et al., 2019, figure 10) pools 33x33 to 1x1, five halvings in one step.
    levels = {volume.level for volume in _strip("lraspp_mobilenet_v3_large").volumes}
    assert levels == set(range(len(levels)))


# ---------------------------------------------------------------- how large they are


def _fronts(name: str) -> list[tuple[float, float]]:
    """Thickness and height of every volume, from its front, the third of its three faces."""
    sheet = to_sheet(make_strip(zoo.graph(name)))
    faces = [
        shape for shape in sheet.shapes if isinstance(shape, Polygon) and len(shape.points) == 4 and not shape.thin
    ]
    chips = sum(isinstance(shape, Label) and shape.size == 8.25 and not shape.bold for shape in sheet.shapes)
    fronts = faces[chips:][2::3]
    return [(p.points[1][0] - p.points[0][0], p.points[2][1] - p.points[1][1]) for p in fronts]


@pytest.mark.parametrize("name", ["vgg16", "alexnet", "unet"])
def test_boxes_are_as_large_as_their_maps_say_and_all_can_be_seen(name: str) -> None:
    volumes, fronts = _strip(name).volumes, _fronts(name)
    assert len(volumes) == len(fronts)
    maps = [(v.shape, front) for v, front in zip(volumes, fronts, strict=True) if len(v.shape) == 3]
    for (shape, (wide, high)), (other, (its_wide, its_high)) in pairwise(maps):
        assert (high > its_high + 1e-6) == (shape[0] > other[0]) or min(high, its_high) == 9.0
        assert (wide > its_wide + 1e-6) == (shape[-1] > other[-1]) or min(wide, its_wide) == 3.0
    assert min(wide for wide, _ in fronts) >= 3
    assert min(high for _, high in fronts) >= 9


# ---------------------------------------------------------------- what is on the page


@pytest.mark.parametrize("entry", _ENTRIES, ids=str)
def test_a_picture_of_volumes_is_on_its_page_and_can_be_read(entry: zoo.Entry) -> None:
    graph = entry.graph()
    shown = Counter(_readable(image(graph, "svg", page=_VOLUMES)))
    strip = make_strip(graph)
    for written, count in Counter(volume.text for volume in strip.volumes).items():
        assert shown[written] >= count
    for leaving in strip.exits:
        assert shown[f"→ {leaving.text}"] == 1


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "resnet18", "siamese", "unet", "vit_b_16", "googlenet"])
def test_labels_can_be_read_in_a_column(name: str) -> None:
    # 88 mm are 249.4 points; Nature asks for text of 5 to 7.
    svg = image(zoo.graph(name), "svg", page=Page("volumes", width=249.4))
    root = ElementTree.fromstring(svg)
    scale = 249.4 / float(root.attrib["viewBox"].split()[2])
    assert min(map(float, re.findall(rb'font-size="([\d.]+)"', svg))) * scale >= 4.99
    _readable(svg)


def _readable(svg: bytes) -> list[str]:
    """The texts of a picture, after it was found that all of it is on the page and no text covers another."""
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    page = Box(0, 0, width, height)
    texts: list[Text] = []
    for element in root.iter():
        tag = element.tag.rpartition("}")[2]
        if tag == "text":
            texts.append(
                measure(
                    element.text or "",
                    float(element.attrib["x"]),
                    float(element.attrib["y"]),
                    float(element.attrib["font-size"]),
                    bold=element.get("font-weight") == "bold",
                )
            )
        elif tag == "path":
            numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", element.attrib["d"])]
            # The handles of an arc may lie higher than the arc.
            assert all(-1 <= x <= width + 1 for x in numbers[::2])
            assert "C" in element.attrib["d"] or all(-1 <= y <= height + 1 for y in numbers[1::2])
    for text in texts:
        assert page.holds(text.box), text
    for index, text in enumerate(texts):
        assert not any(text.box.meets(other.box, 2) for other in texts[:index]), text
    return [text.text for text in texts]


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("format", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("tex", b"\\doc")]
)
def test_formats(format: str, magic: bytes) -> None:
    graph = zoo.graph("alexnet")
    made = image(graph, format, page=_VOLUMES)  # type: ignore[arg-type]
    assert made.startswith(magic)
    assert made == image(graph, format, page=_VOLUMES)  # type: ignore[arg-type]


def test_a_column_is_never_exceeded() -> None:
    # 88 mm, a column of most journals, are 249.4 points; a PNG with 144 dots to the inch has twice as many.
    page = Page("volumes", width=249.4)
    graph = zoo.graph("alexnet")
    wide = re.search(rb' width="([\d.]+)pt"', image(graph, "svg", page=page))
    assert wide is not None
    assert float(wide[1]) == pytest.approx(249.4, abs=0.1)
    assert int.from_bytes(image(graph, "png", page=page)[16:20]) == pytest.approx(2 * 249.4, abs=3)
    assert b"bp,y=-0." in image(graph, "tex", page=page)


@pytest.mark.parametrize(
    ("format", "wish", "page", "word"),
    [
        ("dot", Wish(), Page("volumes"), "style volumes does not go with dot"),
        ("mmd", Wish(), Page("volumes"), "style volumes does not go with mmd"),
        ("svg", Wish(show=("params",)), Page("volumes"), "show does not go with volumes"),
        ("svg", Wish(heat="macs"), Page("volumes"), "heat does not go with volumes"),
        ("svg", Wish(), Page("volumes", direction="right"), "direction does not go with volumes"),
    ],
)
def test_what_volumes_cannot_show_is_said(format: str, wish: Wish, page: Page, word: str) -> None:
    with pytest.raises(Misfit, match=word):
        image(zoo.graph("alexnet"), format, wish, page)  # type: ignore[arg-type]
