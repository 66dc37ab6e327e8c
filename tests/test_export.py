"""Files for other programs: ONNX run by onnxruntime, `.pt2` loaded by torch, weights by safetensors, each compared.

In: small networks. Out: facts: what those programs compute from the files, against the PyTorch module.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file

import archdsl
from archdsl.api import Architecture
from archdsl.cli.export import command
from archdsl.codegen import export as exporting
from archdsl.codegen.export import FORMATS, ExportError, Format, export

_NETS = {
    "image": "input 15x15x3\ndefault conv bias=false\nconv 3x3/2 8 same -> bn -> silu -> se<2>\n"
    "-> residual<conv 3x3+1 8 -> bn> -> maxpool 3/2 ceil -> lrn 5 -> drop_path 0.2 -> shuffle 2 -> dropout 0.5",
    "volume": "input 8x8x8x2\nconv 3x3x3+1 4 -> bn -> relu -> avgpool 2 -> gap -> fc 3",
    "sequence": "input 12x8\nposition -> attention heads=2 -> ln -> fc 6 -> gelu",
    "causal sequence": "input 12x8\nposition -> residual<ln -> attention 2 causal> -> fc 6",
    "windows": "input 10x13x8\nwindow_attention 2 window=4 -> ln -> residual<window_attention 2 window=4 shift=2>\n"
    "-> patch_merge 2 -> conv 1x1 8",
    "trained pools": "input 12x12x2\nconv 3x3 4 connect=[[0], [1], [0, 1], [1]] -> subsample 2 -> tanh -> rbf 4",
    "two inputs": "input left 9\ninput right 9\nshare tower = fc 4\nsub<@left -> tower | @right -> tower> -> fc 1",
    "two outputs": "input x 9\nfc 4 -> relu @h -> fc 2\noutput second = @h -> fc 3",
    "training head": "input 8x8x3\nconv 3x3 4 -> relu @h -> gap -> fc 2\noutput aux training = @h -> gap -> fc 2",
}


def _net(name: str) -> Architecture:
    return archdsl.loads(_NETS[name])


def _images(net: Architecture, batch: int) -> list[torch.Tensor]:
    """Other numbers than those that the export itself compares."""
    generator = torch.Generator().manual_seed(1234)
    shapes = [node.shape for node in net.graph.inputs]
    return [
        torch.randn(batch, *((shape[-1], *shape[:-1]) if len(shape) > 2 else shape), generator=generator)
        for shape in shapes
    ]


def _expected(made: torch.nn.Module, images: list[torch.Tensor]) -> list[torch.Tensor]:
    with torch.no_grad():
        result = made.eval()(*images)
    return [result] if isinstance(result, torch.Tensor) else [tensor for tensor in result if tensor is not None]


def _assert_close(got: list[Any], expected: list[torch.Tensor]) -> None:
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        assert tuple(one.shape) == tuple(other.shape)
        assert np.abs(np.asarray(one) - other.numpy()).max() <= 1e-4 * float(other.abs().max())


@pytest.mark.parametrize("name", _NETS)
def test_onnx_computes_the_same(name: str, tmp_path: Path) -> None:
    net = _net(name)
    made = net.module(seed=0)
    found = export(net.graph, made, tmp_path / "net.onnx", "onnx")
    assert found.difference <= 1e-4
    onnx.checker.check_model(onnx.load(tmp_path / "net.onnx"), full_check=True)
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    assert [port.name for port in session.get_inputs()] == [name for name, _ in found.inputs]
    assert [port.name for port in session.get_outputs()] == [name for name, _ in found.outputs]
    for batch in (1, 4):
        images = _images(net, batch)
        fed = {port.name: image.numpy() for port, image in zip(session.get_inputs(), images, strict=True)}
        _assert_close(session.run(None, fed), _expected(made, images))


@pytest.mark.parametrize("name", _NETS)
def test_pt2_computes_the_same(name: str, tmp_path: Path) -> None:
    net = _net(name)
    made = net.module(seed=0)
    found = export(net.graph, made, tmp_path / "net.pt2", "pt2")
    assert found.difference <= 1e-4
    program = torch.export.load(tmp_path / "net.pt2")
    assert program.state_dict.keys() <= made.state_dict().keys()
    loaded = program.module()
    for batch in (1, 4):
        images = _images(net, batch)
        result = loaded(*images)
        named = result if isinstance(result, dict) else {"output": result}
        assert list(named) == [name for name, _ in found.outputs]
        _assert_close([tensor.detach() for tensor in named.values()], _expected(made, images))


def test_names_of_inputs_and_outputs(tmp_path: Path) -> None:
    def names(name: str) -> tuple[list[str], list[str]]:
        net = _net(name)
        found = export(net.graph, net.module(seed=0), tmp_path / "w.safetensors", "safetensors")
        return [name for name, _ in found.inputs], [name for name, _ in found.outputs]

    assert names("two inputs") == (["left", "right"], ["output"])
    assert names("two outputs") == (["x"], ["output", "second"])
    assert names("training head") == (["input"], ["output"])


def test_an_input_and_an_output_of_one_name(tmp_path: Path) -> None:
    net = archdsl.loads("input output 9\nfc 4")
    found = export(net.graph, net.module(seed=0), tmp_path / "net.onnx", "onnx")
    assert [name for name, _ in (*found.inputs, *found.outputs)] == ["output_in", "output"]


def test_a_fixed_batch(tmp_path: Path) -> None:
    net = _net("volume")
    found = export(net.graph, net.module(seed=0), tmp_path / "net.onnx", "onnx", batch=5)
    assert found.batches == (5,)
    model = onnx.load(tmp_path / "net.onnx")
    sizes = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert sizes == [5, 2, 8, 8, 8]


# The last reads the matrix of an embedding the other way, and no words.
@pytest.mark.parametrize(
    "text",
    ["input 7\nembed 11 4 -> ln -> fc 3", "input 7\nshare words = embed 11 4\nwords -> words", "input 7x4\nembed 11 4"],
)
def test_words_are_whole_numbers(text: str, tmp_path: Path) -> None:
    net = archdsl.loads(text)
    for format in ("onnx", "pt2"):
        assert export(net.graph, net.module(seed=0), tmp_path / f"net.{format}", format).difference <= 1e-4


def test_weights_are_those_of_the_module(tmp_path: Path) -> None:
    net = _net("training head")
    made = net.module(seed=3)
    export(net.graph, made, tmp_path / "w.safetensors", "safetensors")
    held = load_file(tmp_path / "w.safetensors")
    assert held.keys() == made.state_dict().keys()
    assert all(torch.equal(held[name], value) for name, value in made.state_dict().items())


@pytest.mark.parametrize("format", ["onnx", "pt2"])
def test_a_file_that_computes_something_else_is_not_written(
    format: Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of 2e-4 of the largest value is twice what is allowed."""
    net = _net("volume")
    made = net.module(seed=0)
    plain = exporting._outputs
    calls = 0

    def spoilt(result: Any) -> list[torch.Tensor]:
        nonlocal calls
        calls += 1
        return [tensor + 2e-4 * tensor.abs().max() for tensor in plain(result)] if calls == 1 else plain(result)

    monkeypatch.setattr(exporting, "_outputs", spoilt)
    with pytest.raises(ExportError, match=r"`output` of the file differs by 2\.0e-04 of its largest value"):
        export(net.graph, made, tmp_path / f"net.{format}", format)
    assert list(tmp_path.iterdir()) == []


