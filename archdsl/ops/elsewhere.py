"""What PyTorch, Keras, TensorFlow and Caffe call the ops and their arguments.

In: a word that is unknown here. Out: the word or the writing that was meant, for a hint; nothing is accepted by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from archdsl.ops.base import Op

__all__ = ["argument_elsewhere", "op_elsewhere", "plain", "rewritten", "surplus_hint", "word_hint"]

_WORDS: Final = {
    "conv": "convolution convolutional convlayer",
    "deconv": "deconvolution convtranspose conv2dtranspose transposedconv transposedconvolution upconv",
    "deform_conv": "deformableconv deformableconvolution",
    "dwconv": "depthwise depthwiseconv depthwiseconvolution convolutiondepthwise",
    "separable": "separableconv sepconv depthwiseseparableconv",
    "fc": "linear dense fullyconnected innerproduct affine denselayer",
    "bn": "batchnorm batchnormalization spatialbatchnormalization syncbatchnorm",
    "ln": "layernorm layernormalization",
    "gn": "groupnorm groupnormalization",
    "instance_norm": "instancenormalization",
    "lrn": "localresponsenorm localresponsenormalization crossmaplrn",
    "maxpool": "maxpooling pooling pool",
    "avgpool": "avgpooling averagepooling averagepool meanpool meanpooling",
    "gap": "globalavgpool globalaveragepooling globalaveragepool globalavgpooling globalpool globalpooling",
    "gmp": "globalmaxpool globalmaxpooling",
    "adaptive_avgpool": "adaptiveaveragepooling adaptiveavgpooling",
    "silu": "swish",
    "leaky_relu": "lrelu",
    "hardswish": "hswish",
    "hardsigmoid": "hsigmoid",
    "concat": "cat concatenate concatenation",
    "mul": "multiply",
    "add": "addition eltwise elementwiseadd",
    "mean": "average",
    "embed": "embedding",
    "position": "positionalembedding positionembedding positionembeddings",
    "token": "clstoken classtoken",
    "attention": "multiheadattention selfattention mha causalselfattention",
    "window_attention": "windowattention shiftedwindowattention windowedattention wmsa swmsa",
    "patch_merge": "patchmerging patchmerge",
    "dropout": "drop",
    "drop_path": "stochasticdepth",
    "drop_channel": "spatialdropout featuredropout",
    "pad": "zeropadding zeropad reflectionpad replicationpad",
    "crop": "cropping centercrop",
    "upsample": "upsampling interpolate resize",
    "shuffle": "channelshuffle",
    "pixel_shuffle": "depthtospace subpixel",
    "pixel_unshuffle": "spacetodepth",
    "permute": "transpose",
    "id": "identity",
    "se": "squeezeexcitation squeezeexcite selayer",
}
_MEANT: Final = {other: word for word, others in _WORDS.items() for other in others.split()}
_RECURRENT: Final = "recurrent layers are not in the language; `archdsl ops` lists what is"
_UNPOOLED: Final = "no layer puts values back where a pool found them; upsample 2 and deconv 2/2 64 lead up, too"
_SAMPLED: Final = "no layer draws values from a distribution, as a variational autoencoder does"
_TRUTHS: Final = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_NOTES: Final = {
    "none": "nothing is what is meant where nothing is written: leave it out",
    "last": "the last position of a sequence is select (-1), the last of a list xs[-1], of tensors @a[-1]",
    "activation": "each activation is an op: relu, sigmoid, softmax",
    "nonlinearity": "each activation is an op: relu, sigmoid, softmax",
    **dict.fromkeys(("maxunpool", "unpool", "unpooling", "maxunpooling"), _UNPOOLED),
    **dict.fromkeys(("sample", "sampling", "reparameterize", "reparametrize"), _SAMPLED),
    **dict.fromkeys(("lstm", "gru", "rnn", "simplernn"), _RECURRENT),
}
_WHOLE: Final = {"dropout1d": "drop_channel", "dropout2d": "drop_channel", "dropout3d": "drop_channel"}
"""Names whose dimensions mean more than the rank: PyTorch's drop whole channels."""
_SIZED: Final = re.compile(r"([A-Za-z_]+?)_?(\d{1,3}x\d{1,3})")

