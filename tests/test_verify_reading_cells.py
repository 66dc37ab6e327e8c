"""Every printing habit of figures, sizes and layers, read as the exact value that a person reads in it.

In: texts as papers print them. Out: the values, stated by hand beside each.
"""

from __future__ import annotations

import doctest
import pkgutil
from decimal import Decimal
from importlib import import_module
from time import perf_counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archdsl.verify import reading
from archdsl.verify.reading.numbers import NotANumber, figure
from archdsl.verify.reading.phrases import NoLayers, layers
from archdsl.verify.reading.sizes import NotASize, size
from archdsl.verify.table import Group, Number, Said

# ---------------------------------------------------------------- figures

_FIGURES = [
    # text, digits, one unit of the last printed digit, thousands
    ("2.7K", "2.7", "0.1", 1),
    ("159K", "159", "1", 1),
    ("159 k", "159", "1", 1),
    ("112M", "112", "1", 2),
    ("1072K", "1072", "1", 1),
    ("1.2B", "1.2", "0.1", 3),
    ("4.09 G", "4.09", "0.01", 3),
    ("3.8×10^9", "3800000000", "100000000", 0),
    ("3.8x10^9", "3800000000", "100000000", 0),
    ("3.8 × 10^{9}", "3800000000", "100000000", 0),
    ("3.8*10^9", "3800000000", "100000000", 0),
    ("11.3×10⁹", "11300000000", "100000000", 0),
    ("25.6e6", "25600000", "100000", 0),
    ("1E3", "1000", "1000", 0),
    ("1,248,424", "1248424", "1", 0),
    ("1 248 424", "1248424", "1", 0),
    ("1\u202f248\u00a0424", "1248424", "1", 0),
    ("1_248_424", "1248424", "1", 0),
    ("1'248'424", "1248424", "1", 0),
    ("1.248.424", "1248424", "1", 0),
    ("１３８", "138", "1", 0),
    ("0.5 million", "0.5", "0.1", 2),
    ("61.1 million", "61.1", "0.1", 2),
    ("61.1 million parameters", "61.1", "0.1", 2),
    ("138M params", "138", "1", 2),
    ("15.5 GFLOPs", "15.5", "0.1", 3),
    ("600 M MACs", "600", "1", 2),
    ("0.34 billion", "0.34", "0.01", 3),
    ("6千", "6", "1", 1),
    ("1.3亿", "130000000", "10000000", 0),
    ("6万", "60000", "10000", 0),
    ("138M*", "138", "1", 2),
    ("60M†", "60", "1", 2),
    (".5M", "0.5", "0.1", 2),
    ("0", "0", "1", 0),
    ("34944", "34944", "1", 0),
    ("11 weight layers", "11", "1", 0),
]


@pytest.mark.parametrize(("text", "digits", "last", "power"), _FIGURES, ids=[row[0] for row in _FIGURES])
def test_a_figure_is_read_exactly(text: str, digits: str, last: str, power: int) -> None:
    number = figure(text).number
    assert (number.digits, number.last, number.power) == (Decimal(digits), Decimal(last), power)
    assert number.text == text
    assert not number.about


@pytest.mark.parametrize("text", ["~60,000", "≈ 60,000", "about 60,000", "约60,000", "approx. 60,000"])
def test_a_figure_may_be_about(text: str) -> None:
    assert figure(text).number == Number(text, Decimal(60_000), Decimal(1), 0, about=True)


@pytest.mark.parametrize(
    ("text", "counted"),
    [("11 weight layers", "depth"), ("138M params", "params"), ("600M mult-adds", "ops"), ("512 bytes", "memory")],
)
def test_a_figure_may_say_what_it_counts(text: str, counted: str) -> None:
    assert figure(text).counted == counted


def test_units_of_memory_are_of_bytes() -> None:
    assert figure("1.2B").number.power == 3
    assert figure("512B", memory=True).number.power == 0
    assert figure("233 MB", memory=True).number.power == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "7x7",
        "conv",
        "2,7",
        "1,24",
        "12,3456",
        "1e999999",
        "1e99",
        "9" * 40,
        "1.2-1.5M",
        "3 ± 1",
        "1.2.3",
        "12 apples",
    ],
)
def test_what_is_no_figure_is_none(text: str) -> None:
    with pytest.raises(NotANumber, match=r"\w"):
        figure(text)


