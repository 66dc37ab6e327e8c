"""Generated PyTorch against each layer run by itself.

The reference goes through the graph node by node, evaluates the line that the op gives, and keeps sequences as (N, L,
C) throughout; what is tested is everything between those lines: structure, names, order, layouts, shared weights.
"""

from __future__ import annotations

import ast
import copy
import inspect
import pickle
import pkgutil
import re
import subprocess
import sys
import traceback
import warnings
from importlib import import_module
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import archdsl.codegen.layers
from archdsl.codegen import helpers, source
from archdsl.codegen.constructors import SIGNATURES
from archdsl.codegen.expression import render, wrap
from archdsl.codegen.module import build, module
from archdsl.codegen.naming import MODULE_ATTRIBUTES, attribute, class_name, variable
from archdsl.codegen.paths import layer_paths
from archdsl.codegen.postdominators import immediate_postdominators
from archdsl.codegen.source import network_class
from archdsl.diagnostics import Collector, render_text
from archdsl.elaborate import Request, Workspace
from archdsl.graph import Graph
from archdsl.ops.base import torch_shape

SPECS = Path(__file__).parent.parent / "specs"

TEXTS = {
    "chain": "input 12x12x3\nconv 3x3/2 8 same -> relu -> maxpool 2 -> fc 10 -> softmax",
    "residual": """
        input 16x16x8
        block unit<w, s=1> = residual<conv 3x3/s+1 w -> bn -> relu -> conv 3x3+1 w -> bn | project<w, s>> -> relu
        block project<c, s> = if s != 1 or in.c != c then conv 1x1/s c -> bn else id
        unit<8> -> unit<16, s=2> -> unit<16> x3 -> gap -> fc 5""",
    "dense": """
        input 16x16x3
        default conv bias=false
        block dense<n, k> = (concat<id | bn -> relu -> conv 1x1 (4*k) -> bn -> relu -> conv 3x3+1 k>) x(n)
        block transition = bn -> relu -> conv 1x1 (in.c // 2) -> avgpool 2
        conv 3x3+1 16 -> (dense<n, 8> -> transition) x(n in [3, 4]) -> dense<5, 8> -> bn -> relu -> gap -> fc 10""",
    "heads": """
        input 32x32x3
        block inc<a, b, c> = concat<conv 1x1 a -> relu | conv 1x1 b -> relu -> conv 3x3+1 (2*b) -> relu
          | maxpool 3/1+1 -> conv 1x1 c -> relu>
        block head = avgpool 5/3 -> conv 1x1 16 -> relu -> fc 20 -> relu -> dropout 0.7 -> fc 10
        conv 3x3+1 16 -> relu -> inc<8, 4, 4> @mid -> inc<8, 8, 8> -> inc<16, 8, 6> -> gap -> dropout 0.4 -> fc 10
        output aux training = @mid -> head
        output early = @mid -> gap -> fc 3""",
    "shared": """
        input left 14x14x1
        input right 14x14x1
        share tower = conv 5x5 4 -> relu -> flatten -> fc 10
        concat<@left -> tower | @right -> tower> -> fc 1""",
    "shared_inside": """
        input 10x10x4
        share mix = conv 3x3+1 4 -> bn
        block twice = mix -> relu -> mix -> add<id | conv 1x1 4>
        twice -> twice -> (mix -> relu) x3 -> gap -> fc 2""",
    "cells": """
        input 8x8x3
        block fit<f> = relu -> conv 1x1 f -> bn
        block sep<f> = relu -> conv 3x3+1 f groups=(in.c) -> bn
        block cell<f>(h, p) { @p -> fit<f> @p0
                              @h -> relu -> conv 1x1 f -> bn @h0
                              add<@h0 -> sep<f> | @p0 -> sep<f>> @y1
                              concat<@p0 | @y1> @y
                              return @y, @h }
        conv 3x3+1 8 -> bn @stem
        (@stem, @stem) -> cell<8> x3 -> cell<16> x2 -> first -> relu -> gap -> fc 10""",
    "gates": """
        input 8x8x8
        block highway<c> { conv 3x3+1 c -> sigmoid @t
                           @in -> conv 3x3+1 c -> relu @h
                           lerp<@in | @h | @t> }
        block gate<r=4> = mul<id | gap -> fc (in.c // r) -> relu -> fc (in.c) -> sigmoid>
        highway<8> x3 -> gate -> (residual<conv 3x3+1 8 -> bn -> relu -> drop_path (0.5 * i / 5)>) x(i in 6)
        -> split 2 @a @b
        concat<@a | @b -> conv 3x3+1 4> -> shuffle 2 -> gap -> fc 3""",
    "fractal": """
        input 8x8x3
        block unit<c> = conv 3x3+1 c -> bn -> relu
        block fractal<n, c> = if n == 1 then unit<c>
          else mean<unit<c> | fractal<n-1, c> -> fractal<n-1, c> drop=0.15>
        fractal<3, 8> -> maxpool 2 -> fractal<3, 16> -> gap -> fc 4""",
    "skips": """
        input 16x16x3
        block double<c> = (conv 3x3+1 c -> relu) x2
        double<8> @enc1 -> maxpool 2 -> double<16> @enc2 -> maxpool 2 -> double<32>
        -> upsample 2 -> concat<id | @enc2> -> double<16>
        -> upsample 2 -> concat<id | @enc1> -> double<8> -> conv 1x1 2""",
    "sequence": """
        input 20x6
        block tr = residual<ln -> conv 3+1 (in.c) -> relu -> fc (in.c)> -> bn
        block squeeze = mul<id | gap -> fc (in.c)>
        conv 3+1 12 -> relu -> tr x3 -> (conv 3+1 12 -> relu) x2 @z -> fc 12 -> relu -> add<id | @z> -> softmax
        -> squeeze -> conv 1 4""",
    "sequence_repeat": "input 20x6\n(conv 3+1 6 -> bn -> relu) x20 -> fc 6 -> relu -> (fc 6 -> relu) x20 -> conv 3 2",
    "several_sequences": """
        input 20x6
        conv 3+1 8 @a -> fc 8 @b
        add<@a | @b> -> relu @c
        output first = @a
        output second = @b -> relu
        output third training = @c -> conv 3+1 2
        output fourth training = @a""",
}

