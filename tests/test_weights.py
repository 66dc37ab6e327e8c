"""Weights of other implementations: which tensor is whose, what is read and refused, and what is said.

In: torchvision's networks, timm's names, checkpoints written here. Out: facts: equal outputs, torch's own files.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file
from torch import nn

import archdsl
from archdsl.cli.export import command as export_command
from archdsl.cli.weights import command
from archdsl.codegen.matching import Match, Mismatch, Slot, Tensor, match, slots
from archdsl.codegen.matching_tree import lay
from archdsl.codegen.weights import transfer
from archdsl.codegen.weights_file import Checkpoint, CheckpointError, read_checkpoint
from archdsl.diagnostics import ArchError
from archdsl.graph import Graph
from tests.torchvision_cpu import load

models = load()

_COUNTER = "num_batches_tracked"
_ZOO = {
    "alexnet": "alexnet_torchvision",
    "googlenet": "googlenet_torchvision",
    **{name: name for name in ("densenet121", "efficientnet_b0", "inception_v3", "mobilenet_v2", "resnet18")},
    **{name: name for name in ("resnet50", "resnext50_32x4d", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0")},
    **{name: name for name in ("squeezenet1_0", "vgg16_bn", "vit_b_16", "wide_resnet50_2")},
}
"""torchvision's name and the zoo's."""


def _theirs(name: str, device: str = "meta", **options: Any) -> nn.Module:
    """torchvision's network; with random weights, batch norm's statistics among them, if not on `meta`."""
    quiet = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        made: nn.Module = models.get_model_builder(name)(**quiet, **options)
    if device == "meta":
        return made
    made.to_empty(device=device)
    with torch.no_grad():
        for key, tensor in made.state_dict().items():
            if key.endswith("running_var") or (tensor.dim() == 1 and key.endswith("weight")):
                tensor.uniform_(0.5, 1.5)
            elif tensor.dim() < 2:
                tensor.fill_(7) if key.endswith(_COUNTER) else tensor.normal_(0, 0.1)
            else:
                tensor.normal_(0, tensor[0].numel() ** -0.5)
    return made.eval()


def _tensors(state: Mapping[str, torch.Tensor]) -> list[Tensor]:
    return [Tensor(name, tuple(value.shape)) for name, value in state.items() if not name.endswith(_COUNTER)]


def _names(theirs: list[Tensor], graph: Graph) -> dict[str, str]:
    found = match(theirs, slots(graph))
    assert isinstance(found, Match)
    return {pair.ours.name: pair.theirs.name for pair in found.pairs if pair.theirs is not None and pair.fits}


def _graph(name: str, **options: Any) -> Graph:
    return archdsl.load(f"zoo:{_ZOO[name]}", **options).graph


# ---------------------------------------------------------------- which is whose


@pytest.mark.parametrize("name", ["resnet50", "inception_v3", "vgg16_bn", "vit_b_16"])
def test_same_outputs_as_torchvision(name: str) -> None:
    """The smaller networks are compared in `test_zoo_torchvision`, which copies weights in the same way."""
    torch.manual_seed(0)
    side = {"inception_v3": 299, "resnet50": 64}.get(name, 224)
    size = {None: (side, side, 3)}
    net = archdsl.load(f"zoo:{_ZOO[name]}", inputs=size)
    theirs = _theirs(name, "cpu")
    found = transfer(net.graph, Checkpoint(theirs.state_dict(), ()), (), 0)
    ours = archdsl.load(f"zoo:{_ZOO[name]}", inputs=size).module(init="default").eval()
    ours.load_state_dict(found.values, assign=True)
    images = torch.randn(1, 3, side, side)
    with torch.inference_mode():
        expected, got = theirs(images), ours(images)
    got = got if isinstance(got, torch.Tensor) else got[0]
    assert (got - expected).abs().max() <= 1e-5 * expected.abs().max()
    counters = [value for key, value in found.values.items() if key.endswith(_COUNTER)]
    assert all(value == 7 for value in counters)


@pytest.mark.parametrize("name", _ZOO)
def test_the_order_of_the_alphabet_is_told_by_numbers(name: str) -> None:
    """safetensors files are in that order: the same tensors must be found, `layer10` behind `layer2`."""
    theirs, graph = _tensors(_theirs(name).state_dict()), _graph(name)
    in_order = _names(theirs, graph)
    assert len(in_order) == len(theirs)
    assert _names(sorted(theirs, key=lambda tensor: tensor.name), graph) == in_order


def test_training_heads_and_the_last_layer_are_told_apart() -> None:
    """torchvision's GoogLeNet has `aux1`, `aux2`, `fc`, three matrices of 1000x1024, and ours the last one first."""
    names = _names(_tensors(_theirs("googlenet").state_dict()), _graph("googlenet"))
    assert (names["fc.weight"], names["head1.fc2.weight"], names["head2.fc2.weight"]) == (
        "fc.weight",
        "aux1.fc2.weight",
        "aux2.fc2.weight",
    )