# ---------------------------------------------------------------- sizes

_SIZES = [
    ("55×55×96", (55, 55, 96), "last"),
    ("55x55x96", (55, 55, 96), "last"),
    ("55 X 55 * 96", (55, 55, 96), "last"),
    ("55×55", (55, 55), "open"),
    ("55 x 55", (55, 55), "open"),
    ("224", (224,), "open"),
    ("224²×3", (224, 224, 3), "last"),
    ("112^2 × 32", (112, 112, 32), "last"),
    ("96@55x55", (96, 55, 55), "first"),
    ("6 @ 28×28", (6, 28, 28), "first"),
    ("(55, 55, 96)", (55, 55, 96), "last"),
    ("3x224x224", (3, 224, 224), "first"),
    ("[-1, 96, 55, 55]", (96, 55, 55), "first"),
    ("[-1, 4096]", (4096,), "open"),
    ("(None, 112, 112, 64)", (112, 112, 64), "last"),
    ("[(None, 224, 224, 3)]", (224, 224, 3), "last"),
    ("(None, 1000)", (1000,), "open"),
    ("(?, 7, 7, 512)", (7, 7, 512), "last"),
    ("1x1xC", (1, 1, "C"), "last"),
    ("1×1×1000", (1, 1, 1000), "last"),
    ("7x7x7", (7, 7, 7), "open"),
    ("16x112x112x64", (16, 112, 112, 64), "open"),
    ("224 × 224 RGB image", (224, 224, 3), "last"),
    ("１１２×１１２", (112, 112), "open"),
]


@pytest.mark.parametrize(("text", "parts", "order"), _SIZES, ids=[row[0] for row in _SIZES])
def test_a_size_is_read_exactly(text: str, parts: tuple[int | str, ...], order: str) -> None:
    found = size(text)
    assert (found.text, found.parts, found.order) == (text, parts, order)


@pytest.mark.parametrize(
    "text", ["", "conv", "C", "55x", "x55", "1,248,424", "(None, None, None, 3)", "1x1x1x1x1x1x1", "9" * 20]
)
def test_what_is_no_size_is_none(text: str) -> None:
    with pytest.raises(NotASize, match=r"\w"):
        size(text)


# ---------------------------------------------------------------- layers


def _bare(items: tuple[Said | Group, ...]) -> tuple[object, ...]:
    """The layers without their texts."""
    return tuple(
        (_bare(one.items), one.times)
        if isinstance(one, Group)
        else {
            name: getattr(one, name)
            for name in ("kind", "label", "kernel", "stride", "padding", "filters", "groups", "same", "rate", "extra")
            if getattr(one, name) not in (None, False, ())
        }
        for one in items
    )


