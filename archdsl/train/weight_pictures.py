"""What a network learned, as pictures: what its first layer looks for, and the weights of a fully connected one.

In: a module and its graph, the names of the classes. Out: parts of a page, of a bounded size whatever the network's is.
The page is left to `archdsl.train.report`, colours to `pictures`, axes to `charts`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from archdsl.codegen.paths import layer_paths
from archdsl.diagnostics import counted
from archdsl.graph import Graph, Node
from archdsl.ops.base import Shape, show_shape
from archdsl.train.charts import heat_chart
from archdsl.train.pictures import data_url, diverging, image_tag, png, tiles

__all__ = ["Heat", "binned", "weight_pictures"]

_MOST_FILTERS: Final = 100
_MOST_PIXELS: Final = 400_000
_MOST_ROWS: Final = 128
_MOST_COLUMNS: Final = 512
"""Cells of a heat map, each a pixel of its image."""


class _Layer(NamedTuple):
    """A layer of the graph, the name of its module, its matrix or kernels."""

    node: Node
    name: str
    weight: torch.Tensor


def weight_pictures(made: nn.Module, graph: Graph, names: Sequence[str]) -> list[str]:
    """Parts of a page about the first layer and the last fully connected one, as far as there are such.

    - The first layer with a matrix or kernels: a convolution's kernels, or a row for each of those that are no pictures
      (1x1, of a sequence, of a volume); where it is fully connected to an image, a picture for each of its outputs.
    - The last fully connected layer before the main output: a row for each of its outputs, which `names` calls where
      they are the classes. Where that is the first layer already, it has its pictures.
    """
    layers = _layers(made, graph)
    first = next((layer for layer in layers.values() if layer.weight.ndim > 1), None)
    last = _last_full(graph, layers)
    of_classes = last is not None and _gives_classes(graph, last.node) and len(last.weight) == len(names)
    parts = []
    if first is not None:
        called = names if of_classes and first is last else ()
        parts = _first(first, _image_size(graph, first.node), called)
    if last is not None and not (parts and first is last):
        columns = _inputs(last.weight, _image_size(graph, last.node))
        called = names if of_classes else ()
        parts.append("<h2>Weights of the last fully connected layer</h2>")
        parts += _heat_map(last, "class" if of_classes else "output", columns, called)
    return parts


def _layers(made: nn.Module, graph: Graph) -> dict[int, _Layer]:
    """Every layer with a `weight`, by the key of its node, in the order of the text."""
    found = {}
    for key, path in layer_paths(graph).items():
        node = graph.nodes[key]
        assert node.op is not None
        if any(weight.name == "weight" for weight in node.op.weights(*node.input_shapes)):
            weight = made.get_submodule(path).get_parameter("weight")
            found[key] = _Layer(node, path, weight.detach().float().cpu())
    return found


# ---------------------------------------------------------------- which layers, and what enters and leaves them


def _last_full(graph: Graph, layers: dict[int, _Layer]) -> _Layer | None:
    """The last fully connected layer that the main output depends on."""
    for key in sorted(graph.reaching([graph.outputs[0].port.node]), reverse=True):
        node = graph.nodes[key]
        found = layers.get(key if node.shared is None else node.shared)
        if node.kind == "fc" and found is not None:
            return found
    return None


def _plain(node: Node) -> bool:
    """Whether a layer changes numbers by themselves and nothing of their order: an activation, `times`, `dropout`."""
    if node.op is None or len(node.inputs) != 1 or node.op.style == "reshape":
        return False
    return not node.op.weights(*node.input_shapes) and node.shapes == node.input_shapes


def _gives_classes(graph: Graph, layer: Node) -> bool:
    """Whether the outputs of a layer are those of the network, but for what is done to each."""
    node = graph.nodes[graph.outputs[0].port.node]
    while node.key != layer.key and _plain(node):
        node = graph.nodes[node.inputs[0].node]
    return node.key == layer.key


class _Entering(NamedTuple):
    """The image or the maps (H, W, C) that are flattened for a fully connected layer."""

    size: Shape
    whole: bool
    """Whether it is the image that the network is given."""


def _image_size(graph: Graph, layer: Node) -> _Entering | None:
    """What enters a layer as maps in the end; None where that are numbers without a place."""
    port = layer.inputs[0]
    while len(graph.shape(port)) == 1:
        node = graph.nodes[port.node]
        if not (_plain(node) or node.kind == "flatten"):
            return None
        port = node.inputs[0]
    shape = graph.shape(port)
    return _Entering(shape, graph.nodes[port.node].op is None) if len(shape) == 3 else None


# ---------------------------------------------------------------- the first layer

_FIRST: Final = "<h2>What the first layer looks for</h2>"


def _first(layer: _Layer, entering: _Entering | None, names: Sequence[str]) -> list[str]:
    """Its pictures, at most a hundred; nothing where it is neither."""
    weight, columns = layer.weight, None
    each = "each between its own least and largest weight"
    if layer.node.kind == "deconv":  # whose weights stand by what enters, not by filter
        return [_FIRST, *_heat_map(layer, "input channel", _taps(weight))]
    if weight.ndim == 4 and min(weight.shape[2:]) > 1:
        channels = weight.shape[1]
        images = weight[: _most(weight.shape[1:])]
        what = f"{counted(len(weight), 'filter')} of {show_shape((*weight.shape[2:], channels))}"
        if channels not in (1, 3):
            what += ", a row each with its channels beside each other"
            images, columns = images.flatten(0, 1)[:, None], channels
        images = _stretched(images)
    elif weight.ndim > 2:
        return [_FIRST, *_heat_map(layer, "filter", _taps(weight))]
    elif weight.ndim == 2 and entering is not None and entering.whole and entering.size[2] in (1, 3):
        height, width, channels = entering.size
        many = f"{len(weight):,} classes" if names else counted(len(weight), "output")
        what = f"for each of {many} its weights of the image, {show_shape(entering.size)}"
        images = weight[: _most((channels, height, width))].reshape(-1, channels, height, width)
        if channels == 1:
            largest = float(images.abs().max())
            images = diverging(images[:, 0], largest).movedim(-1, 1)
            each = f"from blue at {-largest:.3g} over white at 0 to orange at {largest:.3g}"
        else:
            images = _stretched(images)
    else:
        return []
    rows = len(images) // (columns or 1)
    shown = f"; the first {rows} are shown" if rows < len(weight) else ""
    said = f"<p><code>{escape(layer.name)}</code>: {what}, {each}{shown}.</p>"
    parts = [_FIRST, said]
    if not names or shown:
        return [*parts, image_tag(tiles(images, columns), f"weights of {layer.name}")]
    for name, image in zip(names, images, strict=True):
        tag = image_tag(tiles(image[None]), f"weights of {layer.name} for {name}")
        parts.append(f"<figure>{tag}<figcaption>{escape(name)}</figcaption></figure>")
    return parts


def _most(size: Sequence[int]) -> int:
    """How many pictures of a size (C, H, W) are shown."""
    apart = 1 if size[0] in (1, 3) else size[0]
    return max(1, min(_MOST_FILTERS // apart, _MOST_PIXELS // math.prod(size[1:])))


def _stretched(images: torch.Tensor) -> torch.Tensor:
    """Each of some images (n, C, H, W) from 0, its least number, to 1, its largest."""
    low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    return (images - low) / (high - low).clamp(min=1e-12)


# ---------------------------------------------------------------- a matrix as a heat map


class Heat(NamedTuple):
    """A matrix as the cells of a heat map, each the mean of up to `tall` x `wide` weights."""

    cells: torch.Tensor
    tall: int
    wide: int


def binned(weight: torch.Tensor, area: int = 1) -> Heat:
    """A matrix in at most 128 x 512 cells; `area` columns belong together, as the pixels of a map do.

    A matrix of 1000 x 4096 in bins of 8 x 8 has 125 x 512 cells. A bin at the end may hold fewer weights.
    """
    rows, columns = weight.shape
    tall, wide = math.ceil(rows / _MOST_ROWS), math.ceil(columns / _MOST_COLUMNS)
    if wide > 1 and columns % area == 0 and columns > area:
        wide = area * math.ceil(columns // area / _MOST_COLUMNS)
    cells = functional.avg_pool2d(weight[None], (tall, wide), ceil_mode=True)[0]
    return Heat(cells, tall, wide)


class _Columns(NamedTuple):
    """What the columns of a layer's matrix are, in words, and how many of them belong to one map or channel."""

    said: str
    area: int = 1


