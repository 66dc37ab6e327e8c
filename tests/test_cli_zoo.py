"""The zoo by name, files of one's own, networks side by side and against each other."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import archdsl
from archdsl import zoo
from archdsl.analysis.figures import figures
from archdsl.checking import check_file
from archdsl.cli.main import archdsl as commands
from archdsl.diagnostics import ArchError
from archdsl.differing import compare
from archdsl.draw.axis import axis, near
from archdsl.draw.bubbles import Bubble, draw_bubbles, place
from archdsl.elaborate import Request
from archdsl.listing import list_file
from archdsl.starting import copied


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(commands, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], str]:
    def make(text: str, name: str) -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return make


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("resnet50", 25_557_032),  # torchvision
        ("vgg16", 138_357_544),  # torchvision
        ("D", 138_357_544),  # the paper's letter for it
        ("alexnet", 60_965_224),  # 2012: Caffe's bvlc_alexnet, two groups
        ("alexnet_torchvision", 61_100_840),  # torchvision
        ("lenet5", 61_706),  # Elgendy, 5.2
        ("resnet:resnet18", 11_689_512),  # torchvision, with its file
    ],
)
def test_a_name_is_the_network_that_people_call_so(name: str, params: int) -> None:
    assert figures(archdsl.load(f"zoo:{name}").graph).params == params


def test_the_interface_takes_a_variant_of_a_file_of_the_zoo() -> None:
    assert archdsl.load("zoo:resnet", variant="resnet18").name == "resnet18"
    with pytest.raises(ValueError, match="variant already"):
        archdsl.load("zoo:resnet50", variant="resnet18")


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ArchError, match="did you mean `squeezenet1_1`"):
        archdsl.load("zoo:squezenet1_1")
    result = run("summary", "zoo:squezenet1_1")
    assert result.exit_code == 1
    assert "did you mean `squeezenet1_1`" in result.stderr


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("VGG16", "vgg16"),
        ("ResNet-50", "resnet50"),
        ("mobilenetv2", "mobilenet_v2"),
        ("efficientnet-b0", "efficientnet_b0"),
    ],
)
def test_a_name_as_papers_spell_it_gets_the_zoos(written: str, meant: str) -> None:
    result = run("zoo", written)
    assert result.exit_code == 1
    assert f"error[unknown-network]: the zoo has no network `{written}`" in result.stderr
    assert f"did you mean `{meant}`?" in result.stderr


def test_the_headings_of_the_list_are_names() -> None:
    for entry in zoo.entries():
        assert zoo.find(entry.title).path == entry.path


def test_check_tells_an_unknown_name_and_goes_on() -> None:
    result = run("check", "zoo:squezenet1_1", "zoo:lenet5")
    assert result.exit_code == 1
    assert "did you mean `squeezenet1_1`" in result.stdout
    assert "2 files, 1 network" in result.stdout


def test_a_name_in_two_files_is_an_error_that_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for family in ("one", "two"):
        (tmp_path / family).mkdir()
        text = f"arch {family}<w=8>\ninput 8x8x1\nconv 3x3 w -> gap\nvariant big = {family}<16>\n"
        (tmp_path / family / f"{family}.arch").write_text(text, encoding="utf-8")
    monkeypatch.setattr(zoo, "specs_path", lambda: tmp_path)
    with pytest.raises(ArchError, match=r"one/one\.arch and two/two\.arch"):
        zoo.find("big")
    assert zoo.find("two:big").path == tmp_path / "two" / "two.arch"
    assert zoo.find("one").variant is None


def test_every_name_is_found_without_parsing_and_names_one_network() -> None:
    for entry in zoo.entries():
        text = entry.path.read_text(encoding="utf-8")
        assert len({at.line for _, at in entry.variants}) == len(re.findall(r"^variant ", text, re.MULTILINE))
        for name, at in entry.variants:
            assert zoo.find(name) == at
        assert zoo.find(entry.name).path == zoo.find(entry.path.stem).path == entry.path


# ---------------------------------------------------------------- zoo


def test_zoo_lists_networks_with_their_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = (zoo.find("vgg").path, zoo.find("lenet5").path)
    monkeypatch.setattr(zoo, "files", lambda: chosen)
    result = run("zoo")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    rows = [line.split() for line in result.stdout.splitlines()]
    # 15,470,264,320 MACs by torch.utils.flop_counter on torchvision's module.
    assert ["vgg16,", "D", "138,357,544", "15.47G", "16", "224x224x3"] in rows
    assert "vgg  Simonyan & Zisserman, 2014" in result.stdout
    assert result.stderr == ""


def test_zoo_as_records(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = (zoo.find("resnet").path,)
    monkeypatch.setattr(zoo, "files", lambda: chosen)
    records = {record["name"]: record for record in json.loads(run("zoo", "--json").stdout)["networks"]}
    # The file's own network is ResNet-50, which stands there once.
    assert set(records) == {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152"}
    assert records["resnet152"]["params"] == 60_192_808  # torchvision
    assert records["resnet152"]["macs"] == 11_513_626_624  # torch.utils.flop_counter / 2
    assert records["resnet152"]["depth"] == 152
    assert records["resnet152"]["inputs"] == ["224x224x3"]


def test_a_network_of_the_file_that_is_no_variant_is_listed() -> None:
    entry = next(entry for entry in zoo.entries() if entry.name == "alexnet")
    assert [listed.names for listed in list_file(entry)] == [("alexnet",), ("alexnet_one_tower",), ("alexnet_bn",)]


def test_zoo_prints_a_file_and_names_the_line() -> None:
    path = zoo.find("resnet50").path
    result = run("zoo", "resnet50")
    assert result.stdout == path.read_text(encoding="utf-8")
    number = int(re.search(r"line (\d+)", result.stderr)[1])  # type: ignore[index]
    assert result.stdout.splitlines()[number - 1].startswith("variant resnet50 = ")
    assert run("zoo", "resnet50", "--path").stdout == f"{path}\n"


@pytest.mark.parametrize("arguments", [("--path",), ("resnet50", "--json")])
def test_zoo_ignores_no_option(arguments: tuple[str, ...]) -> None:
    assert run("zoo", *arguments).exit_code == 2


# ---------------------------------------------------------------- new


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "zoo:lenet5"),
        ("summary", "zoo:lenet5"),
        ("fmt", "--check", "zoo:lenet5"),
        ("compile", "zoo:lenet5"),
        ("draw", "zoo:lenet5", "-o", "{folder}/lenet5.svg"),
        ("diff", "zoo:lenet5", "zoo:lenet5_1998"),
        ("compare", "zoo:lenet5", "zoo:lenet5_1998"),
        ("new", "mine", "--from", "zoo:lenet5", "-o", "{folder}/mine.arch"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands_take_a_name_in_place_of_a_path(arguments: tuple[str, ...], tmp_path: Path) -> None:
    filled = [argument.replace("{folder}", str(tmp_path)) for argument in arguments]
    assert run(*filled).exit_code == 0
    (tmp_path / "mine.arch").unlink(missing_ok=True)
    wrong = run(*(argument.replace("zoo:lenet5", "zoo:lenet6") for argument in filled))
    assert wrong.exit_code == 1
    assert "error[unknown-network]" in wrong.stderr + wrong.stdout


def test_new_starts_a_file_that_checks(tmp_path: Path) -> None:
    path = tmp_path / "mynet.arch"
    assert run("new", "mynet", "-o", str(path)).exit_code == 0
    assert check_file(path, Request()).diagnostics == ()
    assert run("fmt", "--check", str(path)).exit_code == 0


def test_new_from_the_zoo_is_the_same_network_under_another_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.arch"
    assert run("new", "mine", "--from", "resnet18", "-o", str(path)).exit_code == 0
    checked = check_file(path, Request())
    assert checked.diagnostics == ()
    # Five variants with three claims each, and two with one more, all of which still hold: 11,689,512 for resnet18.
    assert checked.claims == 17
    assert not compare(archdsl.load("zoo:resnet18").graph, archdsl.load(path, "resnet18").graph).different


def test_new_from_a_path_that_leads_nowhere_speaks_of_the_file(tmp_path: Path) -> None:
    for origin in ("./nofile.arch", "nofile.arch", "nets/nofile"):
        result = run("new", "mine", "--from", origin, "-o", str(tmp_path / "mine.arch"))
        assert result.exit_code == 1
        assert "error[unreadable-file]" in result.stderr
        assert "nofile" in result.stderr


def test_new_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mynet.arch"
    path.write_text("mine", encoding="utf-8")
    result = run("new", "mynet", "-o", str(path))
    assert result.exit_code == 1
    assert "not overwritten" in result.stderr
    assert path.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["my-net", "2net", "é", "x3"])
def test_new_refuses_a_name_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    assert run("new", name, "-o", str(path)).exit_code != 0
    assert not path.exists()


def test_a_copy_of_a_file_that_uses_others_is_refused(write: Callable[[str, str], str]) -> None:
    write("block unit<w> = conv 3x3+1 w -> relu\n", "blocks.arch")
    path = write('arch net<w=8>\nuse "blocks.arch"\ninput 8x8x1\nunit<w> -> gap\n', "net.arch")
    with pytest.raises(ArchError, match="would not find"):
        copied("mine", Path(path))


# ---------------------------------------------------------------- compare


@pytest.mark.parametrize(
    ("name", "field"),
    # Araujo, Norris & Sim, Distill, 2019, table of receptive fields.
    [("alexnet_torchvision", 195), ("vgg16", 212), ("mobilenet_v1", 315), ("inception_v3", 1311)],
)
def test_receptive_fields_are_those_that_are_published(name: str, field: int) -> None:
    found = figures(archdsl.load(f"zoo:{name}").graph).field
    assert found is not None
    assert found.size == (field, field)


def test_compare_sets_networks_side_by_side() -> None:
    result = run("compare", "zoo:resnet18", "zoo:vgg16")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["network", "top-1", "params", "MACs", "weights", "memory", "depth", "RF", "input"]
    # 138,357,544 values of 4 bytes are 527.8 MiB.
    assert lines[3].split()[:5] == ["vgg16", "71.592", "138,357,544", "15.47G", "527.8"]
    assert max(map(len, lines[:4])) <= 80


def test_compare_keeps_to_80_columns_where_names_and_fields_are_long() -> None:
    names = ("efficientnet_b7", "wide_resnet101_2", "vit_h_14", "inception_resnet_v2", "c3d", "siamese")
    lines = run("compare", *(f"zoo:{name}" for name in names)).stdout.splitlines()
    assert max(map(len, lines)) <= 80


def test_compare_as_json_and_markdown() -> None:
    (record,) = json.loads(run("compare", "zoo:vgg16", "--json").stdout)["networks"]
    assert record["flops"] == 2 * 15_470_264_320
    assert record["receptive_field"] == [212, 212]
    markdown = run("compare", "zoo:wide_resnet50_2", "--markdown").stdout
    assert r"| wide\_resnet50\_2 | 78.468 | 68,883,240 |" in markdown  # torchvision


def test_other_sizes_and_settings_hold_for_all() -> None:
    result = run("compare", "zoo:resnet18", "zoo:resnet34", "--input", "64x64x3", "--set", "classes=10", "--json")
    # 512 weights and a bias less for each of the 990 classes.
    assert [record["params"] for record in json.loads(result.stdout)["networks"]] == [
        11_689_512 - 990 * 513,
        21_797_672 - 990 * 513,
    ]


def test_an_open_choice_is_told(write: Callable[[str, str], str]) -> None:
    path = write("arch net\ninput 8x8x1\nlet w = one_of(4, 8)\nconv 3x3 w -> gap\n", "net.arch")
    assert run("compare", path).exit_code == 1
    assert "--choose" in run("compare", path).stderr
    (record,) = json.loads(run("compare", path, "--choose", "w=8", "--json").stdout)["networks"]
    assert record["params"] == 80  # 9*8 + 8


def test_networks_of_one_name_are_told_apart(write: Callable[[str, str], str]) -> None:
    one = write("arch net\ninput 8x8x1\nconv 3x3 4 -> gap\n", "one.arch")
    two = write("arch net\ninput 8x8x1\nconv 3x3 8 -> gap\n", "two.arch")
    records = json.loads(run("compare", one, two, "--json").stdout)["networks"]
    assert [record["name"] for record in records] == [one, two]
    assert [record["params"] for record in records] == [40, 80]  # 9*4 + 4, 9*8 + 8


def test_compare_draws(tmp_path: Path) -> None:
    path = tmp_path / "compare.svg"
    assert run("compare", "zoo:lenet5", "zoo:resnet18", "-o", str(path)).exit_code == 0
    texts = [element.text for element in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    assert {"lenet5", "resnet18"} <= set(texts)
    # 61,706 and 11,689,512 parameters are a factor of 189 apart.
    assert "parameters, trainable, logarithmic" in texts
    assert run("compare", "zoo:lenet5", "-o", str(tmp_path / "compare.png")).exit_code == 2


def test_a_published_accuracy_is_shown_with_its_source_and_never_compared(write: Callable[[str, str], str]) -> None:
    text = 'arch net\ninput 32x32x3\nconv 3x3+1 8 -> gap -> fc 10\nexpect top1 21.5 "a report"\n'
    path = write(text, "net.arch")
    result = run("check", path)
    assert result.exit_code == 0
    assert "0 claims, 1 published figure not compared" in result.stdout
    result = run("compare", path, "zoo:lenet5")
    assert "published, not computed" in result.stdout
    assert "a report: net" in result.stdout
    assert [line.split()[:2] for line in result.stdout.splitlines()[2:4]] == [["net", "21.5"], ["lenet5", "-"]]
    assert "a report" in run("compare", path, "--markdown").stdout
    (record,) = json.loads(run("compare", path, "--json").stdout)["networks"]
    assert record["published_top1"] == {"percent": 21.5, "written": "21.5", "source": "a report"}
    # Under other settings it is another network.
    assert (
        json.loads(run("compare", path, "--input", "16x16x3", "--json").stdout)["networks"][0]["published_top1"] is None
    )


def test_accuracies_of_the_zoo_are_torchvisions() -> None:
    """Its documentation's figures for IMAGENET1K_V1."""
    records = json.loads(run("compare", "zoo:resnet18", "zoo:vgg16", "zoo:vit_b_16", "--json").stdout)["networks"]
    assert [record["published_top1"]["written"] for record in records] == ["69.758", "71.592", "81.072"]


