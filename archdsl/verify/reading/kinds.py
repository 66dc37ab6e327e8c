"""What papers call a layer, in English and Chinese, and the language's word for it.

In: words as printed. Out: kinds, as `Said.kind` has them. `pool` is one of which the table does not say which.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.ops.registry import familiar, lookup
from archdsl.verify.reading.text import fold

__all__ = [
    "BLOCKS",
    "CLASSES",
    "COUNT_WORDS",
    "FILLERS",
    "NUMBERED_WORDS",
    "POOLS",
    "WEIGHTLESS",
    "kind_of",
    "labelled",
    "longest_kind",
]

_CALLED = {
    "conv": """
        conv | convolution | convolutional | conv layer | convolution layer | convolutional layer |
        convolutions | conv2d | standard conv | standard convolution | 卷积 | 卷积层 | conv1d | conv3d |
        pointwise conv | pointwise convolution | conv pw | pw conv | convolution2d | 卷积运算 | 卷积操作 |
        convolution 2d | conv 2d
    """,
    "dwconv": """
        dw | dwconv | depthwise | depthwise conv | depthwise convolution | conv dw | dw conv |
        depthwiseconv2d | depthwise conv2d | depth wise conv | convolution dw | 深度卷积 | 逐深度卷积 |
        逐通道卷积
    """,
    "sepconv": """
        depthwise separable conv | depthwise separable convolution | separable conv | separableconv2d |
        sepconv | 深度可分离卷积
    """,
    "deconv": """
        deconv | deconvolution | transposed conv | transposed convolution | conv2dtranspose | convtranspose2d |
        up conv | 转置卷积 | 反卷积
    """,
    "maxpool": """
        maxpool | max pool | max pooling | maxpooling | maxpool2d | maxpooling2d | max pooling layer |
        max pool layer | 最大池化 | 最大汇合 | 最大值池化 | 最大值汇合 | 最大池化层 | 最大汇合层 |
        maximum pooling | max pooling2d | max pooling 2d | max
    """,
    "avgpool": """
        avgpool | avg pool | average pool | average pooling | avg pooling | averagepooling | averagepooling2d |
        avgpool2d | mean pool | mean pooling | 平均池化 | 平均汇合 | 平均值池化 | 平均值汇合 | 均值池化 |
        平均池化层 | 平均汇合层 | averagepool | average pooling2d | avg | average
    """,
    "gap": """
        gap | global average pool | global average pooling | global avg pool | global avgpool |
        globalaveragepooling2d | global avg pooling | adaptiveavgpool2d | global pool | global pooling |
        globalaveragepooling | 全局平均池化 | 全局平均汇合 | 全局平均池化层 | 全局池化 | globalpool
    """,
    "gmp": """
        gmp | global max pool | global max pooling | globalmaxpooling2d | 全局最大池化 | 全局最大汇合 |
        adaptivemaxpool2d
    """,
    "pool": """
        pool | pooling | pooling layer | subsampling | sub sampling | subsample | 池化 | 汇合 | 池化层 |
        汇合层 | 下采样 | down sampling
    """,
    "fc": """
        fc | linear | fully connected | fully connected layer | full connected | full connection |
        fullyconnected | connected | connected layer | dense | inner product | innerproduct | affine | 全连接 |
        全连接层 | fc layer | dense layer | linear layer | 线性 | 线性层 | full
    """,
    "relu": """
        relu | relus | rectified linear | rectified linear unit | relu layer | 修正线性单元 | relu activation |
        relu激活
    """,
    "relu6": "relu6",
    "softmax": "softmax | soft max | softmax layer | softmax loss | softmaxwithloss | softmax classifier",
    "lrn": """
        lrn | local response normalization | local response normalisation | response normalization |
        local response norm | localrespnorm | localresponsenorm | response norm | norm | normalization |
        局部响应归一化 | 局部响应规范化 | 归一化 | 规范化 | cross channel norm
    """,
    "bn": """
        bn | batchnorm | batch norm | batch normalization | batch normalisation | batchnormalization |
        batchnorm2d | 批归一化 | 批规范化 | 批量归一化 | 批标准化 | batchnormalisation
    """,
    "ln": "layer norm | layernorm | layer normalization | 层归一化",
    "dropout": "dropout | drop out | dropout layer | 随机失活 | dropout2d | 随机丢弃",
    "flatten": "flatten | flattening | 展平 | flatten layer | 拉平",
    "concat": """
        concat | concatenate | concatenation | depthconcat | depth concat | filter concat |
        filter concatenation | 拼接 | cat
    """,
    "add": """
        add | addition | elementwise add | eltwise | eltwise sum | element wise sum | shortcut add | 相加 |
        逐元素相加
    """,
    "input": """
        input | inputs | input layer | inputlayer | data | image | input image | 输入 | 输入层 | 图像 |
        input data
    """,
    "output": "output | outputs | output layer | 输出 | 输出层",
    "sigmoid": "sigmoid | logistic",
    "tanh": "tanh | hyperbolic tangent",
    "pad": "pad | zeropadding2d | zero padding | zeropad2d",
    "upsample": "upsample | upsampling | upsampling2d | 上采样",
    "activation": "activation | 激活 | 激活层 | activation layer | 激活函数",
    "inception": "inception | inception module | inception block",
    "fire": "fire | fire module",
    "bottleneck": "bottleneck | bottleneck block | 瓶颈",
    "dense block": "dense block | denseblock | 密集块 | 稠密块",
    "transition layer": "transition layer | transition | transition block | 过渡层",
    "residual block": "residual block | residual | resblock | res block | 残差块",
    "basicblock": "basicblock | basic block",
    "inverted residual": "inverted residual | invertedresidual | inverted bottleneck | bneck",
    "identity block": "identity block",
    "mbconv": "mbconv | mobile inverted bottleneck",
}
_KINDS = {name: kind for kind, names in _CALLED.items() for name in map(fold, names.split("|"))}
_LONGEST = max(name.count(" ") + 1 for name in _KINDS)

POOLS = frozenset({"maxpool", "avgpool", "pool", "gap", "gmp", "lppool"})
WEIGHTLESS = POOLS | frozenset(
    (
        *("relu", "relu6", "softmax", "lrn", "bn", "ln", "dropout", "flatten", "concat", "add"),
        *("sigmoid", "tanh", "activation"),
    )
)
"""Kinds that have no number of filters."""
BLOCKS = frozenset(
    {"inception", "fire", "bottleneck", "dense block", "transition layer", "residual block", "inverted residual"}
)
COUNT_WORDS = frozenset(
    (
        *("d", "dim", "dims", "way", "unit", "units", "neuron", "neurons", "filter", "filters", "kernels", "maps"),
        *("channel", "channels", "output", "outputs", "feature", "features", "维", "个", "通道", "nodes", "classes"),
    )
)
"""Words and units behind a number of output channels: `1000-d`, `96 filters`."""
FILLERS = frozenset(
    (
        *("of", "the", "a", "an", "with", "and", "by", "size", "layer", "layers", "followed", "then", "to", "each"),
        *("from", "using", "per", "at", "x", "层", "inputlayer"),
    )
)
NUMBERED_WORDS = frozenset(("layer", "stage", "block", "module", "no", "层", "阶段"))
"""Words behind which a number is the layer's own."""
CLASSES = frozenset(
    ("Conv2d", "Linear", "BatchNorm2d", "ReLU", "MaxPool2d", "AvgPool2d", "Dropout", "AdaptiveAvgPool2d")
)
"""Names after which tools print `-1`, a number of the layer."""
_LABELS = {"c": "conv", "s": "pool", "f": "fc", "p": "pool"}


