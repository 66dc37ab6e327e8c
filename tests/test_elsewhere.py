"""Words and habits of PyTorch, Keras, TensorFlow and Caffe: none is accepted, and each hint says what is written here.

In: texts as a newcomer types them. Out: the hints.
"""

from __future__ import annotations

from typing import Any

import pytest

from archdsl.diagnostics import Collector
from archdsl.elaborate import Request, Workspace
from archdsl.elaborate.recipe_elsewhere import _WORDS as _RECIPE_WORDS
from archdsl.elaborate.recipe_init import DISTRIBUTIONS
from archdsl.elaborate.recipe_learning import LOSSES, OPTIMIZERS, SCHEDULES
from archdsl.elaborate.recipe_settings import SETTINGS, Augment, Clip, EarlyStopping, Lookahead
from archdsl.ops import registry
from archdsl.ops.elsewhere import _ARGUMENTS, _WHOLE, _WORDS


def _hints(line: str, size: str = "32x32x4") -> list[str]:
    found = Collector()
    Workspace.text(f"input {size}\n{line}", found).network(Request(), found)
    assert found.failed
    return [each.hint for each in found.sorted()]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        # PyTorch's classes
        *(("Conv2d", "conv"), ("ConvTranspose2d", "deconv"), ("Linear", "fc"), ("BatchNorm2d", "bn")),
        *(("MaxPool2d", "maxpool"), ("AvgPool2d", "avgpool"), ("AdaptiveAvgPool2d", "adaptive_avgpool")),
        *(("LeakyReLU", "leaky_relu"), ("Hardswish", "hardswish"), ("Dropout2d", "drop_channel"), ("Identity", "id")),
        *(("MultiheadAttention", "attention"), ("PixelShuffle", "pixel_shuffle"), ("InstanceNorm2d", "instance_norm")),
        *(("ShiftedWindowAttention", "window_attention"), ("PatchMerging", "patch_merge")),
        # Keras's layers
        *(("Conv2D", "conv"), ("Dense", "fc"), ("MaxPooling2D", "maxpool"), ("GlobalAveragePooling2D", "gap")),
        *(("GlobalMaxPooling1D", "gmp"), ("BatchNormalization", "bn"), ("LayerNormalization", "ln")),
        *(("DepthwiseConv2D", "dwconv"), ("SeparableConv2D", "separable"), ("Conv2DTranspose", "deconv")),
        *(("ZeroPadding2D", "pad"), ("UpSampling2D", "upsample"), ("SpatialDropout2D", "drop_channel")),
        *(("Concatenate", "concat"), ("Embedding", "embed"), ("Flatten", "flatten"), ("ELU", "elu")),
        # Caffe's layers
        *(("InnerProduct", "fc"), ("Convolution", "conv"), ("Pooling", "maxpool"), ("Eltwise", "add"), ("LRN", "lrn")),
    ],
)
def test_names_of_layers(word: str, meant: str) -> None:
    assert _hints(f"relu -> {word} -> relu") == [f"did you mean `{meant}`?"]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("conv 3x3 8 stride=2", "kernel, stride and padding are written as one: conv 3x3/2 8"),
        ("attention 2 is_causal=true", "did you mean `causal`?"),
        ("window_attention 2 window_size=7", "did you mean `window`?"),
        ("maxpool 2 ceil=no", "did you mean `false`?"),
        ("maxpool 2 ceil=on", "did you mean `true`?"),
        ("conv 3x3 8 bias=False", "did you mean `false`?"),
        ("conv 3x3 8 connect=None", "nothing is what is meant where nothing is written: leave it out"),
        ("maxpool 2 strides=2", "kernel, stride and padding are written as one: maxpool 2/2"),
        ("maxpool 2x2 stride 2", "kernel, stride and padding are written as one: maxpool 3x3/2+1"),
        ("conv 3x3 8 padding=same", "write the word alone: same"),
        ('conv 3x3 8 padding="SAME"', "write the word alone: same"),
        ("conv 3x3 8 padding=valid", "no padding is what is meant where none is written: leave it out"),
        ("conv 3x3 8 VALID", "no padding is what is meant where none is written: leave it out"),
        ("conv 3x3 8 SAME", "did you mean `same`?"),
        ('conv 3x3 8 "same"', "write the word alone: same"),
        ("conv 3x3 8 activation=relu", "an activation is a layer of its own: -> relu"),
        ("conv 3x3 8 in_channels=4", "what enters is known from the layer before: leave it out"),
        ("conv 3x3 out_channels=8", "write 8 alone, it is `filters`"),
        ("conv 3x3 8 use_bias=false", "did you mean `bias`?"),
        ("fc num_output=10", "write 10 alone, it is `units`"),
        ("dropout rate=0.5", "write 0.5 alone, it is `p`"),
        ("leaky_relu negative_slope=0.2", "write 0.2 alone, it is `slope`"),
        ("bn epsilon=1e-3", "did you mean `eps`?"),
        ("conv 3x3 4 8", "a window is one word, 3x3, and the channels that enter are known"),
        ("conv 64 3x3", "the window comes first: write conv 3x3"),
        ("conv 64 3x3/2+1", "the window comes first: write conv 3x3/2+1"),
        ("conv 3x3 8 s2", "stride and padding stand at the window: 3x3/2"),
        ("conv 3x3 p1 8", "stride and padding stand at the window: 3x3+1"),
        ("conv3x3 8", "the window is an argument: write conv 3x3"),
        ("relu -> MaxPool3x3", "the window is an argument: write maxpool 3x3"),
        ("relu -> activation relu", "each activation is an op: relu, sigmoid, softmax"),
        ("relu -> LSTM 64", "recurrent layers are not in the language"),
        # PyTorch's and Keras's three numbers mean different things, so the signature is all that can be said.
        ("conv(4, 8, 3)", "after a space, conv K[/S][+P] filters"),
        ("conv 3x3 8 padding=1", "written as one: conv 3x3+1 8"),
        ("conv 3x3 8 stride=2 padding=1 groups=2", "written as one: conv 3x3/2+1 8 groups=2"),
        ("conv 3x3 8 kernel_size=3", "written as one: conv 3x3 8"),
        ("conv 3x3 8 kernel_size=5", "written as one: conv 3x3/2+1"),
        ("conv 8 kernel_size=(3, 3) strides=2", "written as one: conv 3x3/2 8"),
        ("maxpool 3 stride=1", "written as one: maxpool 3/1"),
        ("conv(8, 3)", "written `conv 3 8`"),
        ("conv(8, 3, padding=1)", "written `conv 3+1 8`"),
        ('conv(8, (3, 3), padding="same", dilation=2)', "written `conv 3x3 8 same dilation=2`"),
        ("conv(8, kernel_size=5, strides=1)", "written `conv 5 8`"),
        ("maxpool(3, stride=2, padding=1)", "written `maxpool 3/2+1`"),
        ("maxpool(2, 2)", "written `maxpool 2/2`"),
        ("fc 10 -> softmax()", "write softmax alone: what enters a layer needs no brackets"),
        ("residual(conv 3x3+1 4)", "written `residual<conv 3x3+1 4>`"),
        ("relu @a -> tanh @b -> concat(a, b)", "`a` is a label: write `@a`"),
        ("conv 3x3x8", "the window and `filters` are two words: write conv 3x3 8"),
        ("conv 3x3/2+1x64", "the window and `filters` are two words: write conv 3x3/2+1 64"),
        ("conv 3x3x3", "write: conv K[/S][+P] filters"),
        ("conv 3x3x4 8", "a kernel is told without the channels that enter, which are known: 3x3"),
        ("relu * 3", "a repeat is written behind: x3"),
        ("3 * relu", "a repeat is written behind: x3"),
        ("conv 3x3 8 * 3", "write (8*3), or x3 where a repeat is meant"),
        ("relu // the first", "write # the first"),
        ("relu // first", "a comment starts with `#`"),
        ("fc(10)", "`fc 10`"),
        ("relu\nbn", "to go on with the chain above, begin the line with `->`"),
        ("relu > bn", "layers are joined by `->`"),
        ("conv 1x1 4 -> select -1", "a number below zero stands in parentheses: select (-1)"),
        ("(relu -> bn) * 3", "a repeat is written behind: x3"),
        ("[relu, bn] -> concat", "branches: concat<a | b>"),
        ("default Conv2d bias=false\nrelu", "did you mean `conv`?"),
    ],
)
def test_habits(line: str, hint: str) -> None:
    assert any(hint in given for given in _hints(line)), _hints(line)