_C3_64 = {"kernel": (3, 3), "filters": 64}
_CONV64 = {"kind": "conv", "kernel": (3,), "filters": 64}
_LAYERS: list[tuple[str, list[object]]] = [
    ("7×7, 64, stride 2", [{"kernel": (7, 7), "filters": 64, "stride": (2,)}]),
    ("7x7/2", [{"kernel": (7, 7), "stride": (2,)}]),
    ("3x3 conv, 64, stride 2, pad 1", [{"kind": "conv", **_C3_64, "stride": (2,), "padding": (1,)}]),
    ("conv3-64", [_CONV64]),
    ("conv1-256", [{"kind": "conv", "kernel": (1,), "filters": 256}]),
    ("conv3-64 LRN", [_CONV64, {"kind": "lrn"}]),
    ("conv3-64 conv3-64", [_CONV64, _CONV64]),
    ("FC-4096", [{"kind": "fc", "filters": 4096}]),
    ("fc1000", [{"kind": "fc", "filters": 1000}]),
    ("soft-max", [{"kind": "softmax"}]),
    ("[3×3, 64; 3×3, 64] ×2", [((_C3_64, _C3_64), 2)]),
    ("[3x3, 64; 3x3, 64] x 2", [((_C3_64, _C3_64), 2)]),
    ("2 × [3×3, 64; 3×3, 64]", [((_C3_64, _C3_64), 2)]),
    ("(3×3, 64) × 2", [((_C3_64,), 2)]),
    ("conv3-64 ×2", [((_CONV64,), 2)]),
    ("2 x conv3-64", [((_CONV64,), 2)]),
    (
        "3x3 max pool, stride 2; [3x3, 64; 3x3, 64] x2",
        [{"kind": "maxpool", "kernel": (3, 3), "stride": (2,)}, ((_C3_64, _C3_64), 2)],
    ),
    (
        "[1×1 conv; 3×3 conv] × 6",
        [(({"kind": "conv", "kernel": (1, 1)}, {"kind": "conv", "kernel": (3, 3)}), 6)],
    ),
    ("[[3x3, 64] x2; 1x1, 128] x3", [((((_C3_64,), 2), {"kernel": (1, 1), "filters": 128}), 3)]),
    ("average pool, 1000-d fc, softmax", [{"kind": "avgpool"}, {"kind": "fc", "filters": 1000}, {"kind": "softmax"}]),
    (
        "11x11 conv, 96, /4, pool/2",
        [{"kind": "conv", "kernel": (11, 11), "filters": 96, "stride": (4,)}, {"kind": "pool", "stride": (2,)}],
    ),
    ("f=11; s=4; p=2; d=C", [{"kernel": (11,), "stride": (4,), "padding": (2,), "filters": "C"}]),
    ("f=11, s=4, d=96", [{"kernel": (11,), "stride": (4,), "filters": 96}]),
    ("Conv dw / s2", [{"kind": "dwconv", "stride": (2,)}]),
    ("Conv / s2", [{"kind": "conv", "stride": (2,)}]),
    ("3 × 3 × 32 dw", [{"kind": "dwconv", "kernel": (3, 3, 32)}]),
    ("3×3×3×32", [{"kernel": (3, 3), "filters": 32, "extra": (("in", "3"),)}]),
    ("dropout (40%)", [{"kind": "dropout", "rate": Decimal("0.4")}]),
    ("dropout 0.5", [{"kind": "dropout", "rate": Decimal("0.5")}]),
    ("avg pool", [{"kind": "avgpool"}]),
    ("max pool", [{"kind": "maxpool"}]),
    ("global average pooling", [{"kind": "gap"}]),
    ("7 × 7 global average pool", [{"kind": "gap", "kernel": (7, 7)}]),
    ("linear", [{"kind": "fc"}]),
    ("1000D fully-connected, softmax", [{"kind": "fc", "filters": 1000}, {"kind": "softmax"}]),
    ("inception (3a)", [{"kind": "inception", "label": "3a"}]),
    ("inception (4d)", [{"kind": "inception", "label": "4d"}]),
    ("Dense Block (1)", [{"kind": "dense block", "label": "1"}]),
    ("bneck, 3x3", [{"kind": "inverted residual", "kernel": (3, 3)}]),
    ("fire2", [{"kind": "fire", "label": "fire2"}]),
    ("conv1", [{"kind": "conv", "label": "conv1"}]),
    ("conv2_x", [{"label": "conv2_x"}]),
    ("fc6", [{"kind": "fc", "label": "fc6"}]),
    ("C3", [{"kind": "conv", "label": "C3"}]),
    ("7x7/2 (x96)", [{"kernel": (7, 7), "stride": (2,), "filters": 96}]),
    ("96 11x11 filters", [{"kernel": (11, 11), "filters": 96, "extra": (("said", "filters"),)}]),
    ("64@5x5", [{"kernel": (5, 5), "filters": 64}]),
    ("3x3, 128, C=32", [{"kernel": (3, 3), "filters": 128, "groups": 32}]),
    ("fc, [16, 256]", [{"kind": "fc", "filters": 16}, {"kind": "fc", "filters": 256}]),
    ("3x3, 16×k", [{"kernel": (3, 3), "filters": "16×k"}]),
    ("conv 3x3, stride (2, 2), same padding", [{"kind": "conv", "kernel": (3, 3), "stride": (2, 2), "same": True}]),
    ("3x3, 64, BN, ReLU", [_C3_64, {"kind": "bn"}, {"kind": "relu"}]),
    ("conv/relu", [{"kind": "conv"}, {"kind": "relu"}]),
    ("Conv1x1 & Pooling & FC", [{"kind": "conv", "kernel": (1, 1)}, {"kind": "pool"}, {"kind": "fc"}]),
    ("conv2d_1 (Conv2D)", [{"kind": "conv", "label": "conv2d_1"}]),
    ("max_pooling2d (MaxPooling2D)", [{"kind": "maxpool", "label": "max_pooling2d"}]),
    ("├─Conv2d: 2-1", [{"kind": "conv", "label": "2-1"}]),
    ("Linear-20", [{"kind": "fc", "label": "Linear-20"}]),
    ("卷积", [{"kind": "conv"}]),
    ("池化", [{"kind": "pool"}]),
    ("全连接层", [{"kind": "fc"}]),
    ("最大池化", [{"kind": "maxpool"}]),
    ("最大值汇合", [{"kind": "maxpool"}]),
    ("平均汇合", [{"kind": "avgpool"}]),
    ("随机失活", [{"kind": "dropout"}]),
]