_BLOCK = ["conv1", "bn1", "conv2", "bn2", "conv3", "bn3", "downsample.0", "downsample.1"]


@pytest.mark.parametrize(
    "order",
    [
        # Shortcut first, as in timm's pre-activation units; all convolutions, then all norms; wholly reversed.
        [*_BLOCK[6:], *_BLOCK[:6]],
        ["conv1", "conv2", "conv3", "bn1", "bn2", "bn3", "downsample.0", "downsample.1"],
        ["conv3", "bn3", "downsample.0", "downsample.1", "conv2", "conv1", "bn1", "bn2"],
    ],
)
def test_another_order_of_registration(order: list[str]) -> None:
    theirs, graph = _tensors(_theirs("resnet50").state_dict()), _graph("resnet50")

    def place(tensor: Tensor) -> tuple[str, int]:
        block, _, part = re.fullmatch(r"((?:layer\d\.\d\.)?)()(.*)\.\w+", tensor.name).groups()  # type: ignore[union-attr]
        return block, order.index(part) if block else -1

    blocks = list(dict.fromkeys(place(tensor)[0] for tensor in theirs))
    # `fc` shares the empty prefix with the stem: the sort is stable, so both keep their own order.
    other = sorted(theirs, key=lambda tensor: (blocks.index(place(tensor)[0]), place(tensor)[1]))
    assert other != theirs
    assert _names(other, graph) == _names(theirs, graph)


def test_what_could_be_laid_in_two_ways_is_named() -> None:
    """With the shortcut first and the norms before the convolutions, `conv3` and `downsample.0`, both 256x64x1x1, could
    stand for each other in the first unit, and in no other, where the shortcut reads more channels."""
    parts = ["downsample.0", "downsample.1", "bn1", "bn2", "bn3", "conv1", "conv2", "conv3"]
    theirs = _tensors(_theirs("resnet50").state_dict())
    unit = [tensor for tensor in theirs if tensor.name.startswith("layer1.0.")]
    other = sorted(unit, key=lambda tensor: parts.index(tensor.name.removeprefix("layer1.0.").rpartition(".")[0]))
    first = theirs.index(unit[0])
    found = match([*theirs[:first], *other, *theirs[first + len(unit) :]], slots(_graph("resnet50")))
    assert isinstance(found, Match)
    assert found.tied == ("layer1.0",)


def test_disorder_is_rather_among_branches_than_inside_one() -> None:
    # A unit of torchvision's RegNet registers its projection before its body of a, b and c; where both have as many
    # channels, a, c and the projection have one shape.
    names, kinds = ["proj.w", "f.a.w", "f.b.w", "f.c.w"], ["1x1", "1x1", "3x3", "1x1"]
    found = lay(names, kinds, ["1x1", "1x1", "3x3", "1x1"])
    assert found is not None
    assert (found.order, found.tied) == ((0, 1, 2, 3), ())
    # Computed behind the body it is so in the row. Two parts are astray here, and as many where the projection is
    # taken for a, and the body laid as b, c, a: both could be, and the body as it is written is the likelier.
    found = lay(names, kinds, ["1x1", "3x3", "1x1", "1x1"])
    assert found is not None
    assert (found.order, found.tied) == ((1, 2, 3, 0), ("",))


