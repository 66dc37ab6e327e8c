"""The weights of a trained network as pictures: which layers, which colours, which axes, how large a page.

In: small networks with weights that are set by hand. Out: facts of the arithmetic in the comments.
"""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import archdsl
from archdsl.train.pictures import diverging
from archdsl.train.weight_pictures import binned, weight_pictures

_SVG = "{http://www.w3.org/2000/svg}"
_DIGITS = [str(digit) for digit in range(10)]
_CONV = "input 8x8x1\nconv 3x3 6 -> relu -> fc 16 -> relu -> fc 10"


def _parts(text: str, names: list[str] = _DIGITS, made: nn.Module | None = None) -> str:
    net = archdsl.loads(text)
    return "\n".join(weight_pictures(net.module(seed=1) if made is None else made, net.graph, names))


def _pixels(page: str) -> torch.Tensor:
    """The image (H, W, 3) of a page's heat map."""
    address = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6]).find(f"{_SVG}image")
    assert address is not None
    image = Image.open(io.BytesIO(base64.b64decode(address.attrib["href"].partition(",")[2])))
    return torch.from_numpy(np.array(image)).int()


def _image(page: str, number: int) -> Image.Image:
    """One of the images of a page."""
    return Image.open(io.BytesIO(base64.b64decode(re.findall(r'base64,(.*?)"', page)[number])))


def _texts(page: str) -> list[str]:
    svg = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    return [text.text or "" for text in svg.iter(f"{_SVG}text")]


def test_colours_are_blue_below_zero_white_at_it_and_orange_above() -> None:
    below, half, zero, above, beyond = (255 * diverging(torch.tensor([-2.0, -1, 0, 2, 5]), 2.0)).round().int().tolist()
    assert below == [0x33, 0x66, 0xAA]
    # Half way from white: (255 + 0x33) / 2 = 153, (255 + 0x66) / 2 = 178.5, (255 + 0xAA) / 2 = 212.5.
    assert half == pytest.approx([153, 178.5, 212.5], abs=0.51)
    assert zero == [255, 255, 255]
    assert above == beyond == [0xCC, 0x55, 0x22]
    # A matrix of zeros has no largest weight.
    assert diverging(torch.zeros(2, 2), 0.0).tolist() == torch.ones(2, 2, 3).tolist()


def test_a_row_is_a_class_and_a_column_an_input() -> None:
    net = archdsl.loads(_CONV)
    made = net.module(seed=1)
    weight = made.get_parameter("fc2.weight").detach()
    page = _parts(_CONV, made=made)
    assert "<code>fc2</code>: 10 classes by 16 inputs, 160 weights" in page
    pixels = _pixels(page)
    assert pixels.shape == (10, 16, 3)
    # Orange is redder than blue, and blue bluer than red; the largest weight has the full colour.
    assert torch.equal(pixels[..., 0] > pixels[..., 2], weight > 0)
    row, column = divmod(int(weight.abs().argmax()), 16)
    full = [0xCC, 0x55, 0x22] if weight[row, column] > 0 else [0x33, 0x66, 0xAA]
    assert pixels[row, column].tolist() == full
    largest = f"{float(weight.abs().max()):.3g}"
    assert _texts(page) == ["class", *_DIGITS, "1", "5", "10", "16", "16 inputs", f"-{largest}", "0", largest]


def test_filters_come_first_and_are_named() -> None:
    page = _parts(_CONV)
    assert "<code>conv</code>: 6 filters of 3x3x1, each between its own least and largest weight." in page
    assert page.index("What the first layer looks for") < page.index("Weights of the last fully connected layer")
    # Two channels are no colours: each by itself.
    page = _parts("input 8x8x2\nconv 3x3 6 -> relu -> gap -> fc 10")
    assert "6 filters of 3x3x2, a row each with its channels beside each other" in page
    # 3x3 weights of 21 pixels each and a gap of 2 around, 2 beside each other in 6 rows.
    assert _image(page, 0).size == (2 * 67, 6 * 67)
    assert "<code>fc</code>: 10 classes by 6 inputs" in page
    # A kernel of 2x2 is one already.
    assert "6 filters of 2x2x1" in _parts("input 8x8x1\nconv 2x2 6 -> relu -> gap -> fc 10")


@pytest.mark.parametrize(
    ("text", "said", "size"),
    [
        ("input 8x8x3\nconv 1x1 6", "<code>conv</code>: 6 filters by 3 weights, 18 weights", (6, 3)),
        ("input 8x8x3\nconv 1x7 6", "<code>conv</code>: 6 filters by 21 weights, 126 weights", (6, 21)),
        ("input 80x1\nconv 5 6", "<code>conv</code>: 6 filters by 5 weights, 30 weights", (6, 5)),
        ("input 4x8x8x3\nconv 3x3x3 6", "<code>conv</code>: 6 filters by 81 weights, 486 weights", (6, 81)),
        # What enters is a row, and has weights for each of the four filters.
        ("input 8x8x3\ndeconv 2/2 4", "<code>deconv</code>: 3 input channels by 16 weights, 48 weights", (3, 16)),
    ],
    ids=["one pixel", "one row", "sequence", "volume", "transposed"],
)
def test_kernels_that_are_no_pictures_are_rows(text: str, said: str, size: tuple[int, int]) -> None:
    net = archdsl.loads(f"{text} -> relu -> gap -> fc 10")
    made = net.module(seed=1)
    page = _parts(f"{text} -> relu -> gap -> fc 10", made=made)
    assert page.startswith("<h2>What the first layer looks for</h2>")
    assert said in page
    pixels = _pixels(page)
    assert pixels.shape == (*size, 3)
    weight = next(made.parameters()).detach()
    assert torch.equal(pixels[..., 0] > pixels[..., 2], weight.flatten(1) > 0)
    # The fully connected layer has its picture all the same.
    assert "<h2>Weights of the last fully connected layer</h2>\n<p><code>fc</code>: 10 classes by" in page