_KERNEL: Final = ("kernel", "kernel_size", "kernels", "ksize", "k", "pool_size", "filter_size", "size", "window")
_STRIDE: Final = ("stride", "strides", "s")
_PADDING: Final = ("padding", "pad", "pads", "p")
_WINDOW: Final = frozenset((*_KERNEL, *_STRIDE, *_PADDING))
_ACTIVATION: Final = frozenset({"activation", "act", "nonlinearity", "activation_fn"})
_ENTERING: Final = frozenset({"in_channels", "in_features", "input_shape", "input_dim", "input_size", "num_features"})
_ARGUMENTS: Final = {
    "filters": "out_channels channels num_filters num_output outputs out units features",
    "units": "out_features num_output outputs out neurons filters features",
    "bias": "use_bias bias_term",
    "p": "rate prob drop_prob dropout_ratio",
    "slope": "alpha negative_slope",
    "heads": "num_heads n_heads n_head",
    "causal": "is_causal use_causal_mask",
    "window": "window_size",
    "shift": "shift_size",
    "groups": "num_groups group",
    "dilation": "dilation_rate dilations",
    "eps": "epsilon",
    "size": "local_size n",
    "vocab": "num_embeddings input_dim",
    "dim": "embedding_dim output_dim",
    "scale": "scale_factor",
}


def plain(name: str) -> str:
    """A name without capitals, `_` and dimensions.

    >>> plain("AdaptiveAvgPool2d")
    'adaptiveavgpool'
    """
    return re.sub(r"[123]d$", "", name.lower().replace("_", ""))


def op_elsewhere(name: str) -> str | None:
    """The word here for what others call an op by another, or None.

    >>> op_elsewhere("MaxPooling2D")
    'maxpool'
    """
    lower = name.lower().replace("_", "")
    return _WHOLE.get(lower) or _MEANT.get(lower) or _MEANT.get(plain(name))


def word_hint(name: str, meant: str | None) -> str:
    """What to write for an unknown word, or nothing: `conv3x3 64` is `conv 3x3 64`.

    >>> word_hint("conv3x3", None)
    'the window is an argument: write conv 3x3'
    """
    if note := _NOTES.get(name.lower()) or _NOTES.get(plain(name)):
        return note
    if re.fullmatch(r"[sp]\d{1,3}", name):
        return f"stride and padding stand at the window: 3x3{'/' if name[0] == 's' else '+'}{name[1:]}"
    sized = _SIZED.fullmatch(name)
    if sized and _is_windowed(sized[1].lower()):
        return f"the window is an argument: write {sized[1].lower()} {sized[2]}"
    meant = _TRUTHS.get(name.lower(), meant)
    return f"did you mean `{meant}`?" if meant else ""


def _is_windowed(word: str) -> bool:
    from archdsl.ops.registry import lookup

    kind = lookup(word)
    return kind is not None and any(arg.kind == "window" for arg in kind.arguments.values())


