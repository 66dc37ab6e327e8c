"""Training: what the loop computes against torch's own, what it refuses, and what it leaves behind.

In: small networks and scikit-learn's digits. Out: facts: torch's schedulers and optimizers, the IDX format.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import signal
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

import archdsl
from archdsl.api import Architecture
from archdsl.cli.train import command
from archdsl.elaborate.recipe_learning import (
    Adagrad,
    Adam,
    AdamW,
    Constant,
    Cosine,
    CrossEntropy,
    Exponential,
    Linear,
    Optimizer,
    Polynomial,
    RmsProp,
    Schedule,
    Sgd,
    Step,
    Table,
    Triangular,
)
from archdsl.elaborate.recipe_settings import Augment, Data
from archdsl.elaborate.recipe_values import Crop
from archdsl.resources import specs_path
from archdsl.train.augment import Draws, augmented
from archdsl.train.data import load, parse_data
from archdsl.train.dataset import Dataset, Examples
from archdsl.train.display import Display, RichDisplay
from archdsl.train.errors import TrainError
from archdsl.train.evaluation import evaluate
from archdsl.train.feed import Batch
from archdsl.train.folder import RunFolder
from archdsl.train.idx import read_idx
from archdsl.train.loop import Result, train
from archdsl.train.machine import CPU, choose_device
from archdsl.train.objective import logits, objective
from archdsl.train.plan import Overrides, Plan, describe, plan
from archdsl.train.schedule import learning_rate

_LENET5 = specs_path() / "lenet" / "lenet5.arch"
_CPU = torch.device("cpu")
_DIGITS = Data("digits")
_SMALL = "input 8x8x1\nconv 3x3+1 8 -> bn -> relu -> maxpool 2 -> fc 10"


def _train(
    net: Architecture, made: Plan, out: Path, data: Dataset | None = None, display: Display | None = None
) -> Result:
    size = net.graph.inputs[0].shape
    found = data or load(made.data, size, 10, made.augment)
    return train(net.graph, made, found, RunFolder(out), CPU, display or Display(io.StringIO()))


# ---------------------------------------------------------------- data


def test_digits_are_1437_and_360_in_the_size_of_the_input() -> None:
    data = load(_DIGITS, (32, 32, 1), 10)
    assert data.train.images.shape == (1437, 1, 32, 32)
    assert data.test.images.shape == (360, 1, 32, 32)
    assert data.train.images.min() >= 0
    assert data.train.images.max() <= 1
    assert data.remark == "8x8 scaled to 32x32"
    # The counts of the ten digits in scikit-learn's set, by its documentation about 180 each, 1,797 together.
    counts = torch.cat([data.train.labels, data.test.labels]).bincount()
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_unscaled_digits_are_as_scikit_learn_has_them() -> None:
    from sklearn.datasets import load_digits

    data = load(_DIGITS, (8, 8, 1), 10)
    theirs = {image.tobytes() for image in torch.tensor(load_digits().images).float().numpy()}
    ours = {image.tobytes() for image in (torch.cat([data.train.images, data.test.images])[:, 0] * 16).numpy()}
    assert ours == theirs


def test_padding_and_normalisation() -> None:
    data = load(_DIGITS, (12, 12, 1), 10, Augment(pad=2))
    padded = data.tested(data.train.take(torch.arange(50), None))
    assert padded.shape == (50, 1, 12, 12)
    assert float(padded[:, :, :2].abs().sum() + padded[..., -2:].abs().sum()) == 0
    data = load(_DIGITS, (8, 8, 1), 10, Augment(normalize=True))
    images = data.tested(data.train.take(torch.arange(len(data.train)), None))
    assert float(images.mean()) == pytest.approx(0, abs=1e-5)
    assert float(images.std()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("data", "size", "classes", "message"),
    [
        (Data("digits"), (32, 32, 3), 10, "the images of `digits` are 32x32x1, and the network takes 32x32x3"),
        (Data("digits"), (64,), 10, "the network takes 64"),
        (Data("digits"), (8, 8, 1), 9, "has the label 9, and the network tells 9 classes apart"),
        (Data("digits", "here"), (8, 8, 1), 10, "needs no file"),
        (Data("cifar10"), (32, 32, 3), 10, "where `cifar10` lies is not said"),
        (Data("mnist"), (28, 28, 1), 10, "where `mnist` lies is not said"),
        (Data("mnist", "/nowhere"), (28, 28, 1), 10, "/nowhere is not a folder"),
    ],
)
def test_data_that_does_not_fit_is_refused(data: Data, size: tuple[int, ...], classes: int, message: str) -> None:
    with pytest.raises(TrainError) as caught:
        load(data, size, classes)
    assert message in caught.value.message


def test_data_on_the_command_line() -> None:
    assert parse_data("fashion-mnist:a:b") == Data("fashion_mnist", "a:b")
    with pytest.raises(TrainError) as caught:
        parse_data("digts")
    assert caught.value.hint == "did you mean `digits`?"


# ---------------------------------------------------------------- IDX


def _idx(*sizes: int, values: int | None = None) -> bytes:
    """An IDX file of bytes 0, 1, 2, 0, …"""
    count = math.prod(sizes) if values is None else values
    return struct.pack(f">4B{len(sizes)}I", 0, 0, 8, len(sizes), *sizes) + bytes(i % 3 for i in range(count))


def _mnist(folder: Path, pack: Callable[[bytes], bytes] = bytes, ending: str = "") -> Path:
    for prefix, count in (("train", 6), ("t10k", 3)):
        (folder / f"{prefix}-images-idx3-ubyte{ending}").write_bytes(pack(_idx(count, 4, 5)))
        (folder / f"{prefix}-labels-idx1-ubyte{ending}").write_bytes(pack(_idx(count)))
    return folder


@pytest.mark.parametrize(("pack", "ending"), [(bytes, ""), (gzip.compress, ".gz"), (gzip.compress, "")])
def test_idx_files_gzipped_or_not(tmp_path: Path, pack: Callable[[bytes], bytes], ending: str) -> None:
    data = load(Data("mnist", str(_mnist(tmp_path, pack, ending))), (4, 5, 1), 3)
    assert data.train.images.shape == (6, 1, 4, 5)
    assert data.train.labels.tolist() == [0, 1, 2, 0, 1, 2]
    first = data.tested(data.test.take(torch.arange(1), None))
    assert float(first[0, 0, 0, 2]) == pytest.approx(2 / 255)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0\x08\x01" + bytes(20), "the magic number is 2049, and IDX images begin with 2051"),
        (b"", "the file ends inside its header, after 0 bytes"),
        (_idx(2, 4, 5)[:9], "ends inside its header"),
        (_idx(2, 4, 5, values=39), "truncated: the header says 40 values, and there are 39"),
        (_idx(2, 4, 5, values=41), "more in the file than the 40 values"),
        (_idx(0, 4, 5), "which cannot be"),
        (gzip.compress(_idx(2, 4, 5), mtime=0)[:-9], "cannot be read"),
        (b"\x1f\x8bnonsense, not gzip", "cannot be read"),
    ],
)
def test_wrong_idx_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(TrainError) as caught:
        read_idx(path, 3)
    assert caught.value.message.startswith(f"{path}: ")
    assert message in caught.value.message


def test_missing_and_unequal_files_are_named(tmp_path: Path) -> None:
    data = Data("mnist", str(_mnist(tmp_path)))
    labels = tmp_path / "t10k-labels-idx1-ubyte"
    labels.write_bytes(_idx(2))
    with pytest.raises(TrainError, match=r"3 images, .* 2 labels"):
        load(data, (4, 5, 1), 10)
    labels.unlink()
    with pytest.raises(TrainError, match="has no t10k-labels-idx1-ubyte"):
        load(data, (4, 5, 1), 10)


def test_a_size_that_padding_would_mend_says_so(tmp_path: Path) -> None:
    with pytest.raises(TrainError) as caught:
        load(Data("mnist", str(_mnist(tmp_path))), (8, 9, 1), 10)
    assert "augment pad=2" in caught.value.hint
    assert load(Data("mnist", str(tmp_path)), (8, 9, 1), 10, Augment(pad=2)).size == (8, 9, 1)


# ---------------------------------------------------------------- augmentation


def test_a_crop_is_a_window_of_the_padded_image() -> None:
    images = torch.arange(1.0, 1 + 200 * 2 * 3 * 4).reshape(200, 2, 3, 4)
    changed = augmented(images, Augment(crop=Crop((3, 4), 1)), Draws(0, 0, torch.arange(200)))
    padded = functional.pad(images, (1, 1, 1, 1))
    places = set()
    for before, after in zip(padded, changed, strict=True):
        found = [(y, x) for y in range(3) for x in range(3) if torch.equal(before[:, y : y + 3, x : x + 4], after)]
        assert len(found) == 1
        places.update(found)
    # To the last of them.
    assert places == {(y, x) for y in range(3) for x in range(3)}


def test_a_flip_mirrors_about_half() -> None:
    images = torch.rand(400, 1, 2, 3, generator=torch.Generator().manual_seed(0))
    changed = augmented(images, Augment(flip=True), Draws(1, 0, torch.arange(400)))
    mirrored = [torch.equal(a.flip(-1), b) for a, b in zip(images, changed, strict=True)]
    assert all(m or torch.equal(a, b) for m, a, b in zip(mirrored, images, changed, strict=True))
    assert 150 < sum(mirrored) < 250  # five standard deviations of 10 around 200


# ---------------------------------------------------------------- schedules, against torch's


def _torch_rates(
    make: Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LRScheduler], count: int
) -> list[float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.4)
    scheduler = make(optimizer)
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


_lr = torch.optim.lr_scheduler


@pytest.mark.parametrize(
    ("schedule", "per_epoch", "theirs"),
    [
        (Step(at=(3, 7), factor=0.1), 1, lambda o: _lr.MultiStepLR(o, [3, 7], 0.1)),
        (Exponential(factor=0.9), 1, lambda o: _lr.ExponentialLR(o, 0.9)),
        (Exponential(every=4, factor=0.9), 1, lambda o: _lr.StepLR(o, 4, 0.9)),
        (Cosine(), 5, lambda o: _lr.CosineAnnealingLR(o, 60)),
        (Cosine(final=0.25), 5, lambda o: _lr.CosineAnnealingLR(o, 60, 0.1)),
        (Linear(final=0.2), 5, lambda o: _lr.LinearLR(o, 1.0, 0.2, 60)),
        (Polynomial(power=0.5), 5, lambda o: _lr.PolynomialLR(o, 60, 0.5)),
        (Constant(), 5, lambda o: _lr.ConstantLR(o, 1.0)),
    ],
)
def test_schedules_are_torchs(
    schedule: Schedule, per_epoch: int, theirs: Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LRScheduler]
) -> None:
    count = 12 * per_epoch
    ours = [learning_rate(schedule, 0.4, step=i, per_epoch=per_epoch, epochs=12) for i in range(count)]
    assert ours == pytest.approx(_torch_rates(theirs, count))


def test_a_table_holds_from_its_epochs_on() -> None:
    # LeNet-5: 5e-4 for two passes, 2e-4 for three, 1e-4 for three, 5e-5 for four, 1e-5 thereafter.
    table = Table(rates=((1, 5e-4), (3, 2e-4), (6, 1e-4), (9, 5e-5), (13, 1e-5)))
    rates = [learning_rate(table, None, step=10 * epoch, per_epoch=10, epochs=20) for epoch in range(20)]
    assert rates == [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8
    later = Table(rates=((2, 0.1),))
    assert [learning_rate(later, 0.7, step=i, per_epoch=1, epochs=3) for i in range(3)] == [0.7, 0.1, 0.1]


def test_warm_up_rises_to_the_schedule() -> None:
    rates = [learning_rate(Constant(warmup=2), 0.8, step=i, per_epoch=2, epochs=3) for i in range(6)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8])


def test_a_triangle_has_its_peak_where_it_is_told() -> None:
    rates = [learning_rate(Triangular(peak=0.4, start=0.5), 1.0, step=i, per_epoch=1, epochs=10) for i in range(11)]
    assert rates == pytest.approx([0.5, 0.625, 0.75, 0.875, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0], abs=1e-9)


# ---------------------------------------------------------------- the loop, against a plain one


@pytest.mark.parametrize(
    ("optimizer", "theirs"),
    [
        (Sgd(lr=0.1), lambda w: torch.optim.SGD(w, lr=0.1)),
        (
            Sgd(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
            lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        ),
        (
            Adam(lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
            lambda w: torch.optim.Adam(w, lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
        ),
        (AdamW(lr=0.01, weight_decay=0.3), lambda w: torch.optim.AdamW(w, lr=0.01, weight_decay=0.3)),
        (
            RmsProp(lr=0.01, alpha=0.9, momentum=0.5, eps=1e-5, weight_decay=0.1),
            lambda w: torch.optim.RMSprop(w, lr=0.01, alpha=0.9, momentum=0.5, eps=1e-5, weight_decay=0.1),
        ),
        (
            Adagrad(lr=0.01, lr_decay=0.1, eps=1e-5, weight_decay=0.1),
            lambda w: torch.optim.Adagrad(w, lr=0.01, lr_decay=0.1, eps=1e-5, weight_decay=0.1),
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Optimizer) else "",
)
def test_a_run_is_a_plain_loop(
    tmp_path: Path, optimizer: Optimizer, theirs: Callable[[list[nn.Parameter]], torch.optim.Optimizer]
) -> None:
    # All images in one batch, so that their order matters to no more than rounding.
    net = archdsl.loads("input 8x8x1\nfc 12 -> tanh -> fc 10")
    criterion = CrossEntropy(label_smoothing=0.1)
    data = load(_DIGITS, (8, 8, 1), 10)
    data = replace(data, train=Examples(data.train.images[:40], data.train.labels[:40]))
    made = Plan(_DIGITS, batch=40, epochs=5, seed=3, optimizer=optimizer, schedule=Linear(), criterion=criterion)
    _train(net, made, tmp_path / "run", data)
    module = net.module(seed=3)
    plain = theirs(list(module.parameters()))
    first = plain.param_groups[0]["lr"]
    for step in range(5):
        plain.param_groups[0]["lr"] = first * (1 - step / 5)
        loss = nn.CrossEntropyLoss(label_smoothing=0.1)(module(data.train.images), data.train.labels)
        plain.zero_grad()
        loss.backward()
        plain.step()
    ours = load_file(tmp_path / "run" / "model.safetensors")
    assert ours.keys() == module.state_dict().keys()
    for name, weight in module.state_dict().items():
        torch.testing.assert_close(ours[name], weight, rtol=1e-4, atol=1e-5)


def test_a_few_steps_of_lenet5_make_the_loss_smaller(tmp_path: Path) -> None:
    net = archdsl.load(_LENET5)
    losses: list[float] = []

    class Listen(Display):
        def step(self, epoch: int, loss: float | None, images: int, accuracy: float) -> None:
            assert loss is not None
            losses.append(loss)

    data = load(_DIGITS, (32, 32, 1), 10)
    data = replace(data, train=Examples(data.train.images[:320], data.train.labels[:320]))
    _train(net, Plan(_DIGITS, epochs=3), tmp_path / "run", data, Listen(io.StringIO()))
    assert len(losses) == 30
    assert losses[0] == pytest.approx(math.log(10), abs=0.2)  # a guess among ten
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_lenet5_learns_the_digits(tmp_path: Path) -> None:
    net = archdsl.load(_LENET5)
    assert net.recipe is not None
    result = _train(net, plan(net.recipe, Overrides(epochs=5)), tmp_path / "run")
    assert result.last is not None
    assert result.last.test_accuracy >= 0.95
    # The weights on the disk are those of the test: the module that loads them is right as often.
    module = net.module().eval()
    module.load_state_dict(load_file(tmp_path / "run" / "model.safetensors"))
    test = load(_DIGITS, (32, 32, 1), 10).test
    with torch.no_grad():
        right = (module(test.images).argmax(1) == test.labels).double().mean()
    assert float(right) == pytest.approx(result.last.test_accuracy)


def test_a_seed_decides_everything(tmp_path: Path) -> None:
    net = archdsl.loads(_SMALL.replace("-> fc", "-> dropout 0.5 -> fc"))
    augment = Augment(crop=Crop((8, 8), 1), flip=True)
    torch.manual_seed(11)
    before = torch.get_rng_state()
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        _train(net, Plan(_DIGITS, augment, batch=128, epochs=1, seed=seed), tmp_path / name)
    for file in ("model.safetensors", "metrics.jsonl", "recipe.json"):
        same, other = (tmp_path / "b" / file).read_bytes(), (tmp_path / "c" / file).read_bytes()
        assert (tmp_path / "a" / file).read_bytes() == same
        assert other != same
    assert torch.equal(torch.get_rng_state(), before)


def test_the_softmax_at_the_end_is_not_taken_twice(tmp_path: Path) -> None:
    for name, end in (("plain", ""), ("softmax", " -> softmax"), ("log", " -> log_softmax")):
        _train(archdsl.loads(_SMALL + end), Plan(_DIGITS, batch=256, epochs=1), tmp_path / name)
    plain = load_file(tmp_path / "plain" / "model.safetensors")
    for name in ("softmax", "log"):
        other = load_file(tmp_path / name / "model.safetensors")
        assert other.keys() == plain.keys()
        assert all(torch.equal(plain[key], other[key]) for key in plain)


def test_a_last_batch_of_one_image_joins_the_one_before(tmp_path: Path) -> None:
    # 1,437 = 4 * 359 + 1; batch norm on a vector refuses a single image.
    net = archdsl.loads("input 8x8x1\nfc 10 -> bn")
    steps: list[int] = []

    class Listen(Display):
        def step(self, epoch: int, loss: float | None, images: int, accuracy: float) -> None:
            steps.append(images)

    _train(net, Plan(_DIGITS, batch=359, epochs=1), tmp_path / "run", display=Listen(io.StringIO()))
    assert steps == [359, 359, 359, 360]


def test_the_metrics_are_means_over_all_images(tmp_path: Path) -> None:
    # Two steps, of 720 and 717 images, and weights that stay as they are: what torch says of them by itself.
    net = archdsl.loads("input 8x8x1\nfc 10")
    data = load(_DIGITS, (8, 8, 1), 10)
    made = Plan(_DIGITS, batch=720, epochs=1, seed=3, optimizer=Sgd(lr=1e-30), schedule=Linear())
    _train(net, made, tmp_path / "run", data)
    (line,) = (json.loads(text) for text in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    module = net.module(seed=3)
    for part, name in ((data.train, "train"), (data.test, "test")):
        with torch.no_grad():
            outputs = module(part.take(torch.arange(len(part)), None))
        assert line[f"{name}_loss"] == pytest.approx(float(functional.cross_entropy(outputs, part.labels)), rel=1e-5)
        assert line[f"{name}_accuracy"] == int((outputs.argmax(1) == part.labels).sum()) / len(part)
    # The second step's, half of the way down.
    assert (line["epoch"], line["step"], line["learning_rate"]) == (1, 2, 5e-31)


def test_a_score_counts_every_image_once_and_the_first_five_guesses() -> None:
    # The label of image number i is the guess number i: one is right at once, five among the first five.
    rows = torch.stack([torch.arange(7.0).roll(number) for number in range(7)])
    ranks = rows.argsort(dim=1, descending=True)
    labels = torch.stack([ranks[number, number] for number in range(7)])
    batches = [Batch(rows[part], labels[part], count=len(part)) for part in torch.arange(7).split([5, 2])]
    learning = nn.Sequential(nn.Dropout(0.9)).train()
    found = evaluate(learning, batches, CrossEntropy(), CPU)
    assert found is not None
    assert (found.images, found.accuracy, found.top5) == (7, 1 / 7, 5 / 7)
    assert found.loss == pytest.approx(float(functional.cross_entropy(rows, labels)))
    few = evaluate(learning, [Batch(rows[:, :5], labels % 5, count=7)], CrossEntropy(), CPU)
    assert few is not None
    assert few.top5 is None


# ---------------------------------------------------------------- several outputs

_HEADS = """
input 8x8x1
conv 3x3+1 4 -> relu @x -> fc 10
output aux training = @x -> gap -> fc 10
train { data digits  batch 512  epochs 1  loss cross_entropy + 0.3 aux }
"""


def test_the_loss_is_a_weighted_sum() -> None:
    net = archdsl.loads(_HEADS)
    assert net.recipe is not None
    made = plan(net.recipe, Overrides())
    loss = objective(logits(net.graph, made.criterion), made.criterion, made.auxiliaries)
    main, aux, labels = torch.randn(4, 10), torch.randn(4, 10), torch.tensor([1, 2, 3, 4])
    expected = functional.cross_entropy(main, labels) + 0.3 * functional.cross_entropy(aux, labels)
    torch.testing.assert_close(loss((main, aux), labels), expected)


def test_outputs_for_training_only_are_trained(tmp_path: Path) -> None:
    net = archdsl.loads(_HEADS)
    assert net.recipe is not None
    result = _train(net, plan(net.recipe, Overrides(seed=2)), tmp_path / "run")
    assert result.last is not None
    # With both heads at a guess, the loss while learning is about 1.3 ln 10, that of the test about ln 10.
    assert result.last.train_loss > 1.15 * math.log(10)
    assert result.last.test_loss < 1.1 * math.log(10)
    before, after = net.module(seed=2).state_dict(), load_file(tmp_path / "run" / "model.safetensors")
    assert all(not torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_HEADS.replace(" + 0.3 aux", ""), "does not say how much the output `aux` counts"),
        ("input 8x8x1\nconv 3x3 10\ntrain { data digits }", "the loss takes one number a class"),
        ("input 8x8x1\ngap -> softmax\ntrain { data digits }", "no weights"),
        (
            "input 8x8x1\n(fc 10) x4\ntrain { data digits  init fc=constant(1e15) }",
            "the loss is nan at step 1: the first layer to give it is `group.3`",
        ),
        ("input 8x8x1\nfc 10 -> rbf 10\ntrain { data digits }", "`rbf` gives"),
    ],
)
def test_what_cannot_be_trained_is_refused(tmp_path: Path, text: str, message: str) -> None:
    net = archdsl.loads(text)
    with pytest.raises(TrainError) as caught:
        _train(net, plan(net.recipe, Overrides()), tmp_path / "run", load(_DIGITS, (8, 8, 1), 10))
    assert message in caught.value.message


def test_first_weights_are_drawn_as_told(tmp_path: Path) -> None:
    net = archdsl.loads(
        "input 8x8x1\nconv 3x3 100 -> relu -> fc 10\ntrain { data digits  epochs 1\n"
        "optimizer sgd lr=1e-30\ninit conv=he_normal fc=normal(0.01) bias=constant(0.5) }"
    )
    _train(net, plan(net.recipe, Overrides()), tmp_path / "run")
    weights = load_file(tmp_path / "run" / "model.safetensors")
    # He et al.: variance 2 / (3 * 3 * 1); 900 draws are within 10% of it.
    assert float(weights["conv.weight"].std()) == pytest.approx(math.sqrt(2 / 9), rel=0.1)
    assert float(weights["fc.weight"].std()) == pytest.approx(0.01, rel=0.02)
    assert weights["conv.bias"].tolist() == [0.5] * 100
    assert weights["fc.bias"].tolist() == [0.5] * 10


# ---------------------------------------------------------------- plans


def test_the_command_line_stands_in_place_of_the_recipe() -> None:
    net = archdsl.loads(
        "input 8x8x1\nfc 10\ntrain { data cifar10 batch 5 epochs 6 seed 7\n optimizer sgd lr=0.1 momentum=0.5 }"
    )
    made = plan(net.recipe, Overrides(data=_DIGITS, batch=8, epochs=9, seed=0, lr=0.2))
    assert made == Plan(_DIGITS, batch=8, epochs=9, seed=0, optimizer=Sgd(lr=0.2, momentum=0.5))
    assert plan(net.recipe, Overrides(data=_DIGITS)).seed == 7
    assert plan(None, Overrides(data=_DIGITS)) == Plan(_DIGITS)
    with pytest.raises(TrainError, match="learnt from"):
        plan(None, Overrides())


def test_contradictions_of_command_line_and_recipe_are_refused() -> None:
    net = archdsl.loads("input 8x8x1\nfc 10\ntrain { data digits\n optimizer sgd\n schedule table {1: 0.1} }")
    with pytest.raises(TrainError, match="--lr would change nothing"):
        plan(net.recipe, Overrides(lr=0.1))
    net = archdsl.loads("input 8x8x1\nfc 10\ntrain { data digits  epochs 9\n schedule cosine warmup=3 }")
    with pytest.raises(TrainError, match="the warm-up takes 3 epochs, and there are 2"):
        plan(net.recipe, Overrides(epochs=2))


def test_entries_are_shown_as_they_are_written() -> None:
    assert describe(Sgd(lr=0.1, momentum=0.9, nesterov=True)) == "sgd lr=0.1 momentum=0.9 nesterov"
    assert describe(Augment(crop=Crop((32, 32), 4), flip=True)) == "augment crop=32+4 flip"
    assert describe(Step(at=(82, 123))) == "step at=[82, 123]"


def test_devices() -> None:
    assert choose_device("cpu") == _CPU
    assert choose_device("auto").type in ("cpu", "cuda")
    for name in ("gpu", "mps", "cuda:99"):
        with pytest.raises(TrainError):
            choose_device(name)


# ---------------------------------------------------------------- the run folder


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_after_its_step_and_saves(tmp_path: Path, number: int, status: int) -> None:
    class Interrupt(Display):
        count = 0

        def step(self, epoch: int, loss: float | None, images: int, accuracy: float) -> None:
            self.count += 1
            if self.count == 8:
                os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    net = archdsl.loads(_SMALL)
    made = Plan(_DIGITS, batch=256, epochs=50)  # 6 steps an epoch
    result = _train(net, made, tmp_path / "run", display=Interrupt(io.StringIO()))
    assert (result.steps, result.status) == (8, status)
    assert result.last is not None
    assert result.last.epoch == 1
    assert signal.getsignal(number) is before
    assert not (tmp_path / "run" / "model.safetensors").exists()
    kept = load_file(tmp_path / "run" / "checkpoints" / "step-0000000008.safetensors")
    assert {name[6:] for name in kept if name.startswith("model.")} == set(net.module().state_dict())
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 1


def test_the_run_folder(tmp_path: Path) -> None:
    net = archdsl.loads(_SMALL)
    stream = io.StringIO()
    _train(net, Plan(_DIGITS, batch=512, epochs=2), tmp_path / "run", display=Display(stream))
    assert sorted(file.name for file in (tmp_path / "run").iterdir()) == [
        "best.safetensors",
        "checkpoints",
        "confusion.csv",
        "confusion.svg",
        "curves.svg",
        "metrics.csv",
        "metrics.jsonl",
        "model.safetensors",
        "recipe.json",
        "report.html",
    ]
    assert sorted(file.name for file in (tmp_path / "run" / "checkpoints").iterdir()) == [
        ".lock",
        "step-0000000003.safetensors",
        "step-0000000006.safetensors",
    ]
    with safe_open(tmp_path / "run" / "model.safetensors", framework="pt") as file:
        assert file.metadata() == {"format": "pt", "network": "<text>", "epoch": "2", "steps": "6"}
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, 3), (2, 6)]
    record = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert record["network"]["text"] == _SMALL
    assert record["recipe"]["optimizer"]["name"] == "adam"
    assert record["versions"]["torch"] == torch.__version__
    assert [line.split()[1] for line in stream.getvalue().splitlines()] == ["1/2", "2/2"]
    table = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert table[0].split(",") == list(lines[0])
    assert [float(line.split(",")[5]) for line in table[1:]] == [line["test_loss"] for line in lines]


def test_the_bar_of_a_terminal_shows_every_epoch(tmp_path: Path) -> None:
    stream = io.StringIO()
    _train(archdsl.loads(_SMALL), Plan(_DIGITS, batch=512, epochs=2), tmp_path / "run", display=RichDisplay(stream))
    assert "epoch 2/2" in stream.getvalue()


def test_the_bar_has_everything_and_its_time_left_forgets_what_was_done_before() -> None:
    stream = io.StringIO()
    display = RichDisplay(stream)
    with display:
        display.start(epochs=10, steps=100, done=900)
        display._progress.refresh()
        assert "nan" not in stream.getvalue()
        display.step(10, 0.5, 64, 0.75)
        (task,) = display._progress.tasks
        display._progress.refresh()
        # One step in some milliseconds, and not 901 of them.
        assert task.completed == 901
        assert sum(sample.completed for sample in task._progress) == 1
        shown = display._progress.make_tasks_table([task])
        from rich.console import Console

        console = Console(file=stream, width=100)
        console.print(shown)
    for part in ("epoch 10/10", "901/1000", "loss 0.5000, 75.0%", "images/s"):
        assert part in stream.getvalue()


# ---------------------------------------------------------------- the command


def test_the_command_trains_and_says_where_the_results_lie(tmp_path: Path) -> None:
    file, out = tmp_path / "net.arch", tmp_path / "run"
    file.write_text(_SMALL + "\n")
    given = [str(file), "--data", "digits", "--epochs", "1", "--batch", "256", "--device", "cpu", "-o", str(out)]
    result = CliRunner().invoke(command, given)
    assert result.exit_code == 0, result.output
    assert "1,437 images to learn from, 360 to test with" in result.output
    assert "test accuracy" in result.output
    assert f"the results lie in {out}: model.safetensors" in result.output.replace("\n  ", " ")
    assert (out / "model.safetensors").exists()
    again = CliRunner().invoke(command, given)
    assert again.exit_code == 0
    assert "finished" in again.output
    other = CliRunner().invoke(command, [*given, "--lr", "0.25"])
    assert other.exit_code == 1
    assert "recipe.optimizer.lr: it was 0.001, and is 0.25" in other.output
    assert CliRunner().invoke(command, [*given, "--overwrite"]).exit_code == 0


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("input 8x8x1\nfc 10\n", [], "what is learnt from is said neither"),
        ("input 8x8x1\nfc 10\n", ["--data", "digts"], "did you mean `digits`?"),
        ("input 8x8x3\nfc 10\n", ["--data", "digits"], "the network takes 8x8x3"),
        ("input 8x8x1\nfc 10\n", ["--recipe", "data digits  schedul cosine"], "did you mean `schedule`?"),
        ("input 8x8x1\nfc 10\n", ["--recipe", "data digits }\nfc 3"], "error["),
        ("input 8x8x1\nfc 10\n", ["--recipe", "data digits", "--optimizer", "sgd"], "`sgd` needs `lr`"),
        ("input 8x8x1\nfc 10\n", ["--data", "digits", "--checkpoint-every", "5x"], "is not an interval"),
        ("input 8x8x1\nfc 10\n", ["--data", "digits", "--device", "cpu", "--precision", "tf32"], "has no tf32"),
        ("input 8x8x1\nfc 10\ntrain { data digits batch 0 }\n", [], "error[bad-recipe]"),
        ("input a 8x8x1\ninput b 8x8x1\nconcat<@a | @b> -> fc 10\n", ["--data", "digits"], "has 2 inputs"),
    ],
)
def test_the_command_refuses_before_it_makes_a_folder(
    tmp_path: Path, text: str, options: list[str], message: str
) -> None:
    file = tmp_path / "net.arch"
    file.write_text(text)
    result = CliRunner().invoke(command, [str(file), "--out", str(tmp_path / "run"), *options])
    assert result.exit_code == 1, result.output
    assert message in result.output
    assert not (tmp_path / "run").exists()
