"""Networks put together by hand, for tests of what reads a graph.

In: ops by name. Out: `Graph`s. Nothing of the language is used, so that its mistakes cannot hide those of the analyses.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from archdsl.diagnostics import Source, Span
from archdsl.graph import Frame, Graph, Node, Output, Port
from archdsl.ops.arguments import Window
from archdsl.ops.base import Op, Shape
from archdsl.ops.registry import lookup

_SPAN = Span(Source("net.arch", ""), 0, 0)


def op(name: str, **arguments: Any) -> Op:
    """An op by its word."""
    found = lookup(name)
    assert found is not None, name
    return found(**arguments)


def window(kernel: int, stride: int | None = None, padding: int | None = None, axes: int = 1) -> Window:
    """`kernel/stride+padding`; written once for every axis where `axes` is one."""
    return Window((kernel,) * axes, None if stride is None else (stride,), None if padding is None else (padding,))


def conv(
    kernel: int, filters: int, stride: int | None = None, padding: int | None = None, axes: int = 2, **more: Any
) -> Op:
    return op("conv", window=window(kernel, stride, padding, axes), filters=filters, **more)


def maxpool(kernel: int, stride: int | None = None, padding: int | None = None, **more: Any) -> Op:
    return op("maxpool", window=window(kernel, stride, padding), **more)


def fc(units: int) -> Op:
    return op("fc", units=units)


class Net:
    """A graph in the making; `at` is the key of the node that the next one reads."""

    def __init__(self, *shape: int, name: str = "net", title: str = "", variant: str | None = None) -> None:
        self.root = self.frame = Frame("network", name)
        self.nodes: list[Node] = []
        self.outputs: list[Output] = []
        self.named = (name, title, variant)
        self.at = self.input(*shape)

    def input(self, *shape: int, label: str | None = None) -> int:
        self.nodes.append(Node(len(self.nodes), None, (), (), (tuple(shape),), self.frame, label, _SPAN))
        return len(self.nodes) - 1

    def add(self, made: Op, *inputs: int, label: str | None = None, shared: int | None = None) -> int:
        """One layer on these nodes; its key."""
        entering = tuple(self.nodes[key].shape for key in inputs)
        leaving = made.shape(*entering)
        several: tuple[Shape, ...] = leaving if isinstance(leaving[0], tuple) else (leaving,)
        ports = tuple(Port(key) for key in inputs)
        self.nodes.append(
            Node(len(self.nodes), made, ports, entering, several, self.frame, label, _SPAN, shared),
        )
        self.at = len(self.nodes) - 1
        return self.at

    def then(self, *ops: Op) -> Net:
        """A chain that goes on from `at`."""
        for made in ops:
            self.add(made, self.at)
        return self

    def branches(self, merge: str, *chains: tuple[Op, ...]) -> Net:
        """Chains that all start at `at`, merged."""
        start, ends = self.at, []
        for chain in chains:
            self.at = start
            self.then(*chain)
            ends.append(self.at)
        self.add(op(merge), *ends)
        return self

    @contextmanager
    def block(self, name: str, call: str, **more: Any) -> Iterator[None]:
        """What is added inside stands in a block."""
        with self._inside(Frame("block", name, self.frame, call, **more)):
            yield

    def repeat(self, name: str, count: int, site: int) -> Iterator[int]:
        """`for i in net.repeat(…)`: what is added inside stands in an iteration."""
        for index in range(count):
            with self._inside(Frame("repeat", name, self.frame, index=index, count=count, site=site)):
                yield index

    @contextmanager
    def _inside(self, frame: Frame) -> Iterator[None]:
        outer, self.frame = self.frame, frame
        yield
        self.frame = outer

    def head(self, name: str, key: int) -> Net:
        """An output that exists in training only."""
        self.outputs.append(Output(name, Port(key), training=True))
        return self

    def graph(self) -> Graph:
        name, title, variant = self.named
        return Graph(name, title, variant, tuple(self.nodes), (Output("output", Port(self.at)), *self.outputs))


def alexnet() -> Graph:
    """Krizhevsky, Sutskever & Hinton, 2012."""
    relu, lrn, pool = op("relu"), op("lrn", size=5), maxpool(3, 2)
    net = Net(227, 227, 3, name="alexnet")
    net.then(conv(11, 96, 4), relu, lrn, pool, conv(5, 256, 1, 2, groups=2), relu, lrn, pool)
    net.then(conv(3, 384, 1, 1), relu, conv(3, 384, 1, 1, groups=2), relu, conv(3, 256, 1, 1, groups=2), relu, pool)
    return net.then(fc(4096), relu, op("dropout"), fc(4096), relu, op("dropout"), fc(1000), op("softmax")).graph()


def vgg16() -> Graph:
    """Simonyan & Zisserman, 2014, configuration D."""
    net = Net(224, 224, 3, name="vgg", variant="vgg16")
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            net.then(conv(3, width, 1, 1), op("relu"))
        net.then(maxpool(2))
    return net.then(fc(4096), op("relu"), fc(4096), op("relu"), fc(1000)).graph()


def resnet(layers: tuple[int, ...], *, gate: bool = False) -> Graph:
    """He et al., 2015, with bottlenecks; the stride in the 3x3 convolution, as torchvision has it.

    `gate` puts squeeze-and-excitation (Hu et al., 2017) into every block.
    """
    bn, relu = op("bn"), op("relu")
    net = Net(224, 224, 3, name="resnet", title="He et al., 2015")
    net.then(conv(7, 64, 2, 3, bias=False), bn, relu, maxpool(3, 2, 1))

    def unit(width: int, stride: int) -> None:
        with net.block("bottleneck", f"bottleneck<{width}, s={stride}>" if stride > 1 else f"bottleneck<{width}>"):
            start = net.at
            net.then(conv(1, width, bias=False), bn, relu, conv(3, width, stride, 1, bias=False), bn, relu)
            end = net.then(conv(1, 4 * width, bias=False), bn).at
            if gate:
                squeezed = net.then(op("gap"), fc(width // 4), relu, fc(4 * width), op("sigmoid")).at
                end = net.add(op("mul"), end, squeezed)
            if stride != 1 or net.nodes[start].shape[-1] != 4 * width:
                net.at = start
                with net.block("project", f"project<{4 * width}, {stride}>"):
                    start = net.then(conv(1, 4 * width, stride, bias=False), bn).at
            net.add(op("add"), end, start)
            net.then(relu)

    for stage in net.repeat("stage", len(layers), 1):
        unit(64 * 2**stage, 1 if stage == 0 else 2)
        for _ in net.repeat("unit", layers[stage] - 1, 2 + stage):
            unit(64 * 2**stage, 1)
    return net.then(op("gap"), fc(1000)).graph()


def densenet121() -> Graph:
    """Huang et al., 2016."""
    bn, relu = op("bn"), op("relu")
    net = Net(224, 224, 3, name="densenet").then(conv(7, 64, 2, 3, bias=False), bn, relu, maxpool(3, 2, 1))
    for place, count in enumerate((6, 12, 24, 16)):
        if place:
            channels = net.nodes[net.at].shape[-1] // 2
            net.then(bn, relu, conv(1, channels, bias=False), op("avgpool", window=window(2)))
        for _ in range(count):
            net.branches("concat", (), (bn, relu, conv(1, 128, bias=False), bn, relu, conv(3, 32, 1, 1, bias=False)))
    return net.then(bn, relu, op("gap"), fc(1000)).graph()


def googlenet() -> Graph:
    """Szegedy et al., 2014, with one of the auxiliary heads."""
    relu, pool = op("relu"), maxpool(3, 2, ceil=True)
    net = Net(224, 224, 3, name="googlenet")
    net.then(conv(7, 64, 2, 3), relu, pool, conv(1, 64), relu, conv(3, 192, 1, 1), relu, pool)

    def inception(a: int, b: int, c: int, d: int, e: int, f: int) -> None:
        three, five = conv(3, c, 1, 1), conv(5, e, 1, 2)
        pooled = (maxpool(3, 1, 1), conv(1, f), relu)
        net.branches(
            "concat", (conv(1, a), relu), (conv(1, b), relu, three, relu), (conv(1, d), relu, five, relu), pooled
        )

    inception(64, 96, 128, 16, 32, 32)
    inception(128, 128, 192, 32, 96, 64)
    net.then(pool)
    inception(192, 96, 208, 16, 48, 64)
    trunk = net.at
    head = net.then(op("avgpool", window=window(5, 3)), conv(1, 128), relu, fc(1024), relu, fc(1000)).at
    net.at = trunk
    inception(160, 112, 224, 24, 64, 64)
    inception(128, 128, 256, 24, 64, 64)
    inception(112, 144, 288, 32, 64, 64)
    inception(256, 160, 320, 32, 128, 128)
    net.then(pool)
    inception(256, 160, 320, 32, 128, 128)
    inception(384, 192, 384, 48, 128, 128)
    return net.then(op("gap"), op("dropout"), fc(1000)).head("aux1", head).graph()