HOSTILE = """
arch torch "a \\"\\"\\" title: \\\\ {x} %s \\\\"
input self 8x8x3
conv 3x3+1 3 @forward -> relu @x -> conv 3x3+1 3 @nn -> bn @type -> conv 3x3+1 3 @class -> relu @F
-> add<id | @forward> @super -> add<id | @nn> @len -> add<id | @type> -> add<id | @class> @__init__
-> add<id | @x | @F | @super | @len | @__init__> @Tensor -> add<id | @Tensor> @T -> conv 1x1 3 @t -> add<id | @T | @t>
-> Module -> parameters -> exception -> train -> print -> NamedTuple -> torch
output training = @F -> conv 1x1 1
output None = @F -> conv 1x1 2
output count training = @F -> conv 1x1 3 -> relu
block Module = conv 1x1 3 -> relu -> bn
block parameters = conv 1x1 3 -> relu -> bn
block exception = conv 1x1 3 -> relu -> bn
block train = conv 1x1 3 -> relu -> bn
block print = conv 1x1 3 -> relu -> bn
block NamedTuple = conv 1x1 3 -> relu -> bn
block torch = conv 1x1 3 -> relu -> bn
# \"\"\" + __import__("os") + r'''  \\
"""


def read(text: str) -> Graph:
    found = Collector()
    network = Workspace.text(text, found).network(Request(), found)
    assert network is not None, render_text(found.sorted())
    return network.graph


def spec(path: str, variant: str | None = None) -> Graph:
    found = Collector()
    network = Workspace.open(SPECS / path, found).network(Request(variant=variant), found)
    assert network is not None, render_text(found.sorted())
    return network.graph


def instance(graph: Graph, *, flat: bool) -> nn.Module:
    space: dict[str, object] = {"__name__": "generated"}
    exec(compile(source(graph, flat=flat), "<generated>", "exec"), space)
    made = space[network_class(graph)]
    assert isinstance(made, type)
    torch.manual_seed(0)
    network = made()
    assert isinstance(network, nn.Module)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network.double()


def layers() -> dict[str, object]:
    found: dict[str, object] = {"nn": nn, "F": F, "torch": torch}
    for entry in pkgutil.iter_modules(archdsl.codegen.layers.__path__):
        members = vars(import_module(f"archdsl.codegen.layers.{entry.name}"))
        found.update((name, value) for name, value in members.items() if not name.startswith("__"))
    return found