def _inputs(weight: torch.Tensor, entering: _Entering | None) -> _Columns:
    """The inputs of a fully connected layer, maps of several pixels map by map."""
    across = counted(weight.shape[1], "input")
    height, width, channels = entering.size if entering is not None else (1, 1, 1)
    if height * width > 1:
        across += f": {counted(channels, 'map')} of {height}x{width}, one after the other"
    return _Columns(across, height * width)


def _taps(weight: torch.Tensor) -> _Columns:
    """The weights of a filter, channel by channel."""
    channels, *kernel = weight.shape[1:]
    across = counted(math.prod(weight.shape[1:]), "weight")
    if channels > 1 and math.prod(kernel) > 1:
        across += f": {counted(channels, 'channel')} of {show_shape((*kernel,))}, one after the other"
    return _Columns(across, math.prod(kernel))


def _heat_map(layer: _Layer, down: str, columns: _Columns, names: Sequence[str] = ()) -> list[str]:
    """The matrix of a layer, a row for each of its filters, outputs or classes (`down`), which `names` calls."""
    matrix = layer.weight.flatten(1)
    heat = binned(matrix, columns.area)
    largest = float(heat.cells.abs().max())
    chart = heat_chart(
        data_url(png(diverging(heat.cells, largest))),
        data_url(png(diverging(torch.linspace(-1, 1, 65)[None], 1.0))),
        (heat.cells.shape[0], heat.cells.shape[1]),
        (matrix.shape[0], matrix.shape[1]),
        largest,
        down=down,
        across=columns.said,
        names=names,
    )
    rows = f"{len(matrix):,} classes" if names else counted(len(matrix), down)
    low, high = float(matrix.min()), float(matrix.max())
    said = f"{rows} by {columns.said.partition(':')[0]}"
    said += f", {matrix.numel():,} weights from {low:.3g} to {high:.3g}, without the biases."
    if heat.tall * heat.wide > 1:
        said += f" A cell is the mean of up to {heat.tall} x {heat.wide} of them, so it is nearer to 0 than they are."
    return [f"<p><code>{escape(layer.name)}</code>: {said}</p>", f"<div>{chart}</div>"]
