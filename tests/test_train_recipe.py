"""What a recipe asks for, against who defined it: torch, torchvision, the papers' formulas.

In: small networks, random images. Out: facts established there or by the arithmetic in the comments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

import archdsl
from archdsl.elaborate.recipe_init import Initial, Penalty, Zeros
from archdsl.elaborate.recipe_learning import (
    BinaryCrossEntropy,
    Criterion,
    CrossEntropy,
    Linear,
    Mse,
    Muon,
    Optimizer,
    Plateau,
    Sgd,
)
from archdsl.elaborate.recipe_settings import Augment, Clip, Data, EarlyStopping
from archdsl.train.augment import Draws, augmented, blended
from archdsl.train.colour import jittered, lit
from archdsl.train.data import load
from archdsl.train.dataset import Dataset, Examples
from archdsl.train.errors import TrainError
from archdsl.train.feed import Feed
from archdsl.train.folder import RunFolder
from archdsl.train.geometry import resized, turned
from archdsl.train.learner import Learner
from archdsl.train.loop import Result, train
from archdsl.train.machine import CPU, Machine, fastest
from archdsl.train.mixing import blanked, mixed, pasted
from archdsl.train.objective import class_count, guesses, losses
from archdsl.train.optimizers import Optimizers
from archdsl.train.plan import Overrides, Plan, plan
from archdsl.train.schedule import learning_rate, stale
from tests.killed import Quiet, contents, examples

_DATA = Data("digits")


def _draws(count: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, columns, generator=torch.Generator().manual_seed(seed))


def _images(count: int = 6, channels: int = 3, height: int = 10, width: int = 12) -> torch.Tensor:
    return torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(1))


def _noise(train_count: int = 40) -> Dataset:
    return Dataset("noise", examples(0, train_count), examples(1, 20), 7, (6, 6, 1))


def _run(text: str, made: Plan, out: Path, data: Dataset | None = None, machine: Machine = CPU) -> Result:
    net = archdsl.loads(text)
    return train(net.graph, made, data or _noise(), RunFolder(out), machine, Quiet())


def _weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "model.safetensors")


# ---------------------------------------------------------------- geometry


def test_turning_by_a_right_angle_is_torchs_rot90() -> None:
    images = _images(height=10, width=10)
    # The largest number gives the whole angle: 2 * (1 - 2^-24) - 1 is 1 in float32, but for its last bit.
    turned_left = turned(images, 90.0, torch.full((6, 1), 1.0))
    ours = torch.stack([turned_left, turned(images, 90.0, torch.zeros(6, 1))])
    both = torch.stack([torch.rot90(images, k, (2, 3)) for k in (1, 3)])
    matches = [torch.allclose(ours[0], both[k], atol=1e-4) for k in (0, 1)]
    assert sorted(matches) == [False, True]
    torch.testing.assert_close(ours[1], both[matches.index(False)], atol=1e-4, rtol=0)
    torch.testing.assert_close(turned(images, 90.0, torch.full((6, 1), 0.5)), images, atol=1e-5, rtol=0)


def test_turned_images_that_are_not_square_keep_their_shape_of_things() -> None:
    # A disc stays a disc: turned by 45 degrees, its pixels are the same but for those at its rim.
    rows, columns = torch.meshgrid(torch.arange(20.0), torch.arange(40.0), indexing="ij")
    disc = (((rows - 9.5) ** 2 + (columns - 19.5) ** 2) < 36).float()[None, None]
    assert float((turned(disc, 90.0, torch.full((1, 1), 0.75)) - disc).abs().sum()) < 0.15 * float(disc.sum())


def test_a_resized_window_of_the_whole_is_torchs_interpolation() -> None:
    images = _images(height=12, width=12)
    # Area number 1 is 100%, ratio number a half is 1.
    whole = resized(images, 9, torch.tensor([[1.0, 0.5, 0.0, 0.0]]).expand(6, 4))
    theirs = functional.interpolate(images, size=(9, 9), mode="bilinear", align_corners=False)
    torch.testing.assert_close(whole, theirs, atol=1e-5, rtol=0)


def test_a_resized_window_is_the_window_scaled() -> None:
    ramp = torch.arange(16.0).expand(1, 1, 16, 16).contiguous()
    # A quarter of the area at the right edge: columns 8 to 15, whose middles run from 8 to 15 in steps of 0.5.
    share = (0.25 - 0.08) / 0.92
    window = resized(ramp, 16, torch.tensor([[share, 0.5, 0.0, 1.0]]))
    expected = (8.25 + torch.arange(16.0) * 0.5 - 0.5).clamp(max=15)
    torch.testing.assert_close(window[0, 0, 5], expected, atol=1e-3, rtol=0)


# ---------------------------------------------------------------- colours


def test_jitter_is_torchvisions_three_adjustments() -> None:
    from tests.torchvision_cpu import load as load_torchvision

    theirs = load_torchvision("torchvision.transforms.functional")
    images = _images(1)
    for draws in _draws(5, 3):
        ours = jittered(images, 0.4, draws[None])
        brightness, contrast, saturation = (1 + 0.4 * (2 * draws - 1)).tolist()
        expected = theirs.adjust_brightness(images, brightness)
        expected = theirs.adjust_contrast(expected, contrast)
        expected = theirs.adjust_saturation(expected, saturation)
        # torchvision writes the luma with four digits, 0.2989 for 0.299.
        torch.testing.assert_close(ours, expected, atol=1e-3, rtol=0)


def test_lighting_moves_along_the_components_of_the_training_set() -> None:
    pixels = torch.randint(0, 256, (50, 3, 4, 4), generator=torch.Generator().manual_seed(3), dtype=torch.uint8)
    pixels[:, 1] = pixels[:, 0] // 2  # green follows red
    from archdsl.train.dataset import Prepare, Read
    from archdsl.train.statistics import with_statistics

    part = Examples(pixels, torch.arange(50) % 2)
    prepare, _ = with_statistics(Read("noise", part, part, 2, (4, 4, 3)), Prepare(), Augment(lighting=0.1))
    components = torch.tensor(prepare.components)
    # NumPy's covariance has these eigenvalues; a column is an eigenvector times its own.
    import numpy as np

    covariance = np.cov((pixels.double() / 255).movedim(1, 0).flatten(1).numpy())
    values = np.linalg.eigvalsh(covariance)
    assert components.norm(dim=0).tolist() == pytest.approx(values.tolist(), abs=1e-6)
    for column, value in zip(components.double().T, values, strict=True):
        assert (covariance @ column.numpy()).tolist() == pytest.approx((column * value).tolist(), abs=1e-6)
    moved = lit(torch.zeros(40_000, 3, 1, 1), 0.1, components, _draws(40_000, 3))[:, :, 0, 0].double()
    # Normal with variance (0.1 * eigenvalue)^2 along each eigenvector.
    along = moved @ (components.double() / components.double().norm(dim=0))
    assert along.std(dim=0).tolist() == pytest.approx((0.1 * values).tolist(), rel=0.03, abs=1e-5)


def test_lighting_needs_colours() -> None:
    with pytest.raises(TrainError, match="moves red, green and blue"):
        load(_DATA, (8, 8, 1), 10, Augment(lighting=0.1))


# ---------------------------------------------------------------- parts blanked and mixed


def test_a_blanked_square_has_its_side() -> None:
    images = torch.ones(500, 2, 9, 11)
    zeros = (blanked(images, 3, _draws(500, 2)) == 0).all(1)
    # Never more than 3 x 3, all of it unless it hangs over the edge: then 2 x 2 at least.
    counts = zeros.sum((1, 2))
    assert set(counts.tolist()) == {4, 6, 9}
    assert bool((zeros.any(2).sum(1) <= 3).all())
    # Every pixel may be the middle.
    assert bool(zeros.any(0).all())


def test_mixup_is_a_weighted_mean_by_beta() -> None:
    images, others = _images(), _images().flip(0)
    made, shares = mixed(images, others, 0.4, _draws(6, 1))
    for image, other, share, ours in zip(images, others, shares, made, strict=True):
        torch.testing.assert_close(ours, share * image + (1 - share) * other)
    # Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1)).
    _, many = mixed(torch.zeros(20_000, 1, 1, 1), torch.zeros(20_000, 1, 1, 1), 0.4, _draws(20_000, 1))
    assert float(many.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(many.var()) == pytest.approx(1 / (4 * 1.8), rel=0.03)


def test_cutmix_counts_the_pixels_that_it_pastes() -> None:
    zeros, ones = torch.zeros(300, 2, 8, 10), torch.ones(300, 2, 8, 10)
    made, shares = pasted(zeros, ones, 1.0, _draws(300, 3))
    torch.testing.assert_close(1 - made.mean((1, 2, 3)), shares)
    assert float(shares.min()) < 0.3
    assert float(shares.max()) > 0.9


@pytest.mark.parametrize("augment", [Augment(mixup=0.4), Augment(cutmix=1.0), Augment(cutout=3, mixup=1.0, flip=True)])
def test_a_mixed_batch_mixes_each_image_with_the_one_behind_it(augment: Augment) -> None:
    data = _noise()
    made = Plan(_DATA, augment, batch=16, seed=5)
    (batch,), *rest = list(Feed(data, made, CPU).steps(0, 0))
    assert len(rest) == 2
    assert batch.shares is not None
    assert batch.others is not None
    assert torch.equal(batch.others, batch.labels.roll(-1))
    # An epoch begun in its middle has the same batches.
    again = next(iter(Feed(data, made, CPU).steps(0, 1)))
    assert torch.equal(again[0].images, rest[0][0].images)
    if augment.mixup is not None and augment.cutout is None:
        plain = next(iter(Feed(data, replace(made, augment=None), CPU).steps(0, 0)))[0]
        share = batch.shares[:, None, None, None]
        torch.testing.assert_close(batch.images, share * plain.images + (1 - share) * plain.images.roll(-1, 0))


def test_the_loss_of_a_mixed_image_is_the_mix_of_its_losses() -> None:
    net = archdsl.loads("input 6x6x1\nfc 7")
    made = Plan(_DATA, Augment(mixup=0.4), batch=16, optimizer=Sgd(lr=0.1))
    learner = Learner(net.graph, made, CPU, _noise())
    with torch.no_grad():
        (batch,) = next(iter(Feed(_noise(), made, CPU).steps(0, 0)))
        output = learner.module(batch.images)
    assert batch.others is not None
    assert batch.shares is not None
    own, other = (functional.cross_entropy(output, labels, reduction="none") for labels in (batch.labels, batch.others))
    expected = (batch.shares * own + (1 - batch.shares) * other).mean()
    assert learner.step(0, [batch], 0.1).loss == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(
    "augment",
    [
        Augment(flip=True, rotate=20.0, jitter=0.3, cutout=2),
        Augment(resized_crop=6, lighting=0.1, flip=True),
        Augment(mixup=0.2),
    ],
)
def test_what_happens_to_an_image_depends_on_nothing_else_in_its_batch(augment: Augment) -> None:
    images = _images(8, height=6, width=6)
    components = torch.eye(3)

    def changed(indices: list[int], epoch: int) -> torch.Tensor:
        if augment.mixup is not None:
            indices = [*indices, indices[0]]
        draws = Draws(1, epoch, torch.tensor(indices))
        return blended(augmented(images[indices], augment, draws, components), augment, draws).images

    whole = changed([0, 1, 2, 3, 4, 5, 6, 7], 2)
    part = changed([4, 5, 6], 2)
    torch.testing.assert_close(part[:2], whole[4:6], rtol=0, atol=1e-6)
    assert not torch.allclose(changed([4, 5, 6], 3)[:2], whole[4:6])


# ---------------------------------------------------------------- losses


@pytest.mark.parametrize(
    ("criterion", "theirs"),
    [
        (BinaryCrossEntropy(), lambda o, t: nn.BCEWithLogitsLoss()(o, functional.one_hot(t, 7).float())),
        (Mse(), lambda o, t: nn.MSELoss()(o, functional.one_hot(t, 7).float())),
        (CrossEntropy(label_smoothing=0.2), lambda o, t: nn.CrossEntropyLoss(label_smoothing=0.2)(o, t)),
    ],
    ids=["bce", "mse", "ce"],
)
def test_losses_are_torchs(
    tmp_path: Path, criterion: Criterion, theirs: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> None:
    data = _noise()
    made = Plan(_DATA, batch=40, epochs=3, seed=2, optimizer=Sgd(lr=0.2), criterion=criterion)
    _run("input 6x6x1\nfc 7", made, tmp_path, data)
    module = archdsl.loads("input 6x6x1\nfc 7").module(seed=2)
    optimizer = torch.optim.SGD(module.parameters(), 0.2)
    assert isinstance(data.train, Examples)
    for _ in range(3):
        optimizer.zero_grad()
        theirs(module(data.train.images.float() / 255), data.train.labels).backward()
        optimizer.step()
    for name, weight in module.state_dict().items():
        torch.testing.assert_close(_weights(tmp_path)[name], weight, rtol=1e-4, atol=1e-6)


def test_one_output_is_a_yes_or_no() -> None:
    output, labels = torch.tensor([[2.0], [-1.0], [0.3]]), torch.tensor([1, 0, 0])
    expected = functional.binary_cross_entropy(torch.sigmoid(output[:, 0]), labels.float(), reduction="none")
    torch.testing.assert_close(losses(BinaryCrossEntropy(), output, labels), expected)
    assert guesses(BinaryCrossEntropy(), output).tolist() == [1, 0, 1]
    assert guesses(Mse(), output).tolist() == [1, 0, 0]
    assert class_count(BinaryCrossEntropy(), 1) == 2
    assert class_count(CrossEntropy(), 1) == 1


def test_the_sigmoid_at_the_end_is_not_taken_twice(tmp_path: Path) -> None:
    made = Plan(_DATA, batch=20, epochs=1, criterion=BinaryCrossEntropy())
    for name, end in (("plain", ""), ("sigmoid", " -> sigmoid")):
        _run(f"input 6x6x1\nfc 7{end}", made, tmp_path / name)
    assert contents(tmp_path / "plain")["metrics.csv"] == contents(tmp_path / "sigmoid")["metrics.csv"]


# ---------------------------------------------------------------- optimizers


def test_muon_is_torchs_with_kernels_as_matrices() -> None:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(4 * 16, 5))
    plain = {name: weight.detach().clone() for name, weight in made.named_parameters()}
    options = Muon(lr=0.02, weight_decay=0.1)
    ours = Optimizers(options, made)
    matrices = {n: nn.Parameter(w.flatten(1).clone()) for n, w in plain.items() if w.ndim > 1}
    vectors = {n: nn.Parameter(w.clone()) for n, w in plain.items() if w.ndim == 1}
    theirs = [
        torch.optim.Muon(list(matrices.values()), 0.02, 0.1, 0.95, True, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(list(vectors.values()), 0.02, weight_decay=0.1),
    ]
    for step in range(4):
        generator = torch.Generator().manual_seed(step)
        ours.zero_grad()
        for name, weight in made.named_parameters():
            weight.grad = torch.randn(weight.shape, generator=generator)
            other = matrices.get(name, vectors.get(name))
            assert other is not None
            other.grad = weight.grad.reshape(other.shape).clone()
        for optimizer in (*ours.at(0.02), *theirs):
            optimizer.step()
    for name, weight in made.named_parameters():
        expected = matrices.get(name, vectors.get(name))
        assert expected is not None
        torch.testing.assert_close(weight.flatten(), expected.flatten())


@pytest.mark.parametrize("optimizer", [Muon(lr=0.02), Sgd(lr=0.1, momentum=0.9)], ids=["muon", "sgd"])
def test_channels_last_learns_the_same(tmp_path: Path, optimizer: Optimizer) -> None:
    made = Plan(_DATA, batch=20, epochs=2, optimizer=optimizer)
    text = "input 6x6x1\nconv 3x3 4 -> relu -> conv 3x3 6 -> relu -> fc 7"
    for name, machine in (("plain", CPU), ("last", replace(CPU, channels_last=True))):
        _run(text, made, tmp_path / name, machine=machine)
    plain, last = _weights(tmp_path / "plain"), _weights(tmp_path / "last")
    for name, weight in plain.items():
        torch.testing.assert_close(last[name], weight, rtol=1e-3, atol=1e-4)


def test_gradients_added_up_are_those_of_the_large_batch(tmp_path: Path) -> None:
    for name, batch, accumulate in (("whole", 40, 1), ("parts", 10, 4), ("uneven", 16, 3)):
        made = Plan(_DATA, batch=batch, accumulate=accumulate, epochs=4, optimizer=Sgd(lr=0.3, momentum=0.9))
        result = _run("input 6x6x1\nfc 9 -> tanh -> fc 7", made, tmp_path / name)
        assert result.steps == 4
    whole = _weights(tmp_path / "whole")
    for name in ("parts", "uneven"):
        for key, weight in _weights(tmp_path / name).items():
            torch.testing.assert_close(weight, whole[key], rtol=1e-4, atol=1e-6)


def test_the_average_follows_the_weights(tmp_path: Path) -> None:
    data = _noise()
    made = Plan(_DATA, batch=40, epochs=6, seed=1, ema=0.8, optimizer=Sgd(lr=0.5))
    _run("input 6x6x1\nfc 7", made, tmp_path, data)
    module = archdsl.loads("input 6x6x1\nfc 7").module(seed=1)
    average = torch.optim.swa_utils.AveragedModel(module, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.8))
    average.update_parameters(module)  # the first update copies
    optimizer = torch.optim.SGD(module.parameters(), 0.5)
    assert isinstance(data.train, Examples)
    for _ in range(6):
        optimizer.zero_grad()
        functional.cross_entropy(module(data.train.images.float() / 255), data.train.labels).backward()
        optimizer.step()
        average.update_parameters(module)
    for name, weight in average.module.state_dict().items():
        torch.testing.assert_close(_weights(tmp_path)[name], weight, rtol=1e-4, atol=1e-6)


def test_a_penalty_on_some_layers_is_weight_decay_on_them(tmp_path: Path) -> None:
    data = _noise()
    text = "input 6x6x1\nconv 3x3 3 -> tanh -> fc 7"
    made = Plan(_DATA, batch=40, epochs=5, seed=1, optimizer=Sgd(lr=0.1), l2=(Penalty("fc", 0.5),))
    _run(text, made, tmp_path, data)
    module = archdsl.loads(text).module(seed=1)
    decayed = [weight for name, weight in module.named_parameters() if name == "fc.weight"]
    others = [weight for name, weight in module.named_parameters() if name != "fc.weight"]
    optimizer = torch.optim.SGD([{"params": decayed, "weight_decay": 0.5}, {"params": others}], 0.1)
    assert isinstance(data.train, Examples)
    for _ in range(5):
        optimizer.zero_grad()
        functional.cross_entropy(module(data.train.images.float() / 255), data.train.labels).backward()
        optimizer.step()
    for name, weight in module.state_dict().items():
        torch.testing.assert_close(_weights(tmp_path)[name], weight, rtol=1e-4, atol=1e-6)


def test_a_penalty_on_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="penalises the weights of `conv`, and the network has none"):
        _run("input 6x6x1\nfc 7", Plan(_DATA, l2=(Penalty("conv", 0.1),)), tmp_path)


@pytest.mark.parametrize("clip", [Clip(norm=0.01), Clip(value=0.001)])
def test_gradients_are_clipped(tmp_path: Path, clip: Clip) -> None:
    made = Plan(_DATA, batch=40, epochs=1, optimizer=Sgd(lr=1.0), clip=clip, init=(Initial("fc", Zeros()),))
    _run("input 6x6x1\nfc 7", made, tmp_path)
    moved = torch.cat([weight.flatten() for name, weight in _weights(tmp_path).items() if name == "fc.weight"])
    # From zero, one step of learning rate 1: the weights are the gradient, with its sign turned.
    if clip.norm is not None:
        bias = _weights(tmp_path)["fc.bias"] - archdsl.loads("input 6x6x1\nfc 7").module(seed=0).state_dict()["fc.bias"]
        assert float(torch.cat([moved, bias]).norm()) == pytest.approx(0.01, rel=0.2)
    else:
        assert float(moved.abs().max()) == pytest.approx(0.001, rel=1e-5)


# ---------------------------------------------------------------- schedules that look back


def test_plateau_is_torchs() -> None:
    losses_seen = [1.0, 0.9, 0.95, 0.91, 0.92, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.7]
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.4)
    # torch waits for one epoch more than its `patience`.
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, threshold=0)
    for count in range(len(losses_seen)):
        ours = learning_rate(
            Plateau(factor=0.5, patience=2), 0.4, step=count, per_epoch=1, epochs=20, losses=losses_seen[:count]
        )
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"])
        theirs.step(losses_seen[count])
    assert ours < 0.4 / 4


def test_a_run_stops_early_after_so_many_epochs_without_a_better_loss(tmp_path: Path) -> None:
    assert stale([]) == 0
    assert stale([1.0, 0.5, 0.7, 0.6]) == 2
    # Noise cannot be learnt: the test loss soon rises.
    made = Plan(_DATA, batch=10, epochs=500, optimizer=Sgd(lr=0.2), early_stopping=EarlyStopping(patience=3))
    result = _run("input 6x6x1\nfc 30 -> relu -> fc 7", made, tmp_path)
    assert result.status == 0
    assert result.last is not None
    assert result.last.epoch < 100
    lines = (tmp_path / "metrics.csv").read_text().splitlines()[1:]
    tests = [float(line.split(",")[5]) for line in lines]
    assert tests.index(min(tests)) == len(tests) - 4
    # Given again, it is finished.
    assert _run("input 6x6x1\nfc 30 -> relu -> fc 7", made, tmp_path).steps == result.steps


# ---------------------------------------------------------------- arithmetic


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_nearly_the_same(tmp_path: Path, precision: str) -> None:
    made = Plan(_DATA, batch=20, epochs=3, optimizer=Sgd(lr=0.05), schedule=Linear())
    text = "input 6x6x1\nconv 3x3 4 -> bn -> relu -> fc 7"
    results = [_run(text, made, tmp_path / name, machine=replace(CPU, precision=name)) for name in ("fp32", precision)]
    whole, half = (result.last for result in results)
    assert whole is not None
    assert half is not None
    assert half.train_loss == pytest.approx(whole.train_loss, rel=0.02)
    assert half.train_loss != whole.train_loss
    assert all(weight.dtype in (torch.float32, torch.int64) for weight in _weights(tmp_path / precision).values())
    # A checkpoint keeps the scale of the loss.
    assert _run(text, made, tmp_path / precision, machine=replace(CPU, precision=precision)).status == 0


def test_what_a_machine_does_not_do_is_refused() -> None:
    with pytest.raises(TrainError, match="cpu has no tf32"):
        Machine(torch.device("cpu"), "tf32")
    with pytest.raises(TrainError, match="there is no precision `fp8`"):
        Machine(torch.device("cpu"), "fp8")
    with pytest.raises(TrainError, match="CUDA graphs are of NVIDIA GPUs, and this is cpu"):
        replace(CPU, graphs=True)
    assert fastest(torch.device("cpu")) == CPU
    assert replace(CPU, deterministic=True, precision="bf16").arithmetic == "bf16, deterministic"


@pytest.mark.parametrize(
    ("capability", "has", "lacks", "fast"),
    [
        ((9, 0), ["tf32", "bf16", "fp16"], [], "bf16, compiled, channels last"),
        ((7, 5), ["fp16"], ["tf32", "bf16"], "fp16, compiled, channels last"),
        ((6, 1), ["fp16"], ["tf32", "bf16"], "fp32"),
    ],
)
def test_what_a_gpu_has_is_by_its_generation(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], has: list[str], lacks: list[str], fast: str
) -> None:
    # NVIDIA's table of compute capabilities: Pascal is 6, Volta and Turing 7, Ampere 8, Hopper 9.
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr("archdsl.train.machine.find_spec", lambda name: True)
    device = torch.device("cuda", 0)
    assert [Machine(device, name).precision for name in has] == has
    for name in lacks:
        with pytest.raises(TrainError, match=f"has no {name}, which NVIDIA GPUs have since Ampere"):
            Machine(device, name)
    assert fastest(device).arithmetic == fast
    # Without Triton there is nothing that torch compiles with.
    monkeypatch.setattr("archdsl.train.machine.find_spec", lambda name: None)
    assert fastest(device).arithmetic == fast.replace(", compiled", "")
    if capability[0] < 7:
        with pytest.raises(TrainError, match="since Volta"):
            Machine(device, compile=True)


def test_deterministic_is_given_back_afterwards(tmp_path: Path) -> None:
    _run("input 6x6x1\nfc 7", Plan(_DATA, epochs=1), tmp_path, machine=replace(CPU, deterministic=True))
    assert not torch.are_deterministic_algorithms_enabled()


# ---------------------------------------------------------------- settings of the command line


def test_written_settings_stand_in_place_of_the_files() -> None:
    from archdsl.diagnostics import Collector
    from archdsl.elaborate.recipe import read_settings

    net = archdsl.loads("input 8x8x1\nfc 10\ntrain { data digits  batch 8\n optimizer sgd lr=0.1 }")
    found = Collector()
    written = read_settings("batch 16\nschedule table {1: 0.1}  optimizer adam", net.graph, found)
    made = plan(net.recipe, Overrides(recipe=written))
    assert (made.batch, made.optimizer.name, made.optimizer.lr) == (16, "adam", None)
    table = read_settings("schedule table {1: 0.1}", None, found)
    with pytest.raises(TrainError, match="is never used"):
        plan(net.recipe, Overrides(recipe=table))
    bare = archdsl.loads("input 8x8x1\nfc 10\ntrain { data digits\n optimizer sgd\n schedule table {1: 0.1} }")
    with pytest.raises(TrainError, match="`sgd` needs `lr`"):
        plan(bare.recipe, Overrides(recipe=read_settings("schedule cosine", None, found)))
    assert not found.failed
    assert read_settings("batch 3 }\nfc 3", None, found) is None
    assert read_settings("}", None, Collector()) is None
