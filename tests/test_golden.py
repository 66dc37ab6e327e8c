"""The PyTorch source of a dozen networks, each read by a person.

In: networks of the zoo that differ in what they ask of the generator. Out: tests/golden/*.py; `make golden` writes them
anew, and whoever changes one reads the difference.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from archdsl.codegen.source import source
from tests.zoo import entries

NETWORKS = {
    "lenet5": "a chain, its layers without weights made once",
    "lenet5_1998": "layers that PyTorch lacks: a table of connections, trained pools, radial basis functions",
    "googlenet": "rows of the paper's table as arguments, heads in training only",
    "resnet50": "bottlenecks and projections in one class, stages of different depth",
    "resnet20": "shortcuts padded with zeros",
    "densenet121": "channels that grow over a repeat",
    "squeezenet1_0_complex": "bypasses, with and without a convolution",
    "mobilenet_v2": "depthwise convolutions, repeats of one",
    "shufflenet_v2_x1_0": "split, branch and shuffle",
    "nasnet_mobile": "cells of two inputs, TensorFlow's padding",
    "unet": "recursion, crops and skips",
    "siamese": "a shared tower and two inputs",
    "vit_b_16": "sequences, tokens, attention",
    "swin_t": "attention within windows, stages of different depth with a merge before all but the first",
    "gpt2_small": "causal attention, an embedding that is the head as well",
    "fractalnet20": "joins that drop their branches, several tensors at once",
    "efficientnet_b1": "gates, rates of dropping that rise over the network",
}


@pytest.mark.parametrize("name", NETWORKS)
def test_source(name: str, golden: Callable[[str, str], None]) -> None:
    entry = next(entry for entry in entries() if entry.name == name)
    golden(f"{name}.py", source(entry.graph()))