def test_another_naming_without_any_modules() -> None:
    """`conv1_weight`, …: no module says what belongs together, and the order does."""
    theirs, graph = _tensors(_theirs("resnet50").state_dict()), _graph("resnet50")
    flat = [Tensor(tensor.name.replace(".", "_"), tensor.shape) for tensor in theirs]
    expected = {ours: name.replace(".", "_") for ours, name in _names(theirs, graph).items()}
    assert _names(flat, graph) == expected


_TIMM_VIT = {
    "class_token": "cls_token",
    "encoder.pos_embedding": "pos_embed",
    "conv_proj": "patch_embed.proj",
    r"encoder.layers.encoder_layer_(\d+).": r"blocks.\1.",
    "ln_1": "norm1",
    "self_attention.in_proj_": "attn.qkv.",
    "self_attention.out_proj": "attn.proj",
    "ln_2": "norm2",
    "mlp.0": "mlp.fc1",
    "mlp.3": "mlp.fc2",
    "encoder.ln": "norm",
    "heads.head": "head",
}


def test_timms_names_of_a_vision_transformer() -> None:
    theirs, graph = _tensors(_theirs("vit_b_16").state_dict()), _graph("vit_b_16")
    timm = {}
    for tensor in theirs:
        name = tensor.name
        for pattern, replacement in _TIMM_VIT.items():
            name = re.sub(pattern, replacement, name)
        timm[tensor.name] = name
    assert timm["encoder.layers.encoder_layer_3.self_attention.in_proj_weight"] == "blocks.3.attn.qkv.weight"
    first = ["cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"]
    renamed = [Tensor(timm[tensor.name], tensor.shape) for tensor in theirs]
    renamed.sort(key=lambda tensor: first.index(tensor.name) if tensor.name in first else len(first))
    assert _names(renamed, graph) == {ours: timm[name] for ours, name in _names(theirs, graph).items()}


def test_timms_vgg_has_its_first_fc_as_a_convolution() -> None:
    """`pre_logits.fc1` is 4096x512x7x7 there: the same sum in the same order as of the flattened 7x7x512."""
    graph = _graph("vgg16_bn")
    state = _theirs("vgg16_bn", "cpu").state_dict()
    names = {"classifier.0": "pre_logits.fc1", "classifier.3": "pre_logits.fc2", "classifier.6": "head.fc"}
    timm = {}
    for key, value in state.items():
        name = next((new + key.removeprefix(old) for old, new in names.items() if key.startswith(old)), key)
        sides = 7 if "fc1.weight" in name else 1 if "fc2.weight" in name else 0
        timm[name] = value.view(value.shape[0], -1, sides, sides) if sides else value
    assert timm["pre_logits.fc1.weight"].shape == (4096, 512, 7, 7)
    ours = transfer(graph, Checkpoint(timm, ()), (), 0).values
    plain = transfer(graph, Checkpoint(state, ()), (), 0).values
    assert all(torch.equal(ours[name], plain[name]) for name in ours)


def test_any_order_and_any_names_of_networks_without_likes() -> None:
    """Where no two tensors are alike, whatever order they come in, each finds its place."""
    graph = archdsl.loads(
        "input 32x32x3\ndefault conv bias=false\n"
        "conv 3x3 8 -> bn -> relu -> residual<conv 3x3+1 9 -> bn -> relu -> conv 1x1 8> -> gap -> fc 5"
    ).graph
    wanted = [slot for slot in slots(graph) if not slot.counter]
    draw = random.Random(0)
    for _ in range(50):
        mixed = [Tensor(f"p{index}.{slot.name.rpartition('.')[2]}", slot.shape) for index, slot in enumerate(wanted)]
        expected = {slot.name: tensor.name for slot, tensor in zip(wanted, mixed, strict=True)}
        draw.shuffle(mixed)
        assert _names(mixed, graph) == expected


def test_parts_that_could_change_places_are_named() -> None:
    found = lay(["a.w", "b.w", "c.w"], ["3x3", "3x3", "1x1"], ["3x3", "3x3", "1x1"])
    assert found is not None
    assert found.order == (0, 1, 2)
    assert found.alike == (("a", "b"),)
    assert lay(["a.w"], ["3x3"], ["1x1"]) is None
    assert lay(["a.w", "b.w"], ["x", "x"], ["x"]) is None