def reference(graph: Graph, network: nn.Module, paths: dict[int, str], inputs: list[torch.Tensor]) -> list[object]:
    """Every node by itself, with the weights that the network has at the node's path."""
    space = layers()
    values: dict[tuple[int, int], torch.Tensor] = {}
    given = iter(inputs)
    for node in graph.nodes:
        if node.op is None:
            values[node.key, 0] = next(given)
            continue
        line = node.op.torch(node.input_shapes, node.shapes)
        first = line.sequence == "channels_first"
        tensors = [values[tuple(port)] for port in node.inputs]
        tensors = [t.mT if first and t.dim() == 3 else t for t in tensors]
        own = None
        if line.init is not None:
            state = torch.get_rng_state()
            own = eval(line.init, dict(space))  # noqa: S307
            torch.set_rng_state(state)
            own.train(network.training)
            if node.op.weights(*node.input_shapes):
                held = network.get_submodule(paths[node.key])
                assert str(held) == str(own), node.call
                own = held
        names = {f"t{i}": tensor for i, tensor in enumerate(tensors)}
        call = line.call.replace("{m}", "m").replace("{all}", ", ".join(names))
        call = re.sub(r"\{(\d+)\}", r"t\1", call)
        out = eval(call, {**space, **names, "m": own})  # noqa: S307
        for index, tensor in enumerate(out if isinstance(out, tuple | list) else (out,)):
            values[node.key, index] = tensor.mT if first and len(node.shapes[index]) == 2 else tensor
    return [values[tuple(output.port)] for output in graph.outputs]


def check(graph: Graph, *, flat: bool) -> None:
    network = instance(graph, flat=flat)
    owned = [node for node in graph.layers if node.shared is None]
    weights = [w for node in owned if node.op is not None for w in node.op.weights(*node.input_shapes)]
    trained = sum(weight.size for weight in weights if weight.kind == "parameter")
    assert sum(parameter.numel() for parameter in network.parameters()) == trained
    paths = layer_paths(graph, flat=flat)
    torch.manual_seed(1)
    inputs = [torch.randn(2, *torch_shape(node.shape), dtype=torch.float64) for node in graph.inputs]
    for training in (False, True):
        network.train(training)
        torch.manual_seed(2)
        expected = reference(graph, copy.deepcopy(network), paths, inputs)
        torch.manual_seed(2)
        result = copy.deepcopy(network)(*inputs)
        results = result if isinstance(result, tuple) else (result,)
        there = [pair for pair in zip(graph.outputs, expected, strict=True) if training or not pair[0].training]
        for (output, want), got in zip(there, results, strict=True):
            torch.testing.assert_close(got, want)
            assert got.shape[1:] == torch_shape(graph.shape(output.port))


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("name", TEXTS)
def test_computes_what_the_layers_compute(name: str, flat: bool) -> None:
    check(read(TEXTS[name]), flat=flat)


@pytest.mark.parametrize("flat", [False, True])
def test_hostile_names_stay_names(flat: bool) -> None:
    graph = read(HOSTILE)
    check(graph, flat=flat)
    text = source(graph, flat=flat)
    tree = ast.parse(text)
    docstring = ast.get_docstring(tree, clean=False)
    assert docstring is not None
    assert "".join(graph.source_text.split()) in "".join(docstring.split())
    allowed = ast.Expr | ast.Import | ast.ImportFrom | ast.ClassDef
    assert all(isinstance(statement, allowed) for statement in tree.body)
    assert sum(isinstance(statement, ast.Expr) for statement in tree.body) == 1


def test_text_that_hides_what_follows_is_escaped() -> None:
    # U+202E turns the direction of what follows; a carriage return hides the line before it.
    graph = read('arch net "a\u202eb"\ninput 4x4x1\nconv 1x1 1  # \u202e """\\')
    text = source(graph)
    assert all(char.isprintable() or char == "\n" for char in text)
    ast.parse(text)