def argument_elsewhere(kind: type[Op], name: str, value: str, whole: str = "") -> str:
    """How an argument of others' is written here, as a hint; nothing where there is none. `whole` is the layer as it
    should be written, where that is known.

    >>> argument_elsewhere(conv, "stride", "2", "conv 5x5/2 64")
    'kernel, stride and padding are written as one: conv 5x5/2 64'
    """
    windowed = any(arg.kind == "window" for arg in kind.arguments.values())
    flags = [arg.name for arg in kind.arguments.values() if arg.kind == "flag"]
    word = value.strip("\"'").lower()
    if name in _WINDOW and windowed:
        if word in flags:
            return f"write the word alone: {word}"
        if word == "valid":
            return "no padding is what is meant where none is written: leave it out"
        return f"kernel, stride and padding are written as one: {whole or f'{kind.name} 3x3/2+1'}"
    if name in _ACTIVATION:
        return "an activation is a layer of its own: -> relu"
    if name in _ENTERING and name not in _ARGUMENTS.get("vocab", "").split():
        return "what enters is known from the layer before: leave it out"
    meant = next((own for own in kind.arguments if name in _ARGUMENTS.get(own, "").split()), None)
    if meant is None:
        return ""
    positional = kind.arguments[meant].kind == "positional"
    return f"write {value} alone, it is `{meant}`" if positional else f"did you mean `{meant}`?"


def surplus_hint(kind: type[Op], text: str) -> str:
    """What may have been meant by a value too many, the text of a string or a number: `conv 3x3 3 64`, or nothing."""
    if text.lower() in [arg.name for arg in kind.arguments.values() if arg.kind == "flag"]:
        return f"write the word alone: {text.lower()}; "
    if not text and "filters" in kind.arguments:
        return "a window is one word, 3x3, and the channels that enter are known; "
    return ""


def rewritten(kind: type[Op], values: Sequence[str], named: Mapping[str, str], *, called: bool = False) -> str:
    """A whole layer as it is written here, from the texts of its bare values and its named ones; nothing where it is
    not plain what they mean. `called`: the values stand in parentheses, in the order of others.

    >>> rewritten(conv, ["3x3", "64"], {"stride": "2", "padding": "1"})
    'conv 3x3/2+1 64'
    >>> rewritten(conv, ["64", "3"], {}, called=True)
    'conv 3 64'
    """
    given = [_size(value) for value in values]
    left = {name: _size(value) for name, value in named.items()}
    if not any(arg.kind == "window" for arg in kind.arguments.values()):
        words = [*given, *(f"{name}={value}" for name, value in left.items())]
        return " ".join((kind.name, *words)) if set(left) <= set(kind.arguments) else ""
    own = _ARGUMENTS["filters"].split() if "filters" in kind.arguments else []
    kernel, stride, padding, filters = (_take(left, names) for names in (_KERNEL, _STRIDE, _PADDING, ("filters", *own)))
    if called and given and given[0].isdigit() and own:
        given = given[1::-1] if len(given) == 2 else [kernel, *given] if kernel and len(given) == 1 else []
    elif called and not own and len(given) > 1:
        given, stride = given[:1], stride or given[1] if len(given) == 2 else ""
    elif kernel and (not given or len(given) == bool(own) > bool(filters)):
        given.insert(0, kernel)
    elif kernel and given[0] not in (kernel, f"{kernel}x{kernel}"):
        return ""
    given += [filters] if filters else []
    if len(given) != 1 + bool(own) or not set(left) <= set(kind.arguments) or not _SIMPLE.fullmatch(" ".join(given)):
        return ""
    word = padding.strip("\"'").lower()
    tail = [word] if word == "same" else []
    padding = "" if word in ("same", "valid", "0") else padding
    stride = "" if own and stride == "1" else stride
    window = given[0] + (stride and f"/{stride}") + (padding and f"+{padding}")
    return " ".join((kind.name, window, *given[1:], *tail, *(f"{name}={value}" for name, value in left.items())))


_SIMPLE: Final = re.compile(r"\w+( \w+)*")


def _take(named: dict[str, str], names: Iterable[str]) -> str:
    return next((named.pop(name) for name in names if name in named), "")


def _size(text: str) -> str:
    """`(3, 3)` as `3x3`; anything else as it is."""
    return "x".join(re.findall(r"\d+", text)) if re.fullmatch(r"[(\[]\s*\d+(\s*,\s*\d+)+\s*,?\s*[)\]]", text) else text