def test_long_checkpoints_take_no_long_time() -> None:
    """20,000 tensors in one row, and modules in modules in modules: linear, and no recursion limit."""
    kinds = ["a", "b"] * 10_000
    found = lay([f"m{index}_w" for index in range(20_000)], kinds, kinds)
    assert found is not None
    assert found.order == tuple(range(20_000))
    deep = [".".join(["m"] * depth) + ".w" for depth in range(1, 400)]
    assert lay(deep, ["a"] * 399, ["a"] * 399) is not None


# ---------------------------------------------------------------- what does not fit


def test_a_mismatch_is_located_on_both_sides() -> None:
    graph = archdsl.load("zoo:resnet50").graph
    theirs = _tensors(_theirs("resnet50").state_dict())
    place = next(i for i, tensor in enumerate(theirs) if tensor.name == "layer3.0.downsample.0.weight")
    theirs[place] = Tensor(theirs[place].name, (1024, 512, 3, 3))
    with pytest.raises(ArchError) as caught:
        transfer(
            graph, Checkpoint({tensor.name: torch.empty(tensor.shape, device="meta") for tensor in theirs}, ()), (), 0
        )
    (found,) = caught.value.diagnostics
    assert found.id == "weights-mismatch"
    assert found.message.startswith("`layer3.0.downsample.0.weight` 1024x512x3x3 does not fit `")
    assert found.message.endswith(".conv.weight` 1024x512x1x1")
    assert found.span is not None
    assert found.span.text.startswith("conv 1x1/s c")


def test_a_deeper_network_is_another_network() -> None:
    found = match(_tensors(_theirs("resnet18").state_dict()), slots(_graph("resnet50")))
    assert isinstance(found, Mismatch)
    theirs = _tensors(models.resnet34().to("meta").state_dict())
    found = match(theirs, slots(_graph("resnet18")))
    assert isinstance(found, Mismatch)
    # 16 of ResNet-34's units against 8: eight more, of two convolutions and two norms of four tensors each.
    assert len(found.rows) == 8 * (2 + 2 * 4)
    assert all(ours is None for _, ours in found.rows)


def test_another_number_of_classes_keeps_all_but_the_head() -> None:
    state = _theirs("googlenet", "cpu").state_dict()
    net = archdsl.load("zoo:googlenet_torchvision", settings={"classes": 10})
    found = transfer(net.graph, Checkpoint(state, ()), (), 3)
    heads = {"fc.weight", "fc.bias", "head1.fc2.weight", "head1.fc2.bias", "head2.fc2.weight", "head2.fc2.bias"}
    assert {pair.ours.name for pair in found.begun} == heads
    initial = net.module(seed=3).state_dict()
    assert all(torch.equal(found.values[name], initial[name]) for name in heads)
    full = transfer(_graph("googlenet"), Checkpoint(state, ()), (), 3).values
    assert all(torch.equal(found.values[name], full[name]) for name in full.keys() - heads)


def test_heads_for_training_may_be_missing() -> None:
    state = {name: value for name, value in _theirs("googlenet", "cpu").state_dict().items() if "aux" not in name}
    found = transfer(_graph("googlenet"), Checkpoint(state, ()), (), 0)
    assert {pair.ours.name.partition(".")[0] for pair in found.begun} == {"head1", "head2"}
    assert all(pair.theirs is None for pair in found.begun)
    half = {**state, "aux1.fc1.weight": torch.zeros(1024, 2048)}
    with pytest.raises(ArchError):
        transfer(_graph("googlenet"), Checkpoint(half, ()), (), 0)


def test_only_the_outputs_of_a_head_may_differ() -> None:
    slot = Slot("fc.weight", (10, 64), 1, head=True)
    assert isinstance(match([Tensor("w.weight", (1000, 64))], [slot]), Match)
    assert isinstance(match([Tensor("w.weight", (1000, 65))], [slot]), Mismatch)
    assert isinstance(match([Tensor("w.weight", (1000, 64))], [Slot("fc.weight", (10, 64), 1)]), Mismatch)