@pytest.mark.parametrize(("text", "said"), _LAYERS, ids=[text for text, _ in _LAYERS])
def test_layers_are_read_exactly(text: str, said: list[object]) -> None:
    assert list(_bare(layers(text, {}))) == said


def test_arguments_mean_what_their_kind_makes_of_them() -> None:
    """Wei's `d` is the number of filters of a conv and the rate of a dropout; `k` and `n` of an lrn are its own."""
    assert _bare(layers("d=0.5", {}, "dropout")) == ({"kind": "dropout", "rate": Decimal("0.5")},)
    assert _bare(layers("d=96", {}, "conv")) == ({"kind": "conv", "filters": 96},)
    extra = (("k", "2"), ("n", "5"), ("a", "1e-4"), ("b", "0.75"))
    assert _bare(layers("k=2; n=5; a=1e-4; b=0.75", {}, "lrn")) == ({"kind": "lrn", "extra": extra},)


def test_a_letter_says_how_often_where_it_has_a_value() -> None:
    assert _bare(layers("[3x3, 64] x N", {"N": 4})) == (((_C3_64,), 4),)
    with pytest.raises(NoLayers, match="`N`"):
        layers("[3x3, 64] x N", {})


@pytest.mark.parametrize(
    "text",
    ["", "]", "[", "[]", "conv [", "[conv)", "[" * 30 + "conv" + "]" * 30, "[conv] x 0", "[conv] x 9999999", "a="],
)
def test_what_names_no_layer_is_none(text: str) -> None:
    with pytest.raises(NoLayers, match=r"\w"):
        layers(text, {})


def test_a_layer_keeps_the_text_that_said_it() -> None:
    said = layers("conv3-64 LRN", {})
    assert [one.text for one in said if isinstance(one, Said)] == ["conv3-64", "LRN"]


# ---------------------------------------------------------------- hostile cells

_PIECES = [
    *("[", "]", "(", ")", "x", "×", "3", "64", ",", ";", "/", "=", "conv", "a=", "@", "%", "-", ".", "e", "^", " "),
    *("²", "1e9", "max pool", "\u0660", "①", "k"),
]


@pytest.mark.parametrize("piece", _PIECES)
def test_long_cells_take_no_time(piece: str) -> None:
    """10,000 characters; a quadratic reader takes a hundred times as long as for 1,000."""
    text = piece * (10_000 // len(piece))
    start = perf_counter()
    for read in (figure, size, lambda cell: layers(cell, {})):
        try:
            read(text)
        except (NotANumber, NotASize, NoLayers):
            continue
    assert perf_counter() - start < 2


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join) | st.text(max_size=20))
def test_no_cell_is_a_traceback(text: str) -> None:
    for read in (figure, size, lambda cell: layers(cell, {"N": 2})):
        try:
            read(text)
        except (NotANumber, NotASize, NoLayers):
            continue


def test_the_examples_in_docstrings_hold() -> None:
    tried = 0
    for module in pkgutil.iter_modules(reading.__path__):
        result = doctest.testmod(import_module(f"{reading.__name__}.{module.name}"))
        assert not result.failed, module.name
        tried += result.attempted
    assert tried > 15
