"""`archdsl import`: tables as printed become networks that check, have the published counts, and hold against them.

The counts are torchvision's, pytorchcv's and Caffe's, or worked out in a comment.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import archdsl
from archdsl.analysis.counts import count
from archdsl.analysis.depth import depth
from archdsl.cli.main import archdsl as commands
from archdsl.diagnostics import Collector, Source
from archdsl.importing import ImportWishes, import_file
from archdsl.syntax.formatter import format_source

SPECS = Path(__file__).parent.parent / "specs"
ALEXNET = SPECS / "alexnet" / "wei_table3.1.csv"
VGG16 = SPECS / "vgg" / "wei_table3.2.csv"
VGG = SPECS / "vgg" / "configurations.md"
RESNET = SPECS / "resnet" / "table1.md"
GOOGLENET = SPECS / "googlenet" / "table1.csv"


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(commands, [str(one) for one in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def imported(folder: Path, table: Path, *options: str) -> Path:
    """The table as a file that has been written, and that checks without a mistake."""
    out = folder / "net.arch"
    made = run("import", table, "-o", out, *options)
    assert made.exit_code == 0, made.stderr
    checked = run("check", out)
    assert checked.exit_code == 0, checked.stdout
    assert checked.stdout.endswith("no mistakes\n"), checked.stdout
    return out


def written(folder: Path, text: str) -> str:
    """The text made of a table of that text."""
    return imported(folder, table(folder, text)).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """The file made of a table of the repository, once."""
    made: dict[Path, Path] = {}

    def find(source: Path) -> Path:
        if source not in made:
            made[source] = imported(tmp_path_factory.mktemp("imported"), source)
        return made[source]

    return find


def table(tmp_path: Path, text: str, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def params(path: Path, variant: str | None = None) -> int:
    return count(archdsl.load(path, variant).graph).total.params


@pytest.mark.parametrize(
    ("source", "variant", "wanted", "layers"),
    [
        (ALEXNET, None, 62_378_344, 8),  # pytorchcv, one tower
        (VGG16, None, 138_357_544, 16),  # torchvision, vgg16: what the three misprints stand for
        (GOOGLENET, None, 6_998_552, 22),  # Caffe's bvlc_googlenet without its heads; 22 layers: the paper
        (VGG, "A", 132_863_336, 11),  # torchvision, vgg11
        (VGG, "A_LRN", 132_863_336, 11),  # the same, since a response normalisation has no parameters
        (VGG, "B", 133_047_848, 13),
        # vgg13 and three 1x1 convolutions: 256*256 + 256 + 2 * (512*512 + 512) = 591,104 more.
        (VGG, "C", 133_638_952, 16),
        (VGG, "D", 138_357_544, 16),
        (VGG, "E", 143_667_240, 19),
        (RESNET, "layer18", 11_689_512, 18),  # torchvision
        (RESNET, "layer34", 21_797_672, 34),
        (RESNET, "layer50", 25_557_032, 50),
        (RESNET, "layer101", 44_549_160, 101),
        (RESNET, "layer152", 60_192_808, 152),
    ],
)
def test_a_table_as_printed_has_the_published_counts(
    source: Path, variant: str | None, wanted: int, layers: int, known: Callable[[Path], Path]
) -> None:
    out = known(source)
    assert params(out, variant) == wanted
    assert depth(archdsl.load(out, variant).graph) == layers


@pytest.mark.parametrize("source", [ALEXNET, VGG, RESNET], ids=lambda path: path.stem)
def test_a_true_table_holds_against_what_was_made_of_it(source: Path, known: Callable[[Path], Path]) -> None:
    out = known(source)
    result = run("verify", out, source, "--json")
    assert result.exit_code == 0, result.stdout
    cells = json.loads(result.stdout)["cells"]
    # AlexNet has 83 cells that say something, VGG 90 and 6 below, ResNet 43.
    assert len(cells) > 40
    # What is left open are names (conv2_x, FLOPs) and the softmax, which is part of the loss.
    left = {cell["printed"] for cell in cells if cell["verdict"] == "not-checked"}
    assert left <= {"softmax", "soft-max", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "FLOPs"} | {
        "Number of parameters (millions)"
    }


def test_sizes_depths_and_filters_of_googlenet_hold_against_what_was_made_of_them(
    known: Callable[[Path], Path],
) -> None:
    out = known(GOOGLENET)
    result = run("verify", out, GOOGLENET, "--json")
    cells = json.loads(result.stdout)["cells"]
    # Params and ops are misprinted in several rows of the paper; everything else is true: 19 sizes, 19 depths,
    # 9 modules of 6 widths, and 2 widths of the third row.
    other = [cell for cell in cells if cell["column"] not in ("params", "ops", "type", "patch size/stride")]
    assert len(other) == 19 + 19 + 9 * 6 + 2
    softmax = [cell for cell in other if cell["row"] == "19"]
    assert {cell["verdict"] for cell in other if cell not in softmax} == {"holds"}
    assert "contradiction" not in {cell["verdict"] for cell in softmax}


def test_the_text_reads_as_one_writes_it_by_hand(known: Callable[[Path], Path]) -> None:
    text = known(ALEXNET).read_text(encoding="utf-8")
    assert "arch net<C=1000>\ninput 227x227x3\n" in text
    assert "conv 11x11/4 96 -> relu                :: 55x55x96\n" in text
    # The book's alpha is not divided by the 5 channels: 1e-4 * 5.
    assert "-> maxpool 3/2 -> lrn 5 k=2 alpha=5e-4 :: 27x27x96\n" in text
    assert text.endswith("-> fc C                                :: 1000\n")
    assert "# - the softmax is part of the loss, so the network ends with its scores (row 23)\n" in text


@pytest.mark.parametrize("source", [ALEXNET, VGG16, VGG, RESNET, GOOGLENET], ids=lambda path: path.stem)
def test_the_text_is_formatted(source: Path, known: Callable[[Path], Path]) -> None:
    text = known(source).read_text(encoding="utf-8")
    assert format_source(Source("net.arch", text), Collector()) == text


def test_totals_are_claims_with_their_source(known: Callable[[Path], Path]) -> None:
    text = known(VGG).read_text(encoding="utf-8")
    assert 'variant D = net<D_layers> expect depth 16 params 138M "configurations.md"\n' in text
    text = known(RESNET).read_text(encoding="utf-8")
    assert 'expect macs 1.8G "table1.md"\n' in text
    # 3.66 billion print as 3.7 when rounded; the paper cuts them off.
    assert (
        "# layer34: table1.md prints 3.6x10^9 (cut off, not rounded), and the network has macs 3_663_761_408\n" in text
    )


def test_one_network_of_several(tmp_path: Path) -> None:
    out = imported(tmp_path, VGG, "--network", "D")
    text = out.read_text(encoding="utf-8")
    assert "variant" not in text
    assert "\narch D\n" in text
    assert params(out) == 138_357_544
    result = run("import", VGG, "--network", "F")
    assert result.exit_code == 1
    assert "`F` is the column of no network" in result.stderr
    assert "A, A-LRN, B, C, D, E" in result.stderr
    assert "has no columns of several" in run("import", ALEXNET, "--network", "A").stderr


# ---------------------------------------------------------------- where a table is wrong, or says too little


def test_contradictions_are_said_where_they_stand(known: Callable[[Path], Path]) -> None:
    text = known(VGG16).read_text(encoding="utf-8")
    # (14 - 7)/1 + 1 = 8; 2x2 with a stride of 2 gives the 7 that the next layers need.
    assert (
        "# Row 31 prints 7x7x512, where `maxpool f=7; s=1` makes 8x8x512; written as maxpool f=2; s=2.\n"
        "-> maxpool 2                      :: 7x7x512\n"
        "# Row 32 prints an input of 14x14x512, where 7x7x512 comes from the row before.\n"
    ) in text
    assert "# The table contradicts itself (rows 31, 32, 35): each is said where it stands.\n" in text


def test_a_size_that_nothing_gives_is_no_claim(tmp_path: Path) -> None:
    # 3x3 on 32x32 gives at most 36x36 with any padding below the kernel; 99x99 is a misprint.
    text = written(tmp_path, "type,patch size/stride,input,output\nconv,3x3/1,32x32x3,99x99x16\nfc,,,10\n")
    assert "# Row 1 prints 99x99x16, where `conv 3×3/1` makes 30x30x16.\nconv 3x3 16 -> relu\n-> fc 10" in text


def test_an_output_that_the_next_row_does_not_take_is_not_mended(tmp_path: Path) -> None:
    # 5x5 without padding: 28x28x6, which is what the second row starts from.
    text = written(
        tmp_path, "type,arguments,input,output\nconv,f=5; p=0; d=6,32x32x1,23x28x6\nmaxpool,f=2; s=2,28x28x6,14x14x6\n"
    )
    assert "# Row 1 prints 23x28x6, where `conv f=5; p=0; d=6` makes 28x28x6, as the next row has it.\n" in text
    assert "conv 5x5 6 -> relu\n" in text


def test_padding_is_deduced_from_the_sizes(tmp_path: Path) -> None:
    # 224 as in the paper of 2012: (224 + 2*2 - 11)/4 + 1 = 55.25, so that 55 leave.
    text = ALEXNET.read_text(encoding="utf-8").replace("d=96,227x227x3", "d=96,224x224x3")
    made = imported(tmp_path, table(tmp_path, text)).read_text(encoding="utf-8")
    assert "conv 11x11/4+2 96 -> relu " in made
    assert "# - padding 2 (row 1)\n" in made


def test_rounding_up_is_deduced_from_the_sizes(tmp_path: Path) -> None:
    # 2x2/2 on 7x7: 3 rounded down, 4 rounded up.
    made = written(tmp_path, "type,patch size/stride,input,output\nmax pool,2x2/2,7x7x8,4x4x8\n")
    assert "\nmaxpool 2 ceil :: 4x4x8\n" in made
    assert "# - rounded up (`ceil`) (row 1)\n" in made


def test_a_letter_without_a_value_is_asked_for(tmp_path: Path) -> None:
    text = "\n".join(line for line in ALEXNET.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    source = table(tmp_path, text)
    result = run("import", source, "-o", tmp_path / "net.arch")
    assert result.exit_code == 1
    assert "error[import-row]: row 22: the letter C has no value" in result.stderr
    assert "--let C=1000" in result.stderr
    assert not (tmp_path / "net.arch").exists()
    out = imported(tmp_path, source, "--let", "C=10")
    # 4096 weights and a bias for each of 990 classes fewer than 62,378,344.
    assert params(out) == 62_378_344 - 990 * 4097


def test_the_input_is_deduced_or_given(tmp_path: Path) -> None:
    assert "# - the input is 224x224x3, which gives the first row's size\n" in run("import", GOOGLENET).stdout
    assert "\ninput 225x225x3\n" in run("import", GOOGLENET, "--input", "225x225x3").stdout
    source = table(tmp_path, "type,patch size/stride\nconv-64,3x3/1\nfc-10,\n")
    result = run("import", source)
    assert result.exit_code == 1
    assert "row 1: the table does not say how large the input is" in result.stderr
    assert "--input 224x224x3" in result.stderr


# ---------------------------------------------------------------- other tables


def test_modules_of_squeezenet(tmp_path: Path) -> None:
    source = table(
        tmp_path,
        "| layer name/type | output size | filter size / stride | s1x1 (#1x1 squeeze) | e1x1 (#1x1 expand) "
        "| e3x3 (#3x3 expand) |\n|---|---|---|---|---|---|\n| input image | 55x55x96 | | | | |\n"
        "| fire2 | 55x55x128 | | 16 | 64 | 64 |\n| maxpool4 | 27x27x128 | 3x3/2 | | | |\n",
        "squeeze.md",
    )
    out = imported(tmp_path, source)
    assert "-> fire" not in (text := out.read_text(encoding="utf-8"))
    assert "fire<16, 64, 64> @fire2 :: 55x55x128\n" in text
    # SqueezeNet, Table 1: fire2 has 11,920 parameters: 96*16 + 16 + 16*64 + 64 + 9*16*64 + 64.
    assert params(out) == 11_920
    assert run("verify", out, source).exit_code == 0


def test_modules_of_one_name_with_other_branches(tmp_path: Path) -> None:
    text = written(
        tmp_path, "layer,output size,s1x1,e1x1,e3x3\ninput,8x8x16,,,\nfire2,8x8x128,16,64,64\nfire3,8x8x64,16,64,\n"
    )
    assert "\nblock fire_2<s1, e1> = conv 1x1 s1 -> relu -> conv 1x1 e1 -> relu\n" in text
    assert "fire<16, 64, 64> @fire2  :: 8x8x128\n-> fire_2<16, 64> @fire3 :: 8x8x64\n" in text


def test_lenet_with_a_column_for_each_argument(tmp_path: Path) -> None:
    source = table(
        tmp_path,
        "Layer,Type,Maps,Size,Kernel size,Stride,Activation\nIn,Input,1,32x32,,,\nC1,Convolution,6,28x28,5x5,1,tanh\n"
        "S2,Avg pooling,6,14x14,2x2,2,tanh\nC3,Convolution,16,10x10,5x5,1,tanh\nS4,Avg pooling,16,5x5,2x2,2,tanh\n"
        "C5,Convolution,120,1x1,5x5,1,tanh\nF6,Fully connected,,84,,,tanh\nOut,Fully connected,,10,,,\n",
    )
    out = imported(tmp_path, source)
    # 6*26 + 16*(25*6 + 1) + 120*(25*16 + 1) + 84*121 + 10*85 = 156 + 2,416 + 48,120 + 10,164 + 850
    assert params(out) == 61_706
    assert "conv 5x5 6 -> tanh      :: 28x28x6\n" in out.read_text(encoding="utf-8")


def test_a_residual_unit_that_is_no_standard_block(tmp_path: Path) -> None:
    source = table(
        tmp_path,
        "| layer | output | net |\n|---|---|---|\n| input | 8x8x16 | |\n| conv2 | 4x4x32 | [3x3, 16; 1x1, 32] x2 |\n",
        "odd.md",
    )
    out = imported(tmp_path, source, "--columns", "arguments=net")
    text = out.read_text(encoding="utf-8")
    assert "block unit_3_16_1_32<s=1> = residual<\n" in text
    assert "unit_3_16_1_32<s=2> -> unit_3_16_1_32 :: 4x4x32\n" in text
    # Body 9*16*16 + 2*16 + 16*32 + 2*32 = 2,912, projection 16*32 + 2*32 = 576; then 9*32*16 + 32 + 512 + 64 = 5,216.
    assert params(out) == 2_912 + 576 + 5_216


def test_the_stride_of_a_bottleneck_is_where_the_operations_want_it(tmp_path: Path) -> None:
    # torchvision, with the stride in the 3x3: 4,089,184,256 multiply-adds; in the 1x1 it would be 3.9 billion.
    source = table(
        tmp_path,
        "| stage | output | ResNet-50 |\n|---|---|---|\n| conv1 | 112x112 | 7x7, 64, stride 2 |\n"
        "| conv2 | 56x56 | 3x3 max pool, stride 2; [1x1, 64; 3x3, 64; 1x1, 256] x3 |\n"
        "| conv3 | 28x28 | [1x1, 128; 3x3, 128; 1x1, 512] x4 |\n"
        "| conv4 | 14x14 | [1x1, 256; 3x3, 256; 1x1, 1024] x6 |\n"
        "| conv5 | 7x7 | [1x1, 512; 3x3, 512; 1x1, 2048] x3 |\n"
        "| | 1x1 | global average pool, 1000-d fc, softmax |\n| FLOPs | | 4.1x10^9 |\n",
        "resnext.md",
    )
    out = imported(tmp_path, source)
    text = out.read_text(encoding="utf-8")
    assert "# - a bottleneck's stride is in its 3x3 convolution\n" in text
    assert "-> bottleneck<128, s=2> -> bottleneck<128> x3" in text
    assert 'expect macs 4.1G "resnext.md"\n' in text
    assert count(archdsl.load(out).graph).total.macs == 4_089_184_256
    assert run("verify", out, source).exit_code == 0


def test_a_stride_that_the_next_row_contradicts_is_mended(tmp_path: Path) -> None:
    # MobileNets, Table 1, rows 18 and 19: a stride of 2 leaves 4x4 of 7x7, and the next row starts from 7x7.
    text = written(
        tmp_path,
        "Type / Stride,Filter Shape,Input Size\nConv dw / s2,3 x 3 x 1024 dw,7 x 7 x 1024\n"
        "Conv / s1,1 x 1 x 1024 x 1024,7 x 7 x 1024\n",
    )
    assert "\n-> conv 1x1 1024 -> relu\n" in text
    assert "\ndwconv<3> -> relu\n" in text
    assert "which makes 4x4x1024, where the next row has 7 x 7 x 1024; written as dwconv 3x3/1 1024" in " ".join(
        text.replace("\n# ", " ").split()
    )


def test_dense_blocks(tmp_path: Path) -> None:
    # A 1x1 of 4k and a 3x3 of k channels, behind batch norm each, add k: 16 + 3*8 = 40.
    source = table(
        tmp_path,
        "| layer | output | net |\n|---|---|---|\n| input | 8x8x16 | |\n"
        "| Dense Block (1) | 8x8x40 | [1x1 conv, 32; 3x3 conv, 8] x3 |\n",
        "dense.md",
    )
    text = imported(tmp_path, source, "--columns", "arguments=net").read_text(encoding="utf-8")
    assert "\ndense<3, 8> :: 8x8x40\n" in text


# ---------------------------------------------------------------- hostile and careless


def test_what_a_document_says_cannot_leave_its_comment(tmp_path: Path) -> None:
    source = table(
        tmp_path,
        '"; expect params 1 "\u2028expect params 2\u0085expect params 3\n\n| layer | arguments | input | output |\n'
        '|---|---|---|---|\n| conv | f=3; d=4 "x" | 8x8x3 | 6x6x4 |\n',
        'a" expect params 4.md',
    )
    text = run("import", source).stdout
    statements = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert [line.split()[0] for line in statements] == ["arch", "input", "conv"]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("type,input,output\nconv,8x8x3,8x8x4\n", "row 1: `conv` has no kernel", "--columns kernel="),
        ("type,input\nconv 3x3/1,8x8x3\n", "row 1: `conv 3×3/1` does not say how many channels leave it", "filters"),
        ("type,input,output\nwobble,8x8x3,8x8x4\n", "the layers of `wobble`", "in brackets"),
        ("type,patch size/stride,input\nconv-4,9x9/1,8x8x3\nfc-2,,\n", "", ""),
        ("a,b\n1,2\n3,4\n", "row 1: the row names no layer", "--columns layer=HEADER"),
    ],
)
def test_a_row_of_which_nothing_can_be_made(text: str, message: str, hint: str, tmp_path: Path) -> None:
    out = tmp_path / "net.arch"
    result = run("import", table(tmp_path, text), "-o", out)
    if not message:  # half padding makes a 9x9 kernel fit
        assert result.exit_code == 0
        return
    assert result.exit_code == 1
    assert not out.exists()
    assert "error[import-row]" in result.stderr
    assert message in result.stderr
    assert hint in result.stderr


def test_nothing_is_overwritten_and_a_bad_command_line_ends_with_2(tmp_path: Path) -> None:
    out = tmp_path / "net.arch"
    out.write_text("mine\n", encoding="utf-8")
    assert "not overwritten" in run("import", ALEXNET, "-o", out).stderr
    assert out.read_text(encoding="utf-8") == "mine\n"
    assert run("import", ALEXNET, "-o", out, "--force").exit_code == 0
    assert run("import", ALEXNET, "--name", "a b").exit_code == 2
    assert run("import", ALEXNET, "--input", "large").exit_code == 2
    assert run("import", ALEXNET, "--let", "C=many").exit_code == 2
    assert run("import", tmp_path / "none.csv").exit_code == 1


def test_a_table_of_the_document_by_its_number(tmp_path: Path) -> None:
    found = Collector()
    assert import_file(VGG, ImportWishes(table=3), found) is None
    assert [one.hint for one in found] == ["it has 2: --table 1 to 2"]
    found = Collector()
    assert import_file(VGG, ImportWishes(table=2), found) is None  # the totals, which name no layers
    assert {one.id for one in found} == {"import-row"}


KERAS = """| Layer (type) | Output Shape | Param # |
|---|---|---|
| conv2d (Conv2D) | (None, 28, 28, 6) | 156 |
| average_pooling2d (AveragePooling2D) | (None, 14, 14, 6) | 0 |
| conv2d_1 (Conv2D) | (None, 10, 10, 16) | 2416 |
| average_pooling2d_1 (AveragePooling2D) | (None, 5, 5, 16) | 0 |
| flatten (Flatten) | (None, 400) | 0 |
| dense (Dense) | (None, 120) | 48120 |
| dense_1 (Dense) | (None, 84) | 10164 |
| dense_2 (Dense) | (None, 10) | 850 |
| Total params | | 61706 |
"""
"""LeNet-5 as Keras' `summary()` lists it, without kernels: 156 = 6*(5*5*1 + 1), 2,416 = 16*(5*5*6 + 1)."""


def test_kernels_that_are_not_printed_come_from_the_parameters(tmp_path: Path) -> None:
    table = tmp_path / "keras.md"
    table.write_text(KERAS)
    text = imported(tmp_path, table).read_text()
    assert "conv 5x5+2 6" in text
    assert "conv 5x5 16" in text
    assert "# - kernel 5x5, from its parameters (rows 1, 3)" in text
    assert count(archdsl.load(str(tmp_path / "net.arch")).graph).total.params == 61_706
    table.write_text(KERAS.replace("2416", "2417"))  # 2,417 is 16 times no whole number
    made = run("import", table, "-o", tmp_path / "other.arch")
    assert made.exit_code == 1
    assert "row 3: `conv2d_1 (Conv2D)` has no kernel, and its parameters give none" in made.stderr
