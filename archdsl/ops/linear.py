"""Layers that see their input whole: `fc`, `flatten`, `rbf`.

In: a vector, an image taken whole, or a sequence position by position. Out: a vector, or a sequence of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from archdsl.ops.arguments import boolean, keyword, positional, whole
from archdsl.ops.base import FLOAT, WHOLE, Costless, Example, Kept, Op, Reach, Shape, Torch, Weight
from archdsl.ops.registry import register


class _Dense(Op):
    """What layers over all features share: an image is flattened, a sequence goes position by position."""

    style = "linear"
    weighted = True
    units: int

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        return (entering[0], self.units) if len(entering) == 2 else (self.units,)

    def _features(self, entering: Shape) -> int:
        return entering[-1] if len(entering) == 2 else math.prod(entering)

    def reach(self, *inputs: Shape) -> Reach | None:
        return WHOLE if len(inputs[0]) > 2 else None

    def _call(self, entering: Shape) -> str:
        return "{m}({0}.flatten(1))" if len(entering) > 2 else "{m}({0})"


@register
class Fc(_Dense):
    """`fc units`: fully connected layer, y = W x + b.

    `fc 4096` turns 6x6x256 into 4096: the image is taken whole, as papers draw it, 9216*4096 weights and 4096 biases. A
    vector is taken as it is, a sequence position by position: `fc 64` turns 16x32 into 16x64.

    - `units`: values that leave.
    - `bias`: whether each unit has one.

    An image is flattened in PyTorch's order: channels, then rows, then columns.
    """

    name = "fc"
    examples = (
        Example("fc 10", ((84,),), (10,)),
        Example("fc 120", ((5, 5, 16),), (120,)),
        Example("fc 64 bias=false", ((16, 32),), (16, 64)),
        Example("fc 7", ((2, 3, 4, 5),), (7,)),
    )

    units: int = positional(whole(1))
    bias: bool = keyword(boolean, True)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        weight = Weight("weight", (self.units, self._features(inputs[0])))
        return (weight, Weight("bias", (self.units,))) if self.bias else (weight,)

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return self._features(inputs[0]) * math.prod(outputs[0])

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return math.prod(outputs[0]) if self.bias else 0

    def module_operations(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int | None:
        if len(inputs[0]) == 2:
            return None
        return 2 * self.macs(inputs, outputs) - (0 if self.bias else self.units)

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        options = "" if self.bias else ", bias=False"
        return Torch(f"nn.Linear({self._features(inputs[0])}, {self.units}{options})", self._call(inputs[0]))


@register
class Rbf(_Dense):
    """`rbf units`: LeNet-5's output layer of Euclidean radial basis functions, y_i = sum_j (x_j - w_ij)^2.

    `rbf 10` turns 84 into 10, the squared distances to 10 codes of 84 values: small where the class is likely. An image
    is taken whole, a sequence position by position, as by `fc`.

    - `units`: codes, one for each class.
    - `trained`: whether the codes are learned. In 1998 they were fixed, 840 values of -1 and +1 that the paper leaves
      out of its 60,000 trainable parameters; ours are drawn at random, which it names as one of the choices.

    A distance is no matrix product, so all of it is counted as other work, 3 operations for each value of each code.
    LeCun et al., "Gradient-based learning applied to document recognition", 1998, section II.B.
    """

    name = "rbf"
    examples = (
        Example("rbf 10", ((84,),), (10,)),
        Example("rbf 10 trained=true", ((4, 4, 8),), (10,)),
        Example("rbf 3", ((16, 12),), (16, 3)),
    )

    units: int = positional(whole(1))
    trained: bool = keyword(boolean, False)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        shape = (self.units, self._features(inputs[0]))
        return (Weight("weight", shape, "parameter" if self.trained else "buffer"),)

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        # A difference, a square and a sum for each value of each code, the first sum of each being none.
        return (3 * self._features(inputs[0]) - 1) * math.prod(outputs[0])

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        # Every difference from every code.
        return Kept(more=FLOAT * self._features(inputs[0]) * math.prod(outputs[0]))

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        options = ", trained=True" if self.trained else ""
        init = f"EuclideanRBF({self._features(inputs[0])}, {self.units}{options})"
        return Torch(init, self._call(inputs[0]), ("EuclideanRBF",))


@register
class Flatten(Costless):
    """`flatten`: all values as one vector.

    `flatten` turns 6x6x256 into 9216, in PyTorch's order: channels, then rows, then columns; a sequence of 16x8 becomes
    128, channels first as well. A vector stays as it is.
    """

    name = "flatten"
    style = "reshape"
    module_operations_a_value = 0
    examples = (
        Example("flatten", ((6, 6, 256),), (9216,)),
        Example("flatten", ((16, 8),), (128,)),
        Example("flatten", ((2, 3, 4, 5),), (120,)),
        Example("flatten", ((84,),), (84,)),
    )

    def shape(self, *inputs: Shape) -> Shape:
        return (math.prod(inputs[0]),)

    def reach(self, *inputs: Shape) -> Reach | None:
        return WHOLE if len(inputs[0]) > 1 else None

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(view=True, passes=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(None, "{0}.flatten(1)", sequence="channels_first")