# ---------------------------------------------------------------- files


class _Evil:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (exec, ("raise SystemExit('code was run')",))


def _linear() -> dict[str, torch.Tensor]:
    return {"weight": torch.arange(6.0).view(3, 2), "bias": torch.ones(3)}


@pytest.mark.parametrize(
    ("held", "under"),
    [
        (_linear(), ()),
        ({"epoch": 3, "state_dict": {f"module.{key}": value for key, value in _linear().items()}}, ("state_dict",)),
        ({"model": {"state_dict": _linear()}, "optimizer": {0: {"m": torch.zeros(3)}}}, ("model", "state_dict")),
        ({"mine": _linear(), "args": {"lr": 0.1}}, ("mine",)),
        ({**_linear(), "n_averaged": torch.tensor(3), "note": "x"}, ()),
    ],
)
def test_state_dicts_are_found_where_people_put_them(tmp_path: Path, held: Any, under: tuple[str, ...]) -> None:
    graph = archdsl.loads("input 2\nfc 3").graph
    for old in (False, True):
        torch.save(held, tmp_path / "w.pth", _use_new_zipfile_serialization=not old)
        read = read_checkpoint(tmp_path / "w.pth")
        assert read.under == under
        values = transfer(graph, read, (), 0).values
        assert torch.equal(values["fc.weight"], _linear()["weight"])
        assert torch.equal(values["fc.bias"], _linear()["bias"])


def _write(content: Any) -> Callable[[Path], None]:
    return lambda path: (
        torch.save(content, path) if not isinstance(content, bytes) else path.write_bytes(content) and None
    )


def _cut(path: Path) -> None:
    if path.suffix == ".safetensors":
        save_file({"weight": torch.zeros(100, 100)}, path)
    else:
        torch.save({"weight": torch.zeros(100, 100)}, path)
    path.write_bytes(path.read_bytes()[:20_000])


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("missing.pth", lambda path: None, "No such file"),
        ("missing.safetensors", lambda path: None, "No such file"),
        ("w.pth", Path.mkdir, "Is a directory"),
        ("w.h5", _write(b"x"), "does not end as a file of weights does"),
        ("w.pth", _write(b""), "is empty"),
        ("w.pth", _write(b"hello"), "is no checkpoint of PyTorch"),
        ("w.pth", _write(b"PK\x03\x04"), "cannot be read"),
        ("w.pth", _write(b"\x80\x02"), "cannot be read"),
        ("w.safetensors", _write(b"\xff" * 20), "cannot be read"),
        ("w.safetensors", _write(b"12"), "cannot be read"),
        ("w.pth", _cut, "cannot be read"),
        ("w.safetensors", _cut, "cannot be read"),
        ("w.pth", _write(_Evil()), "holds code beside its weights"),
        ("w.pth", _write({"weight": torch.zeros(2), "extra": _Evil()}), "holds code beside its weights"),
        ("w.pth", _write(nn.Linear(2, 3)), "holds code beside its weights, `torch.nn.modules.linear.Linear`"),
        ("w.pth", _write([1, 2]), "holds no tensors by name"),
        ("w.pth", _write(torch.zeros(2)), "holds no tensors by name"),
        ("w.pth", _write({"epoch": 3}), "holds no weights"),
        (
            "w.pth",
            _write({"a": {"w": torch.zeros(2)}, "b": {"w": torch.zeros(2)}}),
            "several sets of weights: `a`, `b`",
        ),
        ("w.pth", _write({"steps": torch.tensor(3)}), "holds no weights"),
    ],
)
def test_what_is_no_checkpoint_is_refused(
    tmp_path: Path, name: str, write: Callable[[Path], None], message: str
) -> None:
    write(tmp_path / name)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(tmp_path / name)
    assert message in caught.value.message