def test_a_pool_that_onnx_lacks_is_found_out(tmp_path: Path) -> None:
    """Sums over windows that the edge cuts off: torch's translation divides them, which the comparison shows."""
    net = archdsl.loads("input 9x9x3\nsubsample 2 ceil")
    with pytest.raises(ExportError, match="differs by"):
        export(net.graph, net.module(seed=0), tmp_path / "net.onnx", "onnx")


def test_training_mode_and_generators_are_left_alone(tmp_path: Path) -> None:
    net = _net("image")
    torch.manual_seed(8)
    before = torch.get_rng_state()
    made = net.module(seed=0)
    export(net.graph, made, tmp_path / "net.pt2", "pt2")
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.requires_grad for parameter in made.parameters())


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = exporting.find_spec
    monkeypatch.setattr(exporting, "find_spec", lambda name: None if name.startswith("onnxr") else known(name))
    net = _net("two outputs")
    with pytest.raises(ExportError) as caught:
        export(net.graph, net.module(seed=0), tmp_path / "net.onnx", "onnx")
    assert caught.value.message == "ONNX needs onnxruntime"
    assert caught.value.hint == "pip install onnxruntime"
    export(net.graph, net.module(seed=0), tmp_path / "net.pt2", "pt2")


def test_more_weights_than_a_file_holds(tmp_path: Path) -> None:
    net = archdsl.loads("input 30000\nfc 20000")
    with torch.device("meta"):
        made = net.module()
    with pytest.raises(ExportError, match=r"an ONNX file holds 2 GB, and these weights are 2\.4 GB"):
        exporting._onnx(net.graph, made, None, tmp_path / "net.onnx", (1,), None, lambda doing: None)  # type: ignore[arg-type]