def test_the_first_filters_are_those_behind_what_only_scales() -> None:
    assert "<code>conv</code>: 6 filters of 3x3x1" in _parts("input 8x8x1\nbn -> conv 3x3 6 -> relu -> gap -> fc 10")


def test_large_images_are_few() -> None:
    # 400,000 pixels are 7 pictures of 224x224 = 50,176.
    page = _parts("input 224x224x3\nfc 10")
    assert "for each of 10 classes its weights of the image, 224x224x3" in page
    assert "; the first 7 are shown" in page
    # Three in a row, 228 wide each.
    assert _image(page, 0).size == (3 * 228, 3 * 228)
    assert len(page) < 3 * 4 / 3 * 9 * 228**2


def test_softmax_regression_has_an_image_for_each_class() -> None:
    names = ["cat", "<dog>", "newt"]
    made = archdsl.loads("input 4x4x1\nfc 3 -> softmax").module()
    with torch.no_grad():
        made.get_parameter("fc.weight").zero_()[1, 5] = -0.5
    page = _parts("input 4x4x1\nfc 3 -> softmax", names, made)
    assert re.findall("<figcaption>(.*?)</figcaption>", page) == ["cat", "&lt;dog&gt;", "newt"]
    assert "for each of 3 classes its weights of the image, 4x4x1, from blue at -0.5" in page
    assert "Weights of the last" not in page
    image = _image(page, 1)
    # A gap of 2, then 16 pixels for each weight: row 1, column 1 is number 5 of a row of 4.
    assert image.size == (68, 68)
    assert image.getpixel((2 + 16 + 8, 2 + 16 + 8)) == (0x33, 0x66, 0xAA)
    assert image.getpixel((2 + 16 + 8, 2 + 8)) == (255, 255, 255)


def test_outputs_that_are_no_classes_are_called_so() -> None:
    # The two outputs of fc are made one, so they are no classes.
    page = _parts("input 8x8x1\nconv 3x3 4 -> gap -> fc 4 -> maxout 2", ["a", "b"])
    assert "<code>fc</code>: 4 outputs by 4 inputs" in page
    assert _texts(page)[:1] == ["output"]


def test_the_layer_is_of_the_main_output() -> None:
    text = (
        "input 8x8x1\nconv 3x3 4 -> relu @a -> gap -> fc 10 @head\n"
        "output aux training = @a -> gap -> fc 7 -> relu -> fc 10 @aux_head"
    )
    assert "<code>head</code>: 10 classes by 4 inputs" in _parts(text)


def test_networks_without_such_a_layer_have_no_such_picture() -> None:
    assert "fully connected" not in _parts("input 8x8x1\nconv 3x3 4 -> relu -> conv 1x1 10 -> gap")


def test_cells_are_means_where_a_matrix_is_large() -> None:
    weight = torch.arange(1000 * 4096.0).reshape(1000, 4096) / 1e6
    heat = binned(weight)
    # 1000 rows in bins of ceil(1000/128) = 8 are 125; 4096 columns in bins of 4096/512 = 8 are 512.
    assert (tuple(heat.cells.shape), heat.tall, heat.wide) == ((125, 512), 8, 8)
    torch.testing.assert_close(heat.cells, weight.reshape(125, 8, 512, 8).mean((1, 3)))
    # The last bin holds what is left: 513 columns are 256 pairs and one.
    heat = binned(torch.arange(513.0)[None])
    assert heat.cells.shape == (1, 257)
    assert heat.cells[0, [0, 1, 256]].tolist() == [0.5, 2.5, 512.0]
    # A small one is as it is.
    assert torch.equal(binned(weight[:128, :512]).cells, weight[:128, :512])


def test_a_cell_holds_whole_maps() -> None:
    # 64 maps of 6x6 after the flatten are 2,304 inputs: a cell for each map, since 2,304 > 512.
    page = _parts("input 8x8x1\nconv 3x3 64 -> relu -> fc 10")
    assert "10 classes by 2,304 inputs" in page
    assert "A cell is the mean of up to 1 x 36 of them" in page
    assert "2,304 inputs: 64 maps of 6x6, one after the other" in _texts(page)
    net = archdsl.loads("input 8x8x1\nconv 3x3 64 -> relu -> fc 10")
    means = net.module(seed=1).get_parameter("fc.weight").reshape(10, 64, 36).mean(2)
    pixels = _pixels(page)
    assert pixels.shape == (10, 64, 3)
    sure = means.abs() > 0.05 * means.abs().max()
    assert torch.equal((pixels[..., 0] > pixels[..., 2])[sure], (means > 0)[sure])


def test_a_large_matrix_makes_no_large_page() -> None:
    page = _parts(
        "input 8x8x1\nconv 3x3+1 1 -> relu -> fc 4096 -> relu -> fc 1000", [f"class {n}" for n in range(1000)]
    )
    # 125 x 512 pixels of three bytes, which base64 makes a third longer.
    assert len(page) < 125 * 512 * 3 * 4 / 3 + 20_000
    assert "4,096,000 weights" in page
    # No room for a thousand names: the first, the last, and every 200th.
    said = _texts(page)[:7]
    assert said == ["class", "class 0", "class 199", "class 399", "class 599", "class 799", "class 999"]


def test_names_cannot_reach_the_page() -> None:
    evil = ["<script>", '"&', "b"]
    page = _parts("input 8x8x1\nconv 3x3 2 -> fc 3", evil)
    assert _texts(page)[1:4] == evil
    assert "<script>" not in page
