"""The charts of a training report, read back: what stands where, and that nothing stands outside.

In: a few values. Out: facts of the pictures, by the arithmetic in the comments.
"""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from archdsl.train.charts import Curve, heat_chart, line_chart, matrix_chart

_SVG = "{http://www.w3.org/2000/svg}"
_WIDE = 0.62 * 11
"""A generous width of a letter of 11 pixels."""


def _read(svg: str) -> ElementTree.Element:
    """The picture, after a look that all of its text is inside."""
    root = ElementTree.fromstring(svg)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for text in root.iter(f"{_SVG}text"):
        long = _WIDE * len("".join(text.itertext()))
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        left = x - long * {"start": 0.0, "middle": 0.5, "end": 1.0}[text.attrib.get("text-anchor", "start")]
        assert left >= 0, text.text
        assert left + long <= width, text.text
        assert 11 <= y <= height, text.text
    for mark in (*root.iter(f"{_SVG}rect"), *root.iter(f"{_SVG}image")):
        assert float(mark.attrib["x"]) + float(mark.attrib["width"]) <= width
        assert float(mark.attrib["y"]) + float(mark.attrib["height"]) <= height
    return root


def _place(root: ElementTree.Element, said: str) -> tuple[float, float]:
    (found,) = [text for text in root.iter(f"{_SVG}text") if text.text == said]
    return float(found.attrib["x"]), float(found.attrib["y"])


def _heat(rows: int, names: list[str]) -> ElementTree.Element:
    shown = ("data:image/png;base64,", "data:image/png;base64,")
    return _read(heat_chart(*shown, (rows, 16), (rows, 16), 0.5, down="class", across="16 inputs", names=names))


@pytest.mark.parametrize(("rows", "named", "least"), [(10, True, 16), (40, True, 16), (41, True, 3), (128, False, 3)])
def test_rows_of_a_heat_map_can_be_told_apart(rows: int, named: bool, least: int) -> None:
    # A letter is 11 pixels high, so a row that has a name is 16 at least.
    root = _heat(rows, [f"class {row}" for row in range(rows)] if named else [])
    image = next(root.iter(f"{_SVG}image"))
    tall, top = float(image.attrib["height"]) / rows, float(image.attrib["y"])
    assert least <= tall <= 24
    if named and rows <= 40:
        for row in range(rows):
            # The foot of the letters is 4 pixels under the middle of the row.
            assert _place(root, f"class {row}")[1] == pytest.approx(top + tall * (row + 0.5) + 4, abs=0.1)


def test_the_scale_of_a_heat_map_goes_from_minus_to_plus_the_largest() -> None:
    root = _heat(10, [])
    scale = list(root.iter(f"{_SVG}image"))[1]
    left, wide = float(scale.attrib["x"]), float(scale.attrib["width"])
    assert [_place(root, said)[0] for said in ("-0.5", "0", "0.5")] == pytest.approx(
        [left, left + wide / 2, left + wide]
    )


@pytest.mark.parametrize("count", [1, 2, 20, 21, 40, 41, 100])
def test_a_confusion_matrix_has_a_cell_for_each_pair(count: int) -> None:
    names = [f"n{number}" for number in range(count)]
    # Class i was taken i + 1 times for itself, and once for the first.
    rows = [[(i == j) * (i + 1) + (j == 0 < i) for j in range(count)] for i in range(count)]
    root = _read(matrix_chart("Confusion", rows, names))
    cells = list(root.iter(f"{_SVG}rect"))
    said = [cell[0].text for cell in cells]
    assert said == [f"{a} taken for {b}: {rows[i][j]}" for i, a in enumerate(names) for j, b in enumerate(names)]
    for i in range(1, min(count, 5)):
        # Of i + 2 images i + 1 are right: the share is the opacity.
        assert float(cells[i * count + i].attrib["fill-opacity"]) == pytest.approx((i + 1) / (i + 2), abs=5e-4)
    inside = [text for text in root.iter(f"{_SVG}text") if (text.text or "").isdigit()]
    # Numbers stand in the cells of up to 20 classes: the diagonal, and the first column below it.
    assert len(inside) == (2 * count - 1 if count <= 20 else 0)
    last = cells[-1].attrib
    for axis, side, below in (("x", "width", 0), ("y", "height", 4)):
        for text in inside[-1:]:
            middle = float(last[axis]) + float(last[side]) / 2
            assert float(text.attrib[axis]) == pytest.approx(middle + below, abs=0.1)
    assert (f"n{count - 1}" in [text.text for text in root.iter(f"{_SVG}text")]) == (count <= 40)


def test_a_curve_goes_up_where_its_values_do() -> None:
    root = _read(line_chart("loss", [Curve("train", [3.0, 2.0, 2.5]), Curve("test", [2.8, 2.2, 2.1])]))
    train, test = (
        [tuple(map(float, p.split(","))) for p in line.attrib["points"].split()]
        for line in root.iter(f"{_SVG}polyline")
    )
    # A picture's y goes down. 3.0 to 2.0 is all of the height: 2.5 is half way, and 2.8 a fifth.
    assert train[0][1] < train[2][1] < train[1][1]
    assert train[2][1] == pytest.approx((train[0][1] + train[1][1]) / 2, abs=0.1)
    assert test[0][1] - train[0][1] == pytest.approx(0.2 * (train[1][1] - train[0][1]), abs=0.1)
    # Three epochs from edge to edge, the second in the middle.
    assert train[1][0] == pytest.approx((train[0][0] + train[2][0]) / 2, abs=0.1)
    # The words beside the ruled lines stand at the values that they say.
    ruled = {
        float(text.text or ""): float(text.attrib["y"]) - 4
        for text in root.iter(f"{_SVG}text")
        if text.attrib.get("text-anchor") == "end" and len(text) == 0
    }
    assert len(ruled) >= 3
    for value, y in ruled.items():
        assert (train[1][1] - y) / (train[1][1] - train[0][1]) == pytest.approx(value - 2.0, abs=0.01)


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5, 0.5], [0.0, 0.0], [0.98]])
def test_one_value_is_in_the_middle(values: list[float]) -> None:
    root = _read(line_chart("accuracy", [Curve("test", values)], percent=True))
    points = next(root.iter(f"{_SVG}polyline")).attrib["points"].split()
    heights = {float(point.split(",")[1]) for point in points}
    ruled = [float(path.attrib["d"].partition(" ")[2].partition("H")[0]) for path in root.iter(f"{_SVG}path")]
    assert len(heights) == 1
    assert min(ruled) < heights.pop() < max(ruled)
    # A line through one point is not to be seen.
    assert len(list(root.iter(f"{_SVG}circle"))) == (len(values) == 1)