# ---------------------------------------------------------------- the command


@pytest.fixture
def arch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(_NETS["two inputs"])
    return "net.arch"


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_the_command_says_what_it_measured(arch: str) -> None:
    result = _run(arch, "-o", "net.onnx", "--opset", 21)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("wrote net.onnx: ")
    assert ", opset 21, in " in lines[0]
    assert lines[1:4] == ["  input   left  batch x 9", "  input   right  batch x 9", "  output  output  batch x 1"]
    assert lines[4] == "onnxruntime against the module, batches of 1 and 3:"
    assert max(map(len, lines)) <= 80
    assert onnx.load("net.onnx").opset_import[0].version == 21


def test_the_command_for_programs(arch: str) -> None:
    record = json.loads(_run(arch, "-o", "net.pt2", "--json", "--batch", 2).stdout)
    assert (record["format"], record["batches"], record["opset"]) == ("pt2", [2], None)
    assert record["inputs"] == [{"name": "left", "shape": [9]}, {"name": "right", "shape": [9]}]
    assert record["bytes"] == Path("net.pt2").stat().st_size
    assert record["difference"] <= record["tolerance"] == 1e-4


def test_weights_from_a_file(arch: str) -> None:
    assert _run(arch, "-o", "w.safetensors", "--seed", 9).exit_code == 0
    assert _run(arch, "--weights", "w.safetensors", "-o", "net.pt2").exit_code == 0
    drawn = archdsl.load(arch).module(seed=9).state_dict()
    held = torch.export.load("net.pt2").state_dict
    assert all(torch.equal(held[name], drawn[name]) for name in held)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "net.tflite"), f"does not end in one of {', '.join(f'.{name}' for name in FORMATS)}"),
        (("-o", "net"), "does not end in one of"),
        ((), "Missing option '-o'"),
        (("-o", "net.pt2", "--opset", "20"), "--opset does not go with .pt2"),
        (("-o", "w.safetensors", "--batch", "2"), "--batch does not go with .safetensors"),
        (("-o", "net.pt2", "--weights", "w.safetensors", "--seed", "1"), "--seed does not go with --weights"),
        (("-o", "net.pt2", "--weights", "w.safetensors"), "cannot read w.safetensors: No such file or directory"),
        (("-o", "nowhere/net.onnx"), "cannot write nowhere/net.onnx: there is no folder nowhere"),
        (("-o", "net.onnx", "--opset", "9999"), "opset 9999"),
    ],
)
def test_mistakes(arch: str, arguments: tuple[str, ...], message: str) -> None:
    result = _run(arch, *arguments)
    assert result.exit_code in (1, 2)
    assert message in result.output
    assert isinstance(result.exception, SystemExit)
    assert [path.name for path in Path().iterdir()] == ["net.arch"]