def test_a_picture_without_channels() -> None:
    (hint,) = _hints("conv 3x3 8", "32x32")
    assert "a picture has channels too: input 28x28x1" in hint


def test_a_picture_told_by_its_side() -> None:
    (hint,) = _hints("conv 3x3 8", "224")
    assert hint == "this input is a vector of 224; an image is input 224x224x3, a sequence input 16x64"


def test_tabs_are_spaces() -> None:
    found = Collector()
    made = Workspace.text("input 8x8x4\n\tconv\t3x3 8 ->\n\trelu", found).network(Request(), found)
    assert made is not None
    assert [node.call for node in made.graph.nodes] == ["input 8x8x4", "conv 3x3 8", "relu"]


def test_an_own_name_goes_before_a_hint() -> None:
    found = Collector()
    Workspace.text("input 8x8x4\nblock Dense<n> = fc n -> relu\nDense<3>", found).network(Request(), found)
    assert not found.failed


def test_every_word_that_is_meant_exists() -> None:
    words = {"id", "dwconv", "separable", "se"}  # a word of the language, and standard blocks
    assert {word for word in (*_WORDS, *_WHOLE.values()) if registry.lookup(word) is None} <= words
    arguments = {name for op in registry.all_ops() for name in op.arguments}
    assert set(_ARGUMENTS) <= arguments
    # A word that is an op's own is never explained away.
    others = {other for rest in _WORDS.values() for other in rest.split()}
    assert not others & set(registry.names())


def test_every_word_of_a_recipe_that_is_meant_exists() -> None:
    kinds: list[Any] = [kind for table in (OPTIMIZERS, SCHEDULES, LOSSES, DISTRIBUTIONS) for kind in table.values()]
    kinds += [Augment, Clip, EarlyStopping, Lookahead]
    options = {name for kind in kinds for name in kind.options}
    known = {*SETTINGS, *OPTIMIZERS, *SCHEDULES, *LOSSES, *DISTRIBUTIONS, *options}
    assert set(_RECIPE_WORDS) <= known
    others = [other for rest in _RECIPE_WORDS.values() for other in rest.split()]
    assert len(others) == len(set(others))