def test_every_cut_and_every_changed_byte_is_a_clear_error(tmp_path: Path) -> None:
    """Whatever is done to a small file, nothing but `CheckpointError` comes of it, or a state dict."""
    draw = random.Random(0)
    for name in ("new.pth", "old.pth", "w.safetensors"):
        path = tmp_path / name
        if path.suffix == ".safetensors":
            save_file(_linear(), path)
        else:
            torch.save(_linear(), path, _use_new_zipfile_serialization=name == "new.pth")
        whole = path.read_bytes()
        refused = 0
        for trial in range(60):
            at = draw.randrange(len(whole))
            changed = bytes([draw.randrange(256)])
            path.write_bytes(whole[:at] if trial % 2 else whole[:at] + changed + whole[at + 1 :])
            try:
                read_checkpoint(path)
            except CheckpointError as error:
                assert str(path) in error.message  # noqa: PT017 - both ends are right
                refused += 1
        assert refused >= 25, name


def test_kinds_of_numbers_are_converted_and_that_is_said() -> None:
    graph = archdsl.loads("input 2\nfc 3").graph
    state = {name: value.half() for name, value in _linear().items()}
    found = transfer(graph, Checkpoint(state, ()), (), 0)
    assert found.converted == ("float16",)
    assert torch.equal(found.values["fc.weight"], _linear()["weight"])


# ---------------------------------------------------------------- the command


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_from_pth_to_safetensors_to_a_module(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = _theirs("resnet18", "cpu")
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")
    result = _run("zoo:resnet18", "--from", tmp_path / "theirs.pth", "-o", tmp_path / "ours.safetensors")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "layer2.0.downsample.0" in result.stdout
    assert "resnet18: 102 of 102 tensors from theirs.pth:" in lines
    net = archdsl.load("zoo:resnet18", inputs={None: (64, 64, 3)})
    ours = net.module(weights=tmp_path / "ours.safetensors").eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = theirs(images)
        assert (ours(images) - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert all(parameter.requires_grad for parameter in ours.parameters())
    # Equal runs write equal bytes.
    first = (tmp_path / "ours.safetensors").read_bytes()
    _run("zoo:resnet18", "--from", tmp_path / "theirs.pth", "-o", tmp_path / "ours.safetensors")
    assert (tmp_path / "ours.safetensors").read_bytes() == first


def test_transfer_learning_is_said(tmp_path: Path) -> None:
    torch.save(_theirs("resnet18", "cpu").state_dict(), tmp_path / "w.pth")
    out = tmp_path / "w.safetensors"
    arguments = ("zoo:resnet18", "--from", tmp_path / "w.pth", "--set", "classes=10", "--seed", 4, "-o", out)
    text = _run(*arguments).stdout
    assert "1000x512, here 10x512" in text
    assert "resnet18: 100 of 102 tensors" in text
    assert "begin anew, seed 4 (another shape in the checkpoint):\n  fc.weight 10x512\n  fc.bias 10\n" in text
    initial = archdsl.load("zoo:resnet18", settings={"classes": 10}).module(seed=4).state_dict()
    assert torch.equal(load_file(out)["fc.weight"], initial["fc.weight"])
    record = json.loads(_run(*arguments, "--json").stdout)
    begun = [tensor["ours"]["name"] for tensor in record["tensors"] if tensor["from"] == "initial"]
    assert begun == ["fc.weight", "fc.bias"]
    # 11,689,512 parameters and 9,600 running statistics of 4,800 channels; all but the head's 512,000 and 1,000 taken.
    assert record["values_taken"] == 11_689_512 + 9_600 - 513_000
    assert record["alphabetical"] is False
    assert record["output"] == str(out)


def test_alphabetical_files_are_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "net.arch").write_text("input 8x8x3\nconv 3x3+1 4 -> conv 3x3+1 4 -> conv 3x3+1 4 -> gap -> fc 2\n")
    made = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 2))
    save_file(made.state_dict(), tmp_path / "w.safetensors")
    result = _run(tmp_path / "net.arch", "--from", tmp_path / "w.safetensors")
    assert "in the order of the alphabet" in result.stdout
    assert "nothing is written without -o" in result.stderr
    assert "\n  1, 2\n" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "w.pth", "-o", "w.pth"), "does not end in .safetensors"),
        (("--from", "w.pth", "-o", "nowhere/w.safetensors"), "there is no folder nowhere"),
        (("--from", "no.pth"), "cannot read no.pth"),
        ((), "Missing option '--from'"),
        (("--from", "w.pth", "--set", "n=4"), "error[weights-mismatch]"),
    ],
)
def test_mistakes_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text("arch net<n=3>\ninput 2\nfc n -> fc 3\n")
    torch.save(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3)).state_dict(), "w.pth")
    result = _run("net.arch", *arguments)
    assert result.exit_code in (1, 2)
    assert message in result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_recipe_whose_init_does_not_fit_is_located(tmp_path: Path) -> None:
    (tmp_path / "net.arch").write_text("input 2\nfc 4\ntrain { init deconv=ones }\n")
    torch.save(_linear(), tmp_path / "w.pth")
    result = _run(tmp_path / "net.arch", "--from", tmp_path / "w.pth")
    assert result.exit_code == 1
    assert "error[unknown-setting]" in result.output
    assert "net.arch:3:14" in result.output


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "net.arch").write_text("input 2\nfc 3\n")
    torch.save(_linear(), tmp_path / "w.pth")
    (tmp_path / "taken.safetensors").mkdir()
    result = _run(tmp_path / "net.arch", "--from", tmp_path / "w.pth", "-o", tmp_path / "taken.safetensors")
    assert result.exit_code == 2
    assert "is a directory" in result.output


