"""ResNet-152 drawn once, by archdsl, keras or torchview, as a whole process.

In: which of them, a path, and options of `archdsl draw`. Out: the file, and the seconds that the drawing took, without
imports and without the network's making.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

# Each of them imports what it needs and nothing else, since the whole process is timed.


def archdsl(path: Path, *options: str) -> float:
    """As the command line does it; the network is read anew in the time that is measured."""
    from archdsl.cli.main import archdsl as program

    start = time.perf_counter()
    program(["draw", "zoo:resnet152", "-o", str(path), *options], standalone_mode=False)
    return time.perf_counter() - start


def keras(path: Path) -> float:
    """`plot_model` of the network in `keras.applications`, with shapes, as teaching uses it."""
    import keras as library

    model = library.applications.ResNet152(weights=None)
    start = time.perf_counter()
    library.utils.plot_model(model, to_file=path, show_shapes=True)
    return time.perf_counter() - start


def torchview(path: Path) -> float:
    """`draw_graph` of torchvision's network with its defaults."""
    from torchview import draw_graph

    from tests.torchvision_cpu import load

    model = load().resnet152()
    start = time.perf_counter()
    drawn = draw_graph(model, input_size=(1, 3, 224, 224), device="meta")
    drawn.visual_graph.render(outfile=path)
    return time.perf_counter() - start


if __name__ == "__main__":
    name, target, *more = sys.argv[1:]
    print({"archdsl": archdsl, "keras": keras, "torchview": torchview}[name](Path(target), *more))
