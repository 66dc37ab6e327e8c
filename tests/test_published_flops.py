"""The operations that pytorchcv prints for its networks, "FLOPs/2", reproduced by its own rule.

In: the networks of `specs` that are built as pytorchcv's are. Out: its figures, to the last printed digit. The rule is
that of `measure_model` in its repository, osmr/imgclsmob: every layer counts, not multiply-adds alone.
"""

from __future__ import annotations

import math

import pytest

import archdsl
from archdsl.graph import Graph, Node

PER_VALUE = {"relu": 1, "relu6": 1, "sigmoid": 4, "silu": 5, "bn": 4, "gap": 1, "adaptive_avgpool": 1}
"""Operations for each value that enters."""
NOTHING = {"add", "concat", "dropout", "mul", "times", "id", "lrn", "pad", "pad_channels", "flatten", "slice", "crop"}
"""What is no module there, or counts as nothing."""


def operations(node: Node) -> int:
    op, entering, leaving = node.op, node.input_shapes[0], node.shape
    assert op is not None
    if node.kind in ("conv", "fc"):
        # 2k - 1 additions and multiplications without a bias, 2k with one; of convolutions, one less in all positions.
        without = 0 if op.bias else leaving[-1] * (entering[-1] // op.groups if node.kind == "conv" else 1)  # type: ignore[attr-defined]
        return 2 * op.macs(node.input_shapes, node.shapes) - without
    if node.kind in ("maxpool", "avgpool"):
        reach = op.reach(*node.input_shapes)
        assert reach is not None
        return math.prod(leaving) * math.prod(reach.kernel)
    if node.kind in PER_VALUE:
        return PER_VALUE[node.kind] * math.prod(entering)
    assert node.kind in NOTHING, node.kind
    return 0


def half_of_all(graph: Graph) -> float:
    """In millions."""
    return sum(map(operations, graph.layers)) / 2 / 1e6


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("zfnet", 1_170.33),
        ("vgg11", 7_615.87),
        ("vgg16", 15_480.10),
        ("vgg19", 19_642.55),
        ("resnet18", 1_820.41),
        ("resnet50_v1", 3_877.95),
        ("resnet50", 4_110.48),  # its ResNet-50b
        ("resnet152_v1", 11_321.85),
        ("preresnet18", 1_820.56),
        ("preresnet200", 15_068.63),  # its PreResNet-200b
        ("resnext50_32x4d", 4_255.86),
        ("resnext101_64x4d", 15_500.27),
        ("se_resnet50", 3_883.25),
        ("se_resnext50_32x4d", 4_261.16),
        ("densenet121", 2_872.13),
        ("densenet201", 4_347.15),
        ("squeezenet1_0", 823.67),
        ("squeezenet1_1", 352.02),
        ("inception_v4", 12_304.93),
        ("inception_resnet_v2", 13_188.64),
        ("nin", 222.97),
        ("preresnet110", 255.68),
        ("resnext29_32x4d", 780.55),
        ("se_resnet56", 127.19),
        ("wrn16_10", 2_414.04),
        ("wrn28_10", 5_246.98),
        ("wrn40_8", 5_176.90),
    ],
)
def test_pytorchcv_prints_so(name: str, millions: float) -> None:
    """Figures of its README, ImageNet-1K and CIFAR-10."""
    assert f"{half_of_all(archdsl.load(f'zoo:{name}').graph):.2f}" == f"{millions:.2f}"
