"""`archdsl compile` as a command, and what it makes of texts that no generator likes.

In: command lines, and networks with a choice left open, names alike, thousands of layers, hundreds of arguments. Out:
files that run, or errors with their place.
"""

from __future__ import annotations

import keyword
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from torch import nn

import archdsl
from archdsl.cli.main import archdsl as command
from archdsl.codegen.module import build
from archdsl.codegen.source import source
from archdsl.graph import Graph

_SIZES = (4, 4, 2)


def _graph(text: str) -> Graph:
    return archdsl.loads(text).graph


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def _written(folder: Path, text: str) -> Path:
    path = folder / "net.arch"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_needs_torch_alone(tmp_path: Path) -> None:
    """The written file makes the network by itself, in a Python that is not told where archdsl is."""
    made = tmp_path / "lenet5.py"
    assert _run("compile", "zoo:lenet5", "-o", made).exit_code == 0
    code = (
        "import sys, torch; sys.path.insert(0, sys.argv[1]); import lenet5;"
        "print(lenet5.Lenet5()(torch.zeros(2, 1, 32, 32)).shape); assert 'archdsl' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "torch.Size([2, 10])\n"


def test_writing_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from archdsl.cli.main import archdsl\n"
        "archdsl(sys.argv[1:], standalone_mode=False)\n"
        "assert not {'torch', 'numpy', 'networkx', 'rich'} & sys.modules.keys(), 'slow to start'"
    )
    arguments = ["compile", "zoo:resnet50", "-o", tmp_path / "made.py"]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, cwd=Path(__file__).parent.parent)


def test_same_text_same_bytes() -> None:
    """In processes whose sets have different orders."""
    for name in ("zoo:googlenet", "zoo:nasnet_cifar", "zoo:lenet5_1998"):
        runs = [
            subprocess.run(
                [sys.executable, "-m", "archdsl", "compile", name],
                cwd=Path(__file__).parent.parent,
                env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
                capture_output=True,
                check=True,
            ).stdout
            for seed in ("1", "2")
        ]
        assert runs[0] == runs[1]


def test_a_choice_left_open_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = _written(tmp_path, "input 8x8x3\nconv 3x3 4\n-> choice<relu | tanh> -> fc one_of(2, 3)\n")
    made = tmp_path / "net.py"
    result = _run("compile", path, "-o", made)
    assert result.exit_code == 1
    assert "error[unresolved-choice]" in result.output
    assert "net.arch:3:4" in result.output
    assert not made.exists()


def test_names_that_differ_by_case_only() -> None:
    """Labels, blocks, outputs and inputs; each has weights of its own."""
    text = """
        input image 4x4x2
        input Image 4x4x2
        block unit<w> = conv 1x1 w -> relu -> conv 1x1 w
        block Unit<w> = conv 1x1 w -> bn -> tanh
        block UNIT = conv 1x1 2
        add<@image | @Image> -> unit<2> @a -> Unit<2> @A -> UNIT @b -> conv 1x1 2 @B -> add<@a | @A> -> add<id | @b>
        output aux = @B -> conv 1x1 1
        output Aux = @b -> conv 1x1 3"""
    made = build(_graph(text))
    x = torch.empty(5, 2, 4, 4, device="meta")
    assert [tuple(y.shape) for y in made(x, x)] == [(5, 2, 4, 4), (5, 1, 4, 4), (5, 3, 4, 4)]
    assert made(x, x)._fields == ("output", "aux", "Aux")
    # unit: 2 * (2*2 + 2); Unit: 2*2 + 2 + 2 + 2; UNIT and B: 2*2 + 2 each; aux: 2 + 1; Aux: 2*3 + 3
    assert sum(parameter.numel() for parameter in made.parameters()) == 12 + 10 + 2 * 6 + 3 + 9


def test_every_name_of_a_module_is_a_label() -> None:
    """Everything that `nn.Module` and a tensor have, and Python's own words, in one network."""
    words = {name for owner in (nn.Module, torch.Tensor) for name in dir(owner)}
    words |= {*keyword.kwlist, *keyword.softkwlist, "Module", "Tensor", "nn", "torch", "dtype", "T", "x", "self"}
    names = sorted(name for name in words if name[0].isalpha() and name not in _reserved())
    assert len(names) > 500
    chain = " -> ".join(f"conv 1x1 2 @{name}" for name in names)
    merged = " | ".join(f"@{name}" for name in names)
    graph = _graph(f"input 4x4x2\n{chain}\nconcat<{merged}> -> conv 1x1 2")
    made = build(graph)
    assert made(torch.empty(1, 2, 4, 4, device="meta")).shape == (1, 2, 4, 4)
    convolutions = [part for part in made.children() if isinstance(part, nn.Conv2d)]
    assert len(convolutions) == len(names) + 1
    assert callable(made.train().eval().state_dict)


def _reserved() -> set[str]:
    """The words of the language itself."""
    return {"and", "else", "for", "if", "in", "input", "not", "or", "output", "return", "then", "id", "choice"}


@pytest.mark.parametrize(
    "text",
    [
        "input 4x4x2\n" + "".join(f"conv 1x1 2 @a{i} -> " for i in range(1500)) + "relu",
        "input 4x4x2\nadd<" + " | ".join(["conv 1x1 2 -> relu"] * 400) + ">",
        "input 4x4x2\nconv 1x1 2 @a\n" + "".join(f"output o{i} = @a -> conv 1x1 2\n" for i in range(300)),
        "".join(f"input i{i} 4x4x2\n" for i in range(300)) + "add<" + " | ".join(f"@i{i}" for i in range(300)) + ">",
        "input 4x4x2\nblock b<"
        + ", ".join(f"p{i}" for i in range(300))
        + "> = "
        + " -> ".join(f"conv 1x1 p{i}" for i in range(300))
        + " -> conv 1x1 2\n"
        + "".join(f"b<{', '.join(str(2 + (7 * i * i + i * k) % 11) for i in range(300))}> -> " for k in (1, 2, 3))
        + "conv 1x1 2",
        "input 4x4x2\nblock b<n> = if n == 0 then conv 1x1 2 else residual<b<n - 1>> -> relu\nb<45>",
    ],
    ids=["labels", "branches", "outputs", "inputs", "arguments", "nested"],
)
def test_many_layers_and_hundreds_of_names(text: str) -> None:
    graph = _graph(text)
    made = build(graph)
    outputs = made(*(torch.empty(3, 2, 4, 4, device="meta") for _ in graph.inputs))
    for output in outputs if isinstance(outputs, tuple) else (outputs,):
        assert output.shape == (3, 2, 4, 4)
    assert "archdsl" not in source(graph).replace("Written by archdsl", "")
