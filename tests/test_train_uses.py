"""Trained networks used: tested, averaged, asked about images, and learnt on from.

In: small runs on scikit-learn's digits. Out: facts: what PyTorch computes from the same weights by hand.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image
from safetensors.torch import load_file, save_file

import archdsl
from archdsl.cli.eval import command as evaluate
from archdsl.cli.predict import command as predict
from archdsl.cli.train import command as train
from archdsl.elaborate.recipe_settings import Augment, Data
from archdsl.train.data import load
from archdsl.train.errors import TrainError
from archdsl.train.transfer import bring, freeze, held

_TEXT = "input 8x8x1\nconv 3x3+1 8 -> bn -> relu -> maxpool 2 -> fc 10\n"
_AUGMENT = Augment(normalize=True)


def _call(command: object, *given: object) -> Result:
    return CliRunner().invoke(command, [str(part) for part in given])  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """net.arch, and the run folders a and b."""
    root = tmp_path_factory.mktemp("runs")
    (root / "net.arch").write_text(_TEXT)
    for name, seed in (("a", 1), ("b", 2)):
        made = _call(
            train, root / "net.arch", "--data", "digits", "--epochs", 2, "--lr", 0.01, "--seed", seed,
            "--recipe", "augment normalize", "-o", root / name,
        )  # fmt: skip
        assert made.exit_code == 0, made.output
    return root


def _logits(runs: Path, name: str, *, flip: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    data = load(Data("digits"), (8, 8, 1), 10, _AUGMENT)
    images = data.tested(data.test.take(torch.arange(len(data.test)), None))
    module = archdsl.loads(_TEXT).module()
    module.load_state_dict(load_file(runs / name / "model.safetensors"))
    with torch.no_grad():
        return module.eval()(images.flip(-1) if flip else images), data.test.labels


# ---------------------------------------------------------------- eval


def test_a_run_is_tested_as_it_was_while_it_learned(runs: Path) -> None:
    said = json.loads(_call(evaluate, runs / "net.arch", runs / "a", "--json").output)
    (score,) = said["scores"]
    last = json.loads((runs / "a" / "metrics.jsonl").read_text().splitlines()[-1])
    assert score["images"] == 360
    assert score["accuracy"] == last["test_accuracy"]
    assert score["top5"] == last["test_top5_accuracy"]
    assert score["loss"] == pytest.approx(last["test_loss"], rel=1e-5)


def test_an_ensemble_is_the_mean_of_the_probabilities(runs: Path) -> None:
    said = json.loads(_call(evaluate, runs / "net.arch", runs / "a", runs / "b", "--json", "--batch", 50).output)
    (first, labels), (second, _) = _logits(runs, "a"), _logits(runs, "b")
    mean = (first.softmax(1) + second.softmax(1)) / 2
    *_, together = said["scores"]
    assert together["run"] == "together"
    assert together["accuracy"] == pytest.approx(float((mean.argmax(1) == labels).double().mean()))
    assert together["loss"] == pytest.approx(float(torch.nn.functional.nll_loss(mean.log(), labels)), rel=1e-4)


def test_flips_are_averaged_and_the_confusion_is_a_table(runs: Path) -> None:
    path = runs / "confusion.csv"
    made = _call(evaluate, runs / "net.arch", runs / "a", "--flip", "--confusion", path)
    assert made.exit_code == 0, made.output
    mean = (_logits(runs, "a")[0].softmax(1) + _logits(runs, "a", flip=True)[0].softmax(1)) / 2
    labels = _logits(runs, "a")[1]
    _, heads, row = made.output.splitlines()
    assert heads.split() == ["run", "accuracy", "top-1", "error", "top-5", "error", "loss"]
    assert row.split()[1] == f"{float((mean.argmax(1) == labels).double().mean()):.2%}"
    with path.open() as file:
        head, *rows = list(csv.reader(file))
    assert head == ["class", *map(str, range(10))]
    counts = torch.tensor([[int(cell) for cell in row[1:]] for row in rows])
    assert counts.sum(1).tolist() == labels.bincount().tolist()
    assert int(counts.diagonal().sum()) == int((mean.argmax(1) == labels).sum())


def test_a_file_of_weights_is_tested_as_the_recipe_says(runs: Path) -> None:
    weights = runs / "a" / "model.safetensors"
    said = _call(evaluate, runs / "net.arch", weights, "--data", "digits", "--recipe", "augment normalize", "--json")
    folder = _call(evaluate, runs / "net.arch", runs / "a", "--json")
    assert json.loads(said.output)["scores"][0]["loss"] == json.loads(folder.output)["scores"][0]["loss"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["a/model.safetensors"], "what is tested on is not said"),
        (["a", "--recipe", "augment pad=1"], "--recipe would change nothing"),
        (["a/recipe.json"], "does not end as a file of weights does"),
        (["a/checkpoints"], "recipe.json"),
        (["a/model.safetensors", "--best"], "one file of weights"),
        (["a", "--data", "digts"], "did you mean `digits`?"),
    ],
)
def test_what_cannot_be_tested_is_refused(runs: Path, given: list[str], message: str) -> None:
    options = [str(runs / part) if (part.startswith("a") and "/" in part) or part == "a" else part for part in given]
    made = _call(evaluate, runs / "net.arch", *options)
    assert made.exit_code == 1, made.output
    assert message in made.output


def test_the_weights_of_another_network_are_refused(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "other.arch").write_text(_TEXT.replace("3x3+1 8", "3x3+1 9"))
    made = _call(evaluate, tmp_path / "other.arch", runs / "a")
    assert made.exit_code == 1
    assert "weights-mismatch" in made.output


# ---------------------------------------------------------------- the report


def test_the_report_says_how_well_and_where_wrong(runs: Path) -> None:
    page = (runs / "a" / "report.html").read_text()
    guessed, labels = _logits(runs, "a")
    wrong = int((guessed.argmax(1) != labels).sum())
    assert f"{wrong / 360:.2%}" in page
    assert page.count("<figcaption>") == min(24, wrong)
    # The one whose own class was given least comes first.
    given = guessed.softmax(1)
    own = given[range(360), labels].where(guessed.argmax(1) != labels, torch.tensor(2.0))
    worst = int(own.argmin())
    share, guess = given[worst].max(0)
    caption = f"{labels[worst]}, taken for {guess} ({float(share):.0%})"
    assert page.split("<figcaption>")[1].startswith(caption)
    for label in range(10):
        among = labels == label
        right = float((guessed.argmax(1)[among] == label).double().mean())
        assert f'<td>{label}</td><td class="n">{int(among.sum())}</td><td class="n">{right:.2%}</td>' in page
    assert "What the first layer looks for" in page
    # Nothing outside of it is needed.
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    with (runs / "a" / "confusion.csv").open() as file:
        _, *rows = list(csv.reader(file))
    assert sum(int(row[1 + label]) for label, row in enumerate(rows)) == 360 - wrong


def test_pages_and_charts_are_well_formed_and_escaped(tmp_path: Path) -> None:
    from html.parser import HTMLParser
    from xml.etree import ElementTree

    from archdsl.train.charts import Curve, line_chart, matrix_chart

    evil = "<script>alert('1')</script>&"
    chart = matrix_chart(evil, [[3, 1], [0, 4]], [evil, "b"])
    ElementTree.fromstring(chart)
    for curves in ([Curve("a", [0.5])], [Curve(evil, [1.0, 1.0]), Curve("b", [2e-9, 3e4, 5.0])], []):
        ElementTree.fromstring(line_chart(evil, curves, percent=True))
    # The legend stands above the frame, whose highest curve is lower.
    for values in ([1.0, 0.0], [0.0, 1.0], [1.0, 1.0]):
        drawn = ElementTree.fromstring(line_chart("Loss", [Curve("a", values), Curve("b", [0.5, 0.5])]))
        space = "{http://www.w3.org/2000/svg}"
        (legend,) = (text for text in drawn.iter(f"{space}text") if text.find(f"{space}tspan") is not None)
        places = [part.split(",") for line in drawn.iter(f"{space}polyline") for part in line.attrib["points"].split()]
        assert float(legend.attrib["y"]) < min(float(y) for _, y in places)
    for part in ("train", "test"):
        for number, name in enumerate((evil.replace("/", ""), "b")):
            (tmp_path / part / name).mkdir(parents=True)
            for count in range(3):
                image = np.random.default_rng(3 * number + count).integers(0, 256, (8, 8), dtype=np.uint8)
                Image.fromarray(image).save(tmp_path / part / name / f"{count}.png")
    (tmp_path / "net.arch").write_text('arch net "<b>"\ninput 8x8x1\nfc 2\n')
    given = [tmp_path / "net.arch", "--data", f"folder:{tmp_path}", "--epochs", 1, "-o", tmp_path / "run"]
    made = _call(train, *given)
    assert made.exit_code == 0, made.output
    tags: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.append(tag)

    Tags().feed((tmp_path / "run" / "report.html").read_text())
    assert "table" in tags
    assert "script" not in tags
    assert "b" not in tags
    ElementTree.parse(tmp_path / "run" / "curves.svg")


# ---------------------------------------------------------------- predict


def _digit(path: Path, number: int) -> int:
    """A digit of the test set as a picture; its label."""
    data = load(Data("digits"), (8, 8, 1), 10)
    image = data.test.take(torch.tensor([number]), None)[0, 0]
    Image.fromarray((image * 255).round().to(torch.uint8).numpy()).save(path)
    return int(data.test.labels[number])


def test_predict_says_the_likeliest_classes(runs: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        _digit(path, number)
    said = json.loads(_call(predict, runs / "net.arch", runs / "a", *paths, "--json", "--top", 3).output)
    expected = _logits(runs, "a")[0][:3].softmax(1)
    for row, share in zip(said, expected, strict=True):
        values, labels = share.topk(3)
        assert [entry["class"] for entry in row["classes"]] == [str(label) for label in labels.tolist()]
        # A sixteenth is no whole number of 255ths.
        assert [entry["probability"] for entry in row["classes"]] == pytest.approx(values.tolist(), abs=0.02)
    plain = _call(predict, runs / "net.arch", runs / "a", paths[0]).output.splitlines()
    assert plain[0] == str(paths[0])
    assert len(plain) == 6
    assert plain[1].endswith("%")


def test_predict_scales_and_cuts(runs: Path, tmp_path: Path) -> None:
    _digit(tmp_path / "small.png", 5)
    large = Image.open(tmp_path / "small.png").resize((80, 80), Image.Resampling.NEAREST)
    wide = np.zeros((80, 120), np.uint8)
    wide[:, 20:100] = np.array(large)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    given = [tmp_path / "small.png", tmp_path / "wide.png"]
    small, cut = json.loads(_call(predict, runs / "net.arch", runs / "a", *given, "--json").output)
    assert small["classes"][0]["class"] == cut["classes"][0]["class"]


def test_predict_refuses_what_is_no_image(runs: Path) -> None:
    made = _call(predict, runs / "net.arch", runs / "a", runs / "net.arch")
    assert made.exit_code == 1
    assert "it is no image that can be read" in made.output


# ---------------------------------------------------------------- weights to begin with


def test_training_begins_at_the_weights_of_a_file(runs: Path, tmp_path: Path) -> None:
    weights = runs / "a" / "model.safetensors"
    given = [
        runs / "net.arch", "--data", "digits", "--recipe", "optimizer sgd lr=1e-30", "--epochs", 1, "--init", weights,
        "--freeze", "conv*", "--freeze", "bn", "-o", tmp_path / "run",
    ]  # fmt: skip
    made = _call(train, *given)
    assert made.exit_code == 0, made.output
    # Two of the convolution, five of the normalisation, two of the head.
    assert "9 tensors loaded from" in made.output
    assert "frozen: 4 of 6 weight tensors" in made.output
    before, after = load_file(weights), load_file(tmp_path / "run" / "model.safetensors")
    # The running statistics of a frozen layer are held too.
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    record = json.loads((tmp_path / "run" / "recipe.json").read_text())["recipe"]
    assert record["freeze"] == ["conv*", "bn"]
    assert record["weights"]["path"] == str(weights)


def test_a_head_of_another_size_begins_anew(runs: Path) -> None:
    other = archdsl.loads(_TEXT.replace("fc 10", "fc 4"))
    module = other.module(seed=3)
    first = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    said = bring(module, other.graph, runs / "a" / "model.safetensors", 3)
    theirs = load_file(runs / "a" / "model.safetensors")
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, first[name] if name.startswith("fc") else theirs[name])
    assert said[1] == "begun anew: fc.weight, fc.bias"
    assert "fc.weight" in said[2]


def test_the_weights_of_another_implementation_are_brought_over(tmp_path: Path) -> None:
    net = archdsl.loads("input 8x8x1\nconv 3x3 4 -> relu -> conv 3x3 6 -> relu -> fc 10")
    theirs = {
        "features.0.weight": torch.randn(4, 1, 3, 3),
        "features.0.bias": torch.randn(4),
        "features.2.weight": torch.randn(6, 4, 3, 3),
        "features.2.bias": torch.randn(6),
        "classifier.weight": torch.randn(3, 96),
        "classifier.bias": torch.randn(3),
    }
    save_file(theirs, tmp_path / "theirs.safetensors")
    module = net.module(seed=0)
    said = bring(module, net.graph, tmp_path / "theirs.safetensors", 0)
    assert said[0].startswith("4 tensors loaded")
    convolutions = [layer for layer in module.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert torch.equal(convolutions[1].weight, theirs["features.2.weight"])


def test_frozen_layers_by_pattern() -> None:
    net = archdsl.loads("input 8x8x1\nconv 3x3+1 4 -> bn -> relu @stem -> conv 3x3 4 -> bn -> relu -> fc 10")
    module = net.module()
    names = [name for name, _ in module.named_parameters()]
    freeze(module, ["*.bias"])
    assert {name for name, weight in module.named_parameters() if not weight.requires_grad} == {
        name for name in names if name.endswith("bias")
    }
    assert held(module) == []
    with pytest.raises(TrainError, match="`stage1` is no layer of the network"):
        freeze(module, ["stage1"])
    with pytest.raises(TrainError, match="nothing to train"):
        freeze(module, ["*"])
