"""What papers call their columns, in English and Chinese.

In: a header as printed. Out: the role that it names, what it is of, and the thousands that it says its numbers are in.
Whether the values agree is left to `columns.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from archdsl.verify.reading.numbers import power_of
from archdsl.verify.reading.text import fold, plain
from archdsl.verify.table import Role

__all__ = ["Header", "header", "key"]

_CALLED: dict[Role, str] = {
    "index": """
        index | # | no | nr | id | idx | number | row | 编号 | 序号 | 层号 | layer no | layer # |
        layer number | 层数编号 | 行号
    """,
    "layer": """
        layer | layers | type | operation | operator | layer name | layer type | name | op | module | block |
        stage | layer type depth idx | type stride | component | unit | group name | group | layers name |
        layer name type | 层 | 层名 | 层名称 | 操作 | 类型 | 名称 | 操作类型 |
        网络层 | 层类型 | 模块 | 算子 | 阶段 | 结构 | 层 类型 | layer block | block name | stage name |
        convnet configuration | quantity
    """,
    "arguments": """
        activation | activation function | nonlinearity | 激活函数 |
        patch size stride | filter shape | kernel size stride | kernel stride | configuration | settings |
        setting | details | 超参数 | 参数设置 | hyperparameters | hyper parameters | filter size stride |
        filter size stride if not a fire layer | arguments | kernel shape stride | 核大小 步长 | 卷积核 步长 |
        卷积核大小 步长 | size stride | filter stride | parameter settings | 配置 | attributes |
        patch size stride or remarks
    """,
    "kernel": """
        kernel | kernel size | filter size | patch size | 卷积核 | 卷积核大小 | 卷积核尺寸 | 核大小 | 核尺寸 |
        window | ksize | kernel shape | filter | 滤波器尺寸 | 滤波器大小 | window size | receptive field size |
        pool size | f
    """,
    "stride": "stride | strides | s | 步长 | 步幅 | 滑动步长",
    "padding": "pad | padding | p | 填充 | 补零 | 边界填充 | pads",
    "filters": """
        filters | channels | number of filters | no of filters | # filters | out channels | output channels |
        # out | # channels | c | 通道数 | 通道 | 输出通道 | 输出通道数 | 卷积核个数 | 卷积核数量 | 卷积核数 |
        核数 | feature maps | feature map | maps | units | neurons | # kernels | kernels | num filters |
        # filter | maps neurons | out | number of kernels | filters number | 神经元数 | 特征图数 | 滤波器个数 |
        number of channels | d | filter number | filter count | filters count
    """,
    "groups": "groups | group count | 分组 | 分组数 | cardinality",
    "repeat": "n | repeat | repeats | times | repetitions | # repeat | # layers | 重复 | 重复次数 | 次数 | ×",
    "input": """
        input | input size | input shape | in | inputs | image size |
        input image size | 图像尺寸 | 输入 | 输入尺寸 | 输入大小 | 输入形状 |
        input dimension | input dimensions | resolution | 输入数据尺寸 | input tensor | input feature map |
        输入特征图 | 输入特征图尺寸 | in size | in shape
    """,
    "output": """
        output | output size | output shape | outputs | 输出 | 输出尺寸 | 输出大小 | 输出形状 | size | shape |
        output dimension | output dimensions | feature map size | activation shape | output tensor |
        输出特征图 | 输出特征图尺寸 | 特征图尺寸 | 特征图大小 | output feature map | 尺寸 | out size |
        out shape | output feature map size | output dim
    """,
    "depth": "depth | weight layers | 深度 | 层数 | number of layers | # weight layers | number of weight layers",
    "params": """
        params | parameters | param | parameter | # params | # parameters | # param | # parameter | param # |
        params # | weights | # weights | number of parameters | no of parameters | 参数 | 参数量 | 参数个数 |
        参数数量 | 参数数目 | 参数总数 | parameter count | num params | num parameters | trainable params |
        trainable parameters | number of params | number of weights | params count | total params |
        total parameters | model size params | 可训练参数 | 总参数 | 总参数量 | parameter number |
        # trainable parameters | number of trainable parameters
    """,
    "ops": """
        ops | flops | flop | macs | mac | mult adds | multadds | mult add | multadd | madd | madds |
        multiply adds | multiply add | 计算量 | 运算量 | 浮点运算量 | 浮点运算次数 | 浮点运算 | operations |
        # operations | # ops | # flops | # macs | computation | multiply accumulates | number of operations |
        multiplications | # multiplications | number of multiplications | 乘法次数 | 乘加 | 乘加次数 |
        乘加运算 | 乘加运算次数 | computations | computational cost | total mult adds | total flops |
        total macs | compute | 总计算量
    """,
    "memory": "memory | 内存 | 显存 | 存储 | 内存占用 | 显存占用 | mem | activation memory | memory size",
    "connections": "connections | # connections | 连接数 | 连接 | number of connections",
    "model": """
        model | models | network | networks | architecture | architectures | method | methods | model name |
        network architecture | model architecture | 模型 | 网络 | 网络模型 | 方法
    """,
    "measured": """
        cifar 10 | cifar 10 + | cifar 100 | cifar 100 + | c10 | c100 | svhn | mnist | imagenet | imagenet 1k | coco |
        top 1 | top 5 | top1 | top5 | map | fps | 准确率 | 精度 | 错误率 | 速度
    """,
    "note": "note | notes | remark | remarks | comment | comments | 备注 | 说明 | 注释 | 注",
}
_ROLES: dict[str, Role] = {name: role for role, names in _CALLED.items() for name in map(fold, names.split("|"))}
_WORDS: dict[str, Role] = {
    **dict.fromkeys(("params", "parameters", "parameter", "param", "weights", "参数量", "参数"), "params"),
    **dict.fromkeys(("flops", "macs", "madds", "mult", "计算量"), "ops"),
}
_NOT_OURS = frozenset(
    (
        "after",
        "pruned",
        "pruning",
        "sparsity",
        "compressed",
        "compression",
        "ratio",
        "reduction",
        "rate",
    )
)
"""Words in headers of figures that no network has by itself."""
_MEASURED = frozenset(
    (
        "accuracy",
        "acc",
        "acc1",
        "acc5",
        "error",
        "err",
        "top",
        "latency",
        "time",
        "runtime",
        "seconds",
        "epochs",
        "speed",
        "speedup",
        "throughput",
    )
)
"""Words in headers of what is found by training or with a watch."""
_GROUPS = frozenset(
    ("filter", "filters", "kernel", "kernels", "conv", "convolution", "window", "pool", "hyperparameters", "卷积核")
)
"""Words over several columns that a merged header has in front of each: `Filter | Stride`."""
_OF_WINDOWS: frozenset[Role] = frozenset({"kernel", "stride", "padding", "filters", "groups"})
_DETAILS = {
    "filter shape": "filter shape",
    **dict.fromkeys(("activation", "activation function", "nonlinearity", "激活函数"), "activation"),
}
"""Columns of arguments that are each about one thing."""
_PREFIXED = re.compile(r"(k|m|g|b|t)(flops?|macs?|madds?|params?|ops)")
_BRANCH = re.compile(
    r"#? ?(?:(?P<named>(?:double #?)?\d ?× ?\d(?: ?(?:reduce|conv|convs|red|squeeze|expand))?)"
    r"|(?P<pool>(?:pool|pooling|avg|max|avg pool|max pool) ?[-+]? ?proj(?:ection)?)"
    r"|(?P<fire>[se]_?\d ?[x×] ?\d)(?: ?\(.{0,60}\))?)"
)
_NETWORK = re.compile(
    r"\d+[- ]layers?(?: .{0,40})?"
    r"|[A-Za-z0-9]{0,20}(?:[Nn]et|NET|vgg|VGG|ception|[Ff]ormer|ViT)[A-Za-z0-9]{0,10}[- ]?v?[\d.]{0,6}(?:[- (].{0,60})?"
)
_UNIT = re.compile(r"\s*[(\[](?P<inside>[^()\[\]]{1,40})[)\]]\s*$|\s*/\s*(?P<after>[KMGBkmgb]|10\^\d+|百万|亿|万)$")
_BYTES = {"kb": 1, "kib": 1, "mb": 2, "mib": 2, "gb": 3, "gib": 3, "b": 0, "bytes": 0}


@dataclass(frozen=True, slots=True)
class Header:
    """What a header names: `#3×3 reduce` is (branch, `3x3 reduce`, 0), `Params (M)` is (params, "", 2)."""

    role: Role
    detail: str = ""
    power: int = 0


def key(text: str) -> str:
    """A header for comparison: lower case, signs as blanks, `#` by itself.

    >>> key("Patch size/stride"), key("#Params"), key("Mult-Adds")
    ('patch size stride', '# params', 'mult adds')
    """
    return fold(re.sub(r"[^\w#×]+", " ", plain(text).lower().replace("#", " # ").replace("_", " ")))


def header(text: str) -> Header | None:
    """What a header names, or None.

    >>> header("#3×3 reduce")
    Header(role='branch', detail='3x3 reduce', power=0)
    >>> header("Params (M)")
    Header(role='params', detail='', power=2)
    """
    said = plain(text)
    if len(said) > 200 or (len(said) == 1 and said.isupper()):
        # A capital is the name of a variant: VGG's A to E.
        return None
    branch = _BRANCH.fullmatch(said.lower())
    if branch:
        name = (branch["named"] or branch["pool"] or branch["fire"]).replace("#", "")
        return Header("branch", fold(name.replace("×", "x").replace("-", " ").replace("+", " ")).replace(" x ", "x"))
    named, power = _unit(said)
    role = _ROLES.get(key(named)) or _ROLES.get(key(said))
    if role is not None:
        detail = _DETAILS.get(key(named), "")
        return Header(role, detail, power)
    words = key(named).split()
    if _MEASURED & set(words):
        return Header("measured")
    ours = "before" in words or not _NOT_OURS & set(words)
    return _worded(words, power) if words and ours else None


def _worded(words: list[str], power: int) -> Header | None:
    """A header of several words: `Million Mult-Adds`, `GFLOPs`, `number of parameters in conv layers`."""
    glued = _PREFIXED.fullmatch(words[-1])
    if glued and len(words) <= 2:
        return Header("params" if glued[2].startswith("param") else "ops", "", power_of(glued[1]) or 0)
    first = power_of(words[0])
    rest = " ".join(words[1:])
    if first and rest in _ROLES:
        return Header(_ROLES[rest], "", first)
    if len(words) > 1 and words[0] in _GROUPS and _ROLES.get(rest) in _OF_WINDOWS:
        return Header(_ROLES[rest])
    for word in words:
        if word in _WORDS and len(words) <= 6:
            return Header(_WORDS[word], "", power)
    return None


def _unit(text: str) -> tuple[str, int]:
    """The header without its unit, and the thousands of that."""
    match = _UNIT.search(text)
    if match is None:
        return text, 0
    inside = (match["inside"] or match["after"]).strip().lower()
    if inside.startswith("in "):
        inside = inside[3:]
    power = power_of(inside)
    if power is None:
        power = _BYTES.get(inside)
    if power is None:
        words = inside.split()
        power = power_of(words[0]) if words else None
        if power is None and _PREFIXED.fullmatch(inside):
            power = power_of(inside[0])
    return (text[: match.start()], power) if power is not None else (text[: match.start()], 0)


def is_network(text: str) -> bool:
    """Whether a header names a network: `18-layer`, `ResNet-50`, `DenseNet-121 (k = 32)`.

    >>> is_network("DenseNet-121 (k = 32)"), is_network("output size")
    (True, False)
    """
    said = plain(text)
    return len(said) <= 100 and _NETWORK.fullmatch(said) is not None