def longest_kind(words: Sequence[str]) -> tuple[str | None, int]:
    """The kind that the first of the words name, as many as can be, and how many they are.

    >>> longest_kind(["max", "pooling", "layer", "3"])
    ('maxpool', 3)
    """
    for count in range(min(_LONGEST, len(words)), 0, -1):
        kind = _KINDS.get(" ".join(words[:count]).replace("_", " ").lower())
        if kind:
            return kind, count
    kind = kind_of(words[0]) if words else None
    return kind, int(kind is not None)


def kind_of(word: str) -> str | None:
    """The kind that one word names, or None.

    >>> kind_of("BatchNorm2d"), kind_of("卷积层"), kind_of("maxout")
    ('bn', 'conv', 'maxout')
    """
    lower = word.lower()
    found = _KINDS.get(lower)
    if found or len(word) > 40 or not word.isascii():
        return found
    return familiar(lower) or (lower if len(lower) > 1 and lookup(lower) is not None else None)


def labelled(word: str) -> tuple[str | None, str] | None:
    """The kind and the number of a word like `conv1`, `pool2_1`, `fire9`; a stage, `conv2_x`, has no kind.

    >>> labelled("fc6"), labelled("conv2_x"), labelled("C3")
    (('fc', '6'), (None, '2_x'), ('conv', '3'))
    """
    letters = word.rstrip("0123456789_x") if not word.endswith("max") else word
    rest = word[len(letters) :]
    if not letters or not rest or not rest.lstrip("_")[:1].isdecimal():
        return None
    kind = _LABELS.get(letters.lower()) if len(letters) == 1 else longest_kind([letters.rstrip("_")])[0]
    if kind is None:
        return None
    return (None if rest.endswith("x") else kind), rest.lstrip("_")