def test_same_graph_same_bytes() -> None:
    text = "import sys\nfrom tests.test_codegen import *\nsys.stdout.write(source(read(TEXTS['heads'])))"
    root = Path(__file__).parent.parent
    runs = [
        subprocess.run(
            [sys.executable, "-c", text], cwd=root, env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."}, capture_output=True
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout == source(read(TEXTS["heads"])).encode()


def test_writing_source_needs_no_torch() -> None:
    code = "import sys; import archdsl.codegen; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent.parent, check=True)


@pytest.mark.parametrize("name", ["residual", "heads", "cells", "gates", "skips", "sequence", "shared"])
def test_reads_as_formatted_by_hand(name: str, tmp_path: Path) -> None:
    # Only what we write ourselves: the copied layers keep the lines of their files.
    text = source(read(TEXTS[name]))
    for helper in helpers.collect(["DropPath"]):
        text = text.replace(f"\n\n\n{helper.text}", "")
    path = tmp_path / "generated.py"
    path.write_text(text, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "check", "--isolated", "--no-cache", "--ignore", "F821", path], check=True)
    subprocess.run([*ruff, "format", "--isolated", "--no-cache", "--check", path], check=True)


def test_resnet_is_one_class_a_block() -> None:
    # 25,557,032 parameters: torchvision's resnet50, the count of He et al.'s network with projections.
    graph = spec("resnet/resnet.arch", "resnet50")
    network = build(graph)
    assert sum(parameter.numel() for parameter in network.parameters()) == 25_557_032
    text = source(graph)
    assert len(re.findall(r"^class \w*ottleneck\w*\(", text, re.M)) == 1
    assert len(text.splitlines()) < 120


def test_outputs_in_training_only() -> None:
    graph = read(TEXTS["heads"])
    network = module(graph)
    x = torch.zeros(2, 3, 32, 32)
    results = network(x)
    assert results._fields == ("output", "aux", "early")
    assert results.aux.shape == (2, 10)
    assert network.eval()(x)._fields == ("output", "early")


def test_one_output_is_a_tensor_where_the_heads_are_for_training_only() -> None:
    # As torchvision's GoogLeNet: a named tuple in training, the logits alone in evaluation.
    network = build(spec("googlenet/googlenet.arch"))
    x = torch.zeros(2, 3, 224, 224, device="meta")
    assert network(x)._fields == ("output", "aux1", "aux2")
    assert network.eval()(x).shape == (2, 1000)


def test_rectifiers_overwrite_only_what_nobody_else_reads() -> None:
    text = """
        input 8x8x4
        block pre = residual<relu -> conv 3x3+1 4>
        block post = residual<conv 3x3+1 4 -> bn> -> relu
        pre -> post -> sigmoid -> relu6 -> gap -> fc 2"""
    network = module(read(text))
    plain = copy.deepcopy(network)
    working = [name for name, part in network.named_modules() if getattr(part, "inplace", False)]
    # `pre` reads its input twice, and a sigmoid's gradient needs its result.
    assert working == ["post.relu"]
    plain.get_submodule("post.relu").inplace = False
    x = torch.randn(2, 4, 8, 8)
    given = x.clone()
    for one in (network, plain):
        one(x).square().sum().backward()
    assert torch.equal(x, given)
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_a_shared_tower_is_one_module() -> None:
    network = module(read(TEXTS["shared"]))
    # 5*5*4+4 of the convolution, (10*10*4)*10+10 of the tower's last layer, 20+1 of the joint one: the tower counts
    # once.
    assert sum(parameter.numel() for parameter in network.parameters()) == 104 + 4010 + 21
    left, right = torch.randn(1, 1, 14, 14), torch.randn(1, 1, 14, 14)
    joint = [m for m in network.modules() if isinstance(m, nn.Linear)][-1]
    with torch.no_grad():
        joint.weight[:, 10:] = joint.weight[:, :10]
    torch.testing.assert_close(network(left, right), network(right, left))


@pytest.mark.parametrize(
    "text",
    [
        "conv 3x3+1 2 -> relu" + " -> conv 3x3+1 2 -> relu" * 2500,
        "(conv 3x3+1 2 -> relu) x300",
        "b x200\nblock b = residual<conv 1x1 2 -> bn -> relu -> conv 1x1 2> -> relu",
        "add<" + " | ".join(["conv 1x1 2"] * 300) + ">",
    ],
)
def test_thousands_of_layers(text: str) -> None:
    graph = read(f"input 4x4x2\n{text}")
    network = build(graph)
    assert network(torch.zeros(1, 2, 4, 4, device="meta")).shape == (1, 2, 4, 4)


def test_a_traceback_shows_the_line() -> None:
    network = module(read(TEXTS["residual"]))
    try:
        network(torch.zeros(1, 7, 16, 16))
    except RuntimeError as error:
        shown = "".join(traceback.format_exception(error))
    assert "self.relu(self.bn1(self.conv1(x)))" in shown


def test_the_module_can_be_pickled_copied_and_exported() -> None:
    network = module(read(TEXTS["residual"])).eval()
    x = torch.randn(1, 8, 16, 16)
    for other in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
        torch.testing.assert_close(other(x), network(x))
    with warnings.catch_warnings():
        # Newer torch says that tracing is deprecated, in a class of warnings of its own in each version.
        warnings.filterwarnings("ignore", message=".*jit")
        traced = torch.jit.trace(network, x)
    torch.testing.assert_close(traced(x), network(x))
    torch.testing.assert_close(torch.export.export(network, (x,)).module()(x), network(x))


def test_every_attribute_of_a_module_is_reserved() -> None:
    names = {name for name in dir(nn.Module()) if not name.startswith("_")}
    assert names <= MODULE_ATTRIBUTES


@pytest.mark.parametrize("name", ["__class__", "forward", "lambda", "training", "_", "__", "half", "1st", "a b", "é"])
def test_names_become_safe(name: str) -> None:
    for made in (attribute(name), variable(name), class_name(name)):
        assert made.isidentifier()
        assert made.isascii()
        assert not made.startswith("_")
    assert not hasattr(nn.Module(), attribute(name))


@pytest.mark.parametrize("name", SIGNATURES)
def test_defaults_are_those_of_pytorch(name: str) -> None:
    parameters = inspect.signature(getattr(nn, name.removeprefix("nn."))).parameters
    ours = dict(SIGNATURES[name])
    assert list(parameters)[: len(ours)] == list(ours)
    for key, default in ours.items():
        if default is None:
            assert parameters[key].default is inspect.Parameter.empty
        else:
            assert parameters[key].default == ast.literal_eval(default)


def test_helpers_come_with_what_they_use() -> None:
    for entry in pkgutil.iter_modules(archdsl.codegen.layers.__path__):
        held = import_module(f"archdsl.codegen.layers.{entry.name}")
        for name, value in vars(held).items():
            if inspect.isclass(value) and value.__module__ == held.__name__:
                found = helpers.collect([name])
                lines = sorted({line for helper in found for line in helper.imports})
                space: dict[str, object] = {"__name__": "copied"}
                exec("\n".join([*lines, *(helper.text for helper in found)]), space)
                assert name in space


def test_expressions_stay_together() -> None:
    assert render("{0}.flatten(1)", "", ["a + b"]) == "(a + b).flatten(1)"
    assert render("{m}({0})", "self.relu", ["a + b"]) == "self.relu(a + b)"
    assert render("torch.cat(({all}), dim=1)", "", ["a", "b"]) == "torch.cat((a, b), dim=1)"
    assert render("{0} * {1}", "", ["a - b", "c"]) == "(a - b) * c"


def test_long_lines_are_broken_at_brackets() -> None:
    arguments = ", ".join(f"argument{i}" for i in range(12))
    lines = wrap(f"x = function({arguments})", 8)
    assert max(map(len, lines)) <= 88
    assert ast.unparse(ast.parse("\n".join(lines).strip())) == f"x = function({arguments})"


def test_postdominators_of_a_diamond() -> None:
    # 0 forks to 1 and 2, which 3 joins; 4 is read by nothing.
    assert immediate_postdominators([[1, 2], [3], [3], [5], []]) == [3, 3, 3, 5, 5]


def test_a_long_sum_in_brackets_stays_a_sum() -> None:
    terms = " + ".join(f"argument{i}" for i in range(12))
    lines = wrap(f"x = ({terms}) / 12", 8)
    assert max(map(len, lines)) <= 88
    assert ast.unparse(ast.parse("\n".join(lines).strip())) == f"x = ({terms}) / 12"


def test_a_sum_that_stretches_its_first_branch_is_new() -> None:
    """One value added to two: PyTorch refuses to write the two into the place of the one."""
    module = archdsl.loads("input 4\nadd<fc 1 | fc 2>").module(seed=0)
    assert module(torch.zeros(3, 4)).shape == (3, 2)