def test_own_weights_must_be_those_of_the_network(tmp_path: Path) -> None:
    net = archdsl.loads("input 2\nfc 3")
    path = tmp_path / "w.safetensors"
    for held, message in (
        ({"weight": torch.zeros(3, 2), "bias": torch.zeros(3)}, "has no `fc.weight`, and the network has it in 3x2"),
        (
            {"fc.weight": torch.zeros(3, 3), "fc.bias": torch.zeros(3)},
            "has `fc.weight` 3x3, and the network has it in 3x2",
        ),
        ({**net.module(seed=0).state_dict(), "more": torch.zeros(1)}, "has `more`, which the network has not"),
    ):
        save_file(held, path)
        with pytest.raises(ArchError) as caught:
            net.module(weights=path)
        (found,) = caught.value.diagnostics
        assert message in found.message
        assert "archdsl weights" in found.hint
    with pytest.raises(ValueError, match="would change nothing"):
        net.module(weights=path, seed=0)
    with pytest.raises(CheckpointError):
        net.module(weights=tmp_path / "no.safetensors")


def test_exporting_weights_writes_what_module_reads(tmp_path: Path) -> None:
    (tmp_path / "net.arch").write_text("input 8x8x3\nconv 3x3 4 -> bn -> relu -> gap -> fc 2\n")
    out = tmp_path / "w.safetensors"
    result = CliRunner().invoke(export_command, [str(tmp_path / "net.arch"), "--seed", "5", "-o", str(out)])
    assert result.exit_code == 0, result.output
    net = archdsl.load(tmp_path / "net.arch")
    read, drawn = net.module(weights=out).state_dict(), net.module(seed=5).state_dict()
    assert read.keys() == drawn.keys()
    assert all(torch.equal(read[name], drawn[name]) for name in read)


def test_a_checkpoint_with_our_names_is_laid_by_them(tmp_path: Path) -> None:
    """Equal layers in another order, as a safetensors file has them: `b` stands before `z` there and behind it here."""
    text = "input 4x4x2\nconv 1x1 2 @z -> conv 1x1 2 @b -> conv 1x1 2 @a -> gap -> fc 3 @head"
    net = archdsl.loads(text)
    state = net.module(seed=5).state_dict()
    found = match([Tensor(name, tuple(state[name].shape)) for name in sorted(state)], slots(net.graph))
    assert isinstance(found, Match)
    assert found.named
    assert [pair.theirs.name for pair in found.pairs if pair.theirs] == list(state)
    smaller = archdsl.loads(text.replace("fc 3", "fc 5"))
    begun = match([Tensor(name, tuple(state[name].shape)) for name in sorted(state)], slots(smaller.graph))
    assert isinstance(begun, Match)
    assert [pair.ours.name for pair in begun.pairs if not pair.fits] == ["head.weight", "head.bias"]