def test_the_picture_has_accuracy_up_where_all_have_one(tmp_path: Path) -> None:
    path = tmp_path / "compare.svg"

    def texts(*arguments: str) -> set[str | None]:
        assert run("compare", *arguments, "-o", str(path)).exit_code == 0
        return {element.text for element in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")}

    accuracy, params = "published top-1 accuracy on ImageNet, %", "parameters, trainable"
    both = texts("zoo:resnet18", "zoo:resnet50")
    assert accuracy in both
    assert any("torchvision" in (text or "") for text in both)
    assert params in texts("zoo:resnet18", "zoo:resnet50", "--up", "params")
    assert params in texts("zoo:resnet18", "zoo:plain18")
    assert accuracy in texts("zoo:resnet18")


def test_accuracy_where_none_is_known_is_an_error_that_names_the_network(tmp_path: Path) -> None:
    result = run("compare", "zoo:resnet18", "zoo:plain18", "--up", "accuracy", "-o", str(tmp_path / "compare.svg"))
    assert result.exit_code == 2
    assert "no accuracy is published for plain18" in result.stderr
    assert run("compare", "zoo:resnet18", "--up", "params").exit_code == 2


def test_an_axis_of_percentages_does_not_begin_at_zero() -> None:
    scale = near([70, 80], 0, 100, margin=10)
    assert not scale.logarithmic
    assert scale.at(70) == pytest.approx(10)
    assert scale.at(80) == pytest.approx(90)
    assert scale.ticks == (70, 72, 74, 76, 78, 80)
    assert near([70, 70], 0, 100, margin=10).at(70) == pytest.approx(50)


def test_an_axis_is_logarithmic_beyond_a_factor_of_30() -> None:
    assert not axis([1, 30], 0, 100, margin=10).logarithmic
    scale = axis([1, 100], 0, 100, margin=10)
    assert scale.logarithmic
    assert scale.at(1) == pytest.approx(10)
    assert scale.at(10) == pytest.approx(50)
    assert scale.at(100) == pytest.approx(90)
    assert {1, 10, 100} <= {round(tick) for tick in scale.ticks}


def test_a_linear_axis_begins_at_zero_with_round_steps() -> None:
    scale = axis([11_689_512, 25_557_032], 0, 100, margin=10)
    assert scale.at(0) == 0
    assert scale.at(25_557_032) == pytest.approx(90)
    assert scale.ticks == (0, 5e6, 10e6, 15e6, 20e6, 25e6)


def test_names_cover_neither_each_other_nor_bubbles() -> None:
    # Published parameters and MACs of torchvision's models: a crowd, as on every such picture.
    known = {
        "alexnet": (61_100_840, 714_188_480),
        "vgg11": (132_863_336, 7_609_090_048),
        "vgg13": (133_047_848, 11_308_466_176),
        "vgg16": (138_357_544, 15_470_264_320),
        "vgg19": (143_667_240, 19_632_062_464),
        "resnet18": (11_689_512, 1_814_073_344),
        "resnet34": (21_797_672, 3_663_761_408),
        "resnet50": (25_557_032, 4_089_184_256),
        "resnext50_32x4d": (25_028_904, 4_230_479_872),
        "densenet121": (7_978_856, 2_834_161_664),
        "efficientnet_b0": (5_288_548, 385_814_752),
        "squeezenet1_1": (1_235_496, 349_152_000),
    }
    bubbles = [Bubble(name, name[:6], macs, params, macs // 30) for name, (params, macs) in known.items()]
    _, _, drawn = place(bubbles)
    for one in drawn:
        left, top, right, bottom = one.label
        assert 0 <= left < right <= 900
        assert 0 <= top < bottom <= 600
        for other in drawn:
            near_x, near_y = min(max(other.x, left), right), min(max(other.y, top), bottom)
            assert (other.x - near_x) ** 2 + (other.y - near_y) ** 2 >= other.radius**2
            if other is not one:
                a, b, c, d = other.label
                assert right <= a or c <= left or bottom <= b or d <= top, (one.bubble.name, other.bubble.name)


def test_an_area_is_as_large_as_the_memory() -> None:
    _, _, (one, four) = place([Bubble("one", "a", 1, 1, 1000), Bubble("four", "a", 2, 2, 4000)])
    assert four.radius == pytest.approx(2 * one.radius)


def test_a_name_is_no_markup() -> None:
    made = draw_bubbles([Bubble("<script>&", "a", 0, 0, 0)])
    texts = [element.text for element in ElementTree.fromstring(made).iter("{http://www.w3.org/2000/svg}text")]
    assert "<script>&" in texts


# ---------------------------------------------------------------- diff

NET = "arch net\ninput 16x16x3\nconv 3x3+1 8 -> relu -> conv 3x3+1 8 -> relu -> gap -> fc 10\n"
WIDER = "arch net\ninput 16x16x3\nconv 3x3+1 8 -> relu -> conv 3x3+1 16 -> relu -> gap -> fc 10\n"
DEEPER = "arch net\ninput 16x16x3\nconv 3x3+1 8 -> relu -> conv 3x3+1 8 -> tanh -> relu -> gap -> fc 10\n"
SKIP = "arch net\ninput 16x16x3\nconv 3x3+1 3 @a -> relu @b -> (add<@{0} | id>) -> gap -> fc 10\n"


def test_nothing_changed() -> None:
    result = run("diff", "zoo:lenet5", "zoo:lenet5", "--exit-code")
    assert result.exit_code == 0
    assert "the same network" in result.stdout
    assert "10 of the 10 tensors" in result.stdout  # weight and bias of five layers


def test_a_wider_layer_changes_itself_and_its_reader() -> None:
    found = compare(archdsl.loads(NET).graph, archdsl.loads(WIDER).graph)
    changed = {change.after.name: change for change in found.changes if change.kind == "changed" and change.after}
    # The second convolution, what passes its 16 channels on, and the layer that reads them.
    assert set(changed) == {"conv2", "relu2", "gap", "fc"}
    assert not [change for change in found.changes if change.kind in ("added", "removed")]
    assert changed["conv2"].params == 9 * 8 * 8 + 8  # eight more filters of 3x3x8, with their biases
    assert changed["conv2"].macs == 16 * 16 * 9 * 8 * 8
    assert changed["fc"].params == 8 * 10
    assert found.after.params - found.before.params == 584 + 80
    assert {tensor.name for tensor in found.weights.fitting} == {"conv1.weight", "conv1.bias", "fc.bias"}
    assert [(t.name, t.shape, t.other) for t in found.weights.reshaped] == [
        ("conv2.weight", (8, 8, 3, 3), (16, 8, 3, 3)),
        ("conv2.bias", (8,), (16,)),
        ("fc.weight", (10, 8), (10, 16)),
    ]


def test_a_layer_between_others_is_added_alone() -> None:
    found = compare(archdsl.loads(NET).graph, archdsl.loads(DEEPER).graph)
    (added,) = (change for change in found.changes if change.kind != "same")
    assert added.kind == "added"
    assert added.after is not None
    assert added.after.call == "tanh"
    assert found.different
    assert not found.outputs


def test_the_deeper_vgg_has_three_more_convolutions_that_fit_no_weight() -> None:
    found = compare(archdsl.load("zoo:vgg16").graph, archdsl.load("zoo:vgg19").graph)
    added = [change.after.call for change in found.changes if change.kind == "added" and change.after]
    # Table 1 of the paper: one more 3x3 convolution in each of the last three stages.
    assert [call for call in added if call.startswith("conv")] == ["conv 3x3+1 256", "conv 3x3+1 512", "conv 3x3+1 512"]
    assert sum(change.params for change in found.changes) == 143_667_240 - 138_357_544
    assert sum(change.macs for change in found.changes) == 19_632_062_464 - 15_470_264_320


def test_a_layer_that_reads_another_one_is_told() -> None:
    one, other = (archdsl.loads(SKIP.replace("{0}", label)).graph for label in "ab")
    assert [c.kind for c in compare(one, other).changes if c.kind != "same"] == ["rewired"]


@pytest.mark.parametrize("name", ["lenet5", "resnet18", "siamese"])
def test_weights_have_the_names_and_shapes_of_the_compiled_module(name: str) -> None:
    net = archdsl.load(f"zoo:{name}")
    held = {
        key: tuple(value.shape)
        for key, value in net.module(seed=0).state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    found = compare(net.graph, net.graph).weights
    assert {tensor.name: tensor.shape for tensor in found.fitting} == held
    assert (
        found.values
        == found.of
        == sum(value.numel() for value in net.module(seed=0).state_dict().values())
        - sum(key.endswith("num_batches_tracked") for key in net.module(seed=0).state_dict())
    )


def test_strides_moved_within_a_bottleneck_change_macs_alone() -> None:
    result = run("diff", "zoo:resnet50_v1", "zoo:resnet50", "--json", "--exit-code")
    assert result.exit_code == 1
    record = json.loads(result.stdout)
    assert record["before"]["params"] == record["after"]["params"] == 25_557_032
    # The first 1x1 of three stages runs at twice the size: 3 * (4 - 1) * 28*28*256*128.
    assert record["after"]["macs"] - record["before"]["macs"] == 3 * 3 * 28 * 28 * 256 * 128
    # Every tensor has its place: 53 convolutions, 53 times 4 of batch norm, and two of the last layer.
    weights = record["weights"]
    assert len(weights["fitting"]) + len(weights["renamed"]) == 53 + 53 * 4 + 2


@pytest.mark.parametrize(
    ("before", "after"), [("resnet50", "resnext50_32x4d"), ("nasnet_mobile", "nasnet_large"), ("r3d_18", "r2plus1d_18")]
)
def test_diff_keeps_to_80_columns(before: str, after: str) -> None:
    lines = run("diff", f"zoo:{before}", f"zoo:{after}").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("+ ") for line in lines)


def test_a_layer_that_reads_another_one_has_a_row_of_its_own(write: Callable[[str, str], str]) -> None:
    paths = [write(SKIP.replace("{0}", label), f"{label}.arch") for label in "ab"]
    result = run("diff", *paths)
    assert [line.split() for line in result.stdout.splitlines() if line.startswith("~")] == [
        ["~", "add", "add", "16x16x3", "reads", "another"]
    ]


def test_diff_ends_with_0_unless_asked_and_1_for_an_error(write: Callable[[str, str], str]) -> None:
    one, two = write(NET, "one.arch"), write(WIDER, "two.arch")
    assert run("diff", one, two).exit_code == 0
    assert run("diff", one, two, "--exit-code").exit_code == 1
    assert run("diff", one, "nowhere.arch").exit_code == 1
