"""What a stranger tried with `archdsl train`, `eval` and `predict`: odd files, odd recipes, two at once, a narrow page.

In: small sets made here, the command line. Out: facts: the rules of the formats, PyTorch's own losses, arithmetic.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional

import archdsl
from archdsl.cli.eval import command as evaluate
from archdsl.cli.predict import command as predict
from archdsl.cli.train import command as train
from archdsl.elaborate.recipe_learning import Triangular
from archdsl.elaborate.recipe_settings import Augment, Data
from archdsl.elaborate.recipe_values import Crop
from archdsl.train.charts import matrix_chart
from archdsl.train.data import load
from archdsl.train.dataset import Dataset, Examples, Prepare
from archdsl.train.errors import TrainError
from archdsl.train.feed import Feed
from archdsl.train.folder import RunFolder
from archdsl.train.images import read_image
from archdsl.train.inference import prepared_images
from archdsl.train.interval import Clock, Interval
from archdsl.train.learner import Learner
from archdsl.train.loop import train as train_it
from archdsl.train.machine import CPU
from archdsl.train.plan import Overrides, describe, plan
from archdsl.train.progress import Epoch
from archdsl.train.report import report
from archdsl.train.schedule import learning_rate, stale
from tests.killed import TEXT, Quiet, contents, examples, run
from tests.test_train_resume import Listener

_GREY = "input 4x4x1\nfc 3\n"
_QUICK = ("--epochs", "1", "--batch", "4", "--device", "cpu")


def _call(command: click.Command, *given: object) -> Result:
    return CliRunner().invoke(command, [str(part) for part in given])


@pytest.mark.parametrize(("command", "files"), [(train, 0), (evaluate, 1), (predict, 2)])
def test_windows_is_refused_in_words(command: click.Command, files: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # There is no `fcntl` there, which would be a traceback.
    monkeypatch.setattr(sys, "platform", "win32")
    answer = _call(command, "zoo:lenet5", *[__file__] * files)
    assert answer.exit_code == 1
    assert answer.output == "Error: train, eval and predict need Linux or macOS; on Windows they run within WSL\n"


def _pixels(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _npz(path: Path, **other: object) -> Path:
    """Twelve images of three classes in turn, and six to test with."""
    labels = np.arange(12) % 3
    arrays: dict[str, Any] = {"x_train": _pixels(12, 4, 4), "y_train": labels}
    arrays |= {"x_test": _pixels(6, 4, 4, seed=1), "y_test": labels[:6]}
    np.savez(path, **(arrays | other))
    return path


def _folder(root: Path, *classes: str, size: tuple[int, ...] = (4, 4, 3)) -> Path:
    """Three images of each class, to learn from and to test with."""
    for part in ("train", "test"):
        for name in classes:
            (root / part / name).mkdir(parents=True)
            for number in range(3):
                Image.fromarray(_pixels(*size, seed=number)).save(root / part / name / f"{number}.png")
    return root


def _net(folder: Path, text: str = _GREY) -> Path:
    (folder / "net.arch").write_text(text)
    return folder / "net.arch"


# ---------------------------------------------------------------- arrays


@pytest.mark.parametrize("kind", [">f4", ">f8", "<f2", "g"])
def test_floats_of_any_length_and_byte_order_are_those_of_float32(tmp_path: Path, kind: str) -> None:
    pixels = _pixels(12, 4, 4) / 256  # exact in a half
    path = _npz(tmp_path / "a.npz", x_train=pixels.astype(kind), x_test=pixels[:6].astype(kind))
    found = load(Data("npz", str(path)), (4, 4, 1), 3).train
    assert isinstance(found, Examples)
    assert found.images.dtype == torch.float32
    assert torch.equal(found.images[:, 0], torch.from_numpy(pixels.astype("float32")))


@pytest.mark.parametrize(
    ("name", "array", "message", "hint"),
    [
        ("y_train", np.eye(3)[np.arange(12) % 3], "is 12x3, and there are 12 images", "argmax(axis=1)"),
        ("y_train", np.zeros(12), "holds float64, and labels are whole numbers", "astype('int64')"),
        ("x_train", _pixels(12, 4, 4).astype(">i2"), "holds >i2, and images are bytes", "astype('uint8')"),
        ("x_train", _pixels(12, 4, 4).astype("c8"), "holds complex64, and images are bytes", ""),
        ("x_train", np.full((12, 4, 4), np.nan), "goes from nan to nan", "/ 255"),
    ],
)
def test_arrays_of_another_kind_are_refused_with_a_way_out(
    tmp_path: Path, name: str, array: np.ndarray[Any, Any], message: str, hint: str
) -> None:
    path = _npz(tmp_path / "a.npz", **{name: array})
    with pytest.raises(TrainError) as caught:
        load(Data("npz", str(path)), (4, 4, 1), 3)
    assert message in caught.value.message
    assert str(path) in caught.value.message
    assert hint in caught.value.hint


def test_channels_that_come_first_are_said(tmp_path: Path) -> None:
    path = _npz(tmp_path / "a.npz", x_train=_pixels(12, 3, 4, 5), x_test=_pixels(6, 3, 4, 5))
    with pytest.raises(TrainError) as caught:
        load(Data("npz", str(path)), (4, 5, 3), 3)
    assert "transpose(0, 2, 3, 1)" in caught.value.hint


def test_what_is_read_whole_is_not_said_to_be_streamed(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="cannot be streamed"):
        load(Data("npz", str(_npz(tmp_path / "a.npz"))), (4, 4, 1), 3, store="stream")


# ---------------------------------------------------------------- image files


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_photographs_are_upright(tmp_path: Path, orientation: int, ending: str) -> None:
    # EXIF 2.32, table 6: where the first row and the first column of what is stored are in what is seen.
    stored = np.kron(np.array([[0, 80, 160], [40, 120, 240]], np.uint8), np.ones((8, 8), np.uint8))
    seen = {
        1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1], 5: stored.T,
        6: stored.T[:, ::-1], 7: stored.T[::-1, ::-1], 8: stored.T[::-1],
    }[orientation]  # fmt: skip
    image = Image.fromarray(stored)
    exif = image.getexif()
    exif[0x0112] = orientation
    for part in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / part / name).mkdir(parents=True)
            image.save(tmp_path / part / name / f"0.{ending}", exif=exif, quality=100)
    # The header says the size that is seen.
    found = load(Data("folder", str(tmp_path)), (*seen.shape, 1), 2, store="stream").train
    taken = found.take(torch.tensor([0]), None)[0, 0]
    assert (taken.int() - torch.from_numpy(seen.astype(np.int32))).abs().max() <= 6  # JPEG rounds


def test_exif_that_cannot_be_read_costs_no_image(tmp_path: Path) -> None:
    Image.fromarray(_pixels(4, 4, 3)).save(tmp_path / "0.jpg", exif=b"Exif\0\0neither MM nor II")
    assert read_image(tmp_path / "0.jpg", 3).size == (4, 4)


def test_what_is_not_taken_of_images_is_said(tmp_path: Path) -> None:
    root = _folder(tmp_path / "data", "a", "b")
    Image.fromarray(_pixels(4, 4, 4)).save(root / "train" / "a" / "see through.PNG")
    frames = [Image.fromarray(_pixels(4, 4, 3, seed=seed)) for seed in range(3)]
    frames[0].save(root / "train" / "a" / "moving.png", save_all=True, append_images=frames[1:])
    Image.fromarray(_pixels(4, 4)).save(root / "test" / "b" / "grau.JPEG")
    (root / "test" / "b" / "notes.txt").write_text("")
    (root / "test" / "b" / ".hidden.png").write_text("")
    found = load(Data("folder", str(root)), (4, 4, 3), 2)
    assert (len(found.train), len(found.test)) == (8, 7)
    assert found.remark == (
        "1 other files of test are left out; 1 grey image is taken as coloured; 1 transparent image is taken as opaque;"
        " of 1 animated image the first picture is taken"
    )
    taken = found.train.take(torch.tensor([3]), None)[0]
    assert torch.equal(taken, torch.from_numpy(np.array(frames[0])).movedim(-1, 0))


def test_an_image_of_sixteen_bits_is_refused_by_predict_too(tmp_path: Path) -> None:
    net = _net(tmp_path)
    assert (
        _call(train, net, "--data", f"npz:{_npz(tmp_path / 'a.npz')}", "-o", tmp_path / "run", *_QUICK).exit_code == 0
    )
    Image.fromarray(np.full((4, 4), 30_000, np.uint16)).save(tmp_path / "deep.png")
    Image.fromarray(_pixels(4, 4, 3)).save(tmp_path / "red.png")
    made = _call(predict, net, tmp_path / "run", tmp_path / "deep.png")
    assert made.exit_code == 1
    assert "deep.png: its pixels are `I;16`, and 8 bits a channel are read" in made.output
    made = _call(predict, net, tmp_path / "run", tmp_path / "red.png")
    assert made.exit_code == 0
    assert "red.png: it is a colour image, and is taken as a grey one" in made.stderr


# ---------------------------------------------------------------- losses


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "mse"])
@pytest.mark.parametrize("classes", [1, 2, 4])
def test_another_output_tells_the_same_classes_apart(tmp_path: Path, loss: str, classes: int) -> None:
    text = f"input 4x4x1\nfc 5 @a -> fc 3\noutput side training = @a -> fc {classes}\n"
    given = [_net(tmp_path, text), "--data", f"npz:{_npz(tmp_path / 'a.npz')}", "--recipe", f"loss {loss} + 0.3 side"]
    made = _call(train, *given, "-o", tmp_path / "run", *_QUICK)
    assert made.exit_code == 1
    assert f"the output `side` is {classes}, and `{_main(text)}` is 3" in made.output
    assert "end `side` in fc 3" in made.output


def _main(text: str) -> str:
    return archdsl.loads(text).graph.outputs[0].name


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "mse"])
@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_a_run_is_tested_by_its_own_loss(tmp_path: Path, loss: str, outputs: int) -> None:
    labels = np.arange(12) % (3 if outputs == 3 else 2)
    path = _npz(tmp_path / "a.npz", y_train=labels, y_test=labels[:6])
    net = _net(tmp_path, f"input 4x4x1\nfc {outputs}\n")
    made = _call(train, net, "--data", f"npz:{path}", "--recipe", f"loss {loss}", "-o", tmp_path / "run", *_QUICK)
    assert made.exit_code == 0, made.output
    module = archdsl.load(net).module()
    module.load_state_dict(load_file(tmp_path / "run" / "model.safetensors"))
    with torch.no_grad():
        given = module(torch.from_numpy(_pixels(6, 4, 4, seed=1))[:, None].float() / 255)
    wanted = torch.from_numpy(labels[:6])
    target = wanted[:, None].float() if outputs == 1 else functional.one_hot(wanted, outputs).float()
    if loss == "mse":
        mean, guessed = functional.mse_loss(given, target), given
    else:
        mean, guessed = functional.binary_cross_entropy_with_logits(given, target), given.sigmoid()
    right = (guessed[:, 0] > 0.5).long() == wanted if outputs == 1 else guessed.argmax(1) == wanted
    (said,) = json.loads(_call(evaluate, net, tmp_path / "run", "--json").output)["scores"]
    assert said["loss"] == pytest.approx(float(mean), rel=1e-5)
    assert said["accuracy"] == pytest.approx(float(right.double().mean()))
    rows = (tmp_path / "run" / "confusion.csv").read_text().split()[1:]
    counts = [[int(cell) for cell in row.split(",")[1:]] for row in rows]
    assert sum(counts[label][label] for label in range(len(counts))) == int(right.sum())
    # Of the squared error the outputs are no probabilities.
    Image.fromarray(_pixels(6, 4, 4, seed=1)[0]).save(tmp_path / "0.png")
    first = json.loads(_call(predict, net, tmp_path / "run", tmp_path / "0.png", "--json").output)[0]["classes"]
    by_name = {row["class"]: row["output" if loss == "mse" else "probability"] for row in first}
    assert by_name["1" if outputs == 1 else "0"] == pytest.approx(float(guessed[0, 0]), rel=1e-4)


# ---------------------------------------------------------------- settings of the command line


@pytest.mark.parametrize(
    ("block", "given", "optimizer"),
    [
        ("optimizer adam lr=0.1", ["--optimizer", "sgd momentum=0.5", "--lr", "0.02"], ("sgd", 0.02)),
        ("optimizer sgd\n schedule table {1: 0.1}", ["--optimizer", "adam"], ("adam", None)),
        ("", ["--recipe", "optimizer sgd", "--lr", "0.02"], ("sgd", 0.02)),
    ],
)
def test_an_optimizer_may_have_its_rate_from_elsewhere(
    tmp_path: Path, block: str, given: list[str], optimizer: tuple[str, float | None]
) -> None:
    net = _net(tmp_path, f"{_GREY}train {{ batch 4\n {block} }}")
    made = _call(train, net, "--data", f"npz:{_npz(tmp_path / 'a.npz')}", "-o", tmp_path / "run", *_QUICK, *given)
    assert made.exit_code == 0, made.output
    found = json.loads((tmp_path / "run" / "recipe.json").read_text())["recipe"]["optimizer"]
    assert (found["name"], found["lr"]) == optimizer


@pytest.mark.parametrize(
    "given",
    [
        ["--lr", "0.1", "--optimizer", "sgd lr=0.2"],
        ["--batch", "4", "--recipe", "batch 8"],
        ["--epochs", "4", "--recipe", "epochs 8"],
        ["--seed", "4", "--recipe", "seed 8"],
    ],
)
def test_what_is_said_twice_is_refused(tmp_path: Path, given: list[str]) -> None:
    made = _call(train, _net(tmp_path), "--data", "digits", "-o", tmp_path / "run", *given)
    assert made.exit_code == 1
    assert f"`{given[0].removeprefix('--')}` is said twice" in made.output
    assert not (tmp_path / "run").exists()


def test_a_table_is_shown_as_a_recipe_has_it() -> None:
    recipe = archdsl.loads(f"{_GREY}train {{ schedule table {{1: 5e-4, 3: 2e-4}} warmup=0.5 }}").recipe
    assert recipe is not None
    assert recipe.schedule is not None
    shown = describe(recipe.schedule)
    assert "{1: 0.0005, 3: 0.0002}" in shown
    again = archdsl.loads(f"{_GREY}train {{ schedule {shown} }}").recipe
    assert again is not None
    assert again.schedule == recipe.schedule


def test_lines_for_people_take_80_columns(tmp_path: Path) -> None:
    root = _folder(tmp_path / "data", "a", "b")
    for number in range(3):
        (root / "train" / "a" / f"{number}.txt").write_text("")
    net = _net(
        tmp_path, "input 4x4x3\nfc 2\ntrain { optimizer adam lr=0.001 betas=[0.8, 0.99]\n augment flip normalize }"
    )
    given = [net, "--data", f"folder:{root}", "-o", tmp_path / "run", "--batch", "4", "--epochs", "100"]
    made = _call(train, *given)
    assert made.exit_code == 0, made.output
    *lines, _ = [line for line in made.output.splitlines() if str(tmp_path) not in line]
    assert "epoch 100/100" in made.output
    assert max(map(len, lines)) <= 80


# ---------------------------------------------------------------- runs that are averaged, other data


def test_runs_of_other_classes_or_other_images_are_not_averaged(tmp_path: Path) -> None:
    net = _net(tmp_path, "input 4x4x3\nfc 2\n")
    for name, classes, more in (
        ("one", ("cat", "dog"), ()),
        ("two", ("ant", "bee"), ()),
        ("three", ("cat", "dog"), ("--recipe", "augment resize=4")),
        ("four", ("cat", "dog"), ("--recipe", "loss mse")),
    ):
        root = _folder(tmp_path / f"data of {name}", *classes)
        made = _call(train, net, "--data", f"folder:{root}", "-o", tmp_path / name, *_QUICK, *more)
        assert made.exit_code == 0, made.output
    for other, why in (
        ("two", "they tell other classes apart"),
        ("three", "they were given their images in different ways"),
        ("four", "their losses are others"),
    ):
        made = _call(evaluate, net, tmp_path / "one", tmp_path / other)
        assert made.exit_code == 1
        assert f"{tmp_path / other} cannot be averaged: {why}" in made.output
    # The same number of classes, and others: a label would mean another one.
    made = _call(evaluate, net, tmp_path / "one", "--data", f"folder:{tmp_path / 'data of two'}")
    assert made.exit_code == 1
    assert "the classes of `folder` are not those that the run learned: ant, bee, cat, dog" in made.output
    assert _call(evaluate, net, tmp_path / "one", "--data", f"folder:{tmp_path / 'data of three'}").exit_code == 0


def test_what_was_done_to_the_data_is_said_by_a_test_too(tmp_path: Path) -> None:
    net = _net(tmp_path, "input 4x4x3\nfc 2\n")
    root = _folder(tmp_path / "data", "a", "b")
    assert _call(train, net, "--data", f"folder:{root}", "-o", tmp_path / "run", *_QUICK).exit_code == 0
    made = _call(evaluate, net, tmp_path / "run", "--data", f"folder:{root / 'test'}")
    # One of three of each class.
    assert "net on folder: 2 test images (a fifth of each class is the test)" in made.output


# ---------------------------------------------------------------- a run folder


_OVERWRITES = """
import sys
from pathlib import Path
from archdsl.train.errors import TrainError
from archdsl.train.folder import RunFolder
try:
    with RunFolder(Path(sys.argv[1]), overwrite=True).locked():
        print("began", flush=True)
        sys.stdin.read()
except TrainError as error:
    print(error.message)
"""


def test_what_another_process_trains_is_not_overwritten(tmp_path: Path) -> None:
    run(tmp_path, display=Listener(7))
    before = contents(tmp_path)

    # Of another process, since the lock is the process's.
    words = [sys.executable, "-c", _OVERWRITES, str(tmp_path)]
    with RunFolder(tmp_path).locked():
        made = subprocess.run(words, capture_output=True, text=True, check=True)
        assert made.stdout.strip() == f"another process is training in {tmp_path}"
        assert contents(tmp_path) == before
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "began\n"
        assert contents(tmp_path) == {}
        # What it removed was not its lock.
        with pytest.raises(TrainError, match="another process is training"), RunFolder(tmp_path).locked():
            pytest.fail("two are in one folder")
        other.communicate()


def test_a_folder_that_is_removed_ends_the_run_with_words(tmp_path: Path) -> None:
    class Removes(Quiet):
        def step(self, epoch: int, loss: float | None, images: int, accuracy: float) -> None:
            shutil.rmtree(tmp_path / "run", ignore_errors=True)

    with pytest.raises(TrainError, match=r"cannot write the checkpoint of step 1: .*, and no checkpoint is left"):
        run(tmp_path / "run", display=Removes())


def test_a_folder_that_takes_no_lock_is_said(tmp_path: Path) -> None:
    # Root may write where others may not, but nobody opens a folder for writing.
    (tmp_path / "checkpoints" / ".lock").mkdir(parents=True)
    with pytest.raises(TrainError, match="cannot use"), RunFolder(tmp_path).locked():
        pytest.fail("it is no file")


def test_a_forced_run_says_what_it_was_before(tmp_path: Path) -> None:
    run(tmp_path, display=Listener(7))
    run(tmp_path, TEXT.replace("lr=0.01", "lr=0.02"), display=Listener(4), force=True)
    run(tmp_path, TEXT.replace("lr=0.01", "lr=0.03"), force=True)
    found = json.loads((tmp_path / "recipe.json").read_text())
    assert found["changes"] == [
        {"after_step": 7, "changed": ["recipe.optimizer.lr: it was 0.01, and is 0.02"]},
        {"after_step": 11, "changed": ["recipe.optimizer.lr: it was 0.02, and is 0.03"]},
    ]
    # What is finished was not decided by what is said afterwards.
    run(tmp_path, TEXT.replace("lr=0.01", "lr=0.04"), force=True)
    assert json.loads((tmp_path / "recipe.json").read_text()) == found


_OPTIMIZERS = ("sgd lr=0.1 momentum=0.9", "adam lr=0.01", "adagrad lr=0.1", "muon lr=0.01", "rmsprop lr=0.01")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *zip(_OPTIMIZERS, (*_OPTIMIZERS[1:], _OPTIMIZERS[0]), strict=True),
        (_OPTIMIZERS[0], "muon lr=0.01"),
        (_OPTIMIZERS[-1], "rmsprop lr=0.01 momentum=0.5"),
        ("adam lr=0.01", "adam lr=0.02"),
    ],
)
def test_a_forced_run_may_have_another_optimizer(tmp_path: Path, first: str, second: str) -> None:
    text = TEXT.replace("epochs 5", "epochs 2")
    before, after = (text.replace("optimizer adam lr=0.01", f"optimizer {each}") for each in (first, second))
    run(tmp_path, before, display=Listener(3))
    listener = Listener()
    assert run(tmp_path, after, display=listener, force=True).status == 0
    forgets = "what `" + first.split()[0] + "` remembers of its gradients is left out"
    assert (forgets in listener.warnings) == (not first.startswith("adam ") or not second.startswith("adam "))
    weights = load_file(tmp_path / "model.safetensors")
    assert all(bool(weight.isfinite().all()) for weight in weights.values())


def test_a_run_has_no_fewer_epochs_than_it_had(tmp_path: Path) -> None:
    run(tmp_path, display=Listener(15))  # two epochs of 7 steps, and one step
    fewer = TEXT.replace("epochs 5", "epochs 2")
    with pytest.raises(TrainError, match="is in epoch 3 already, and the recipe has 2"):
        run(tmp_path, fewer, force=True)
    more = Listener()
    assert run(tmp_path, TEXT.replace("epochs 5", "epochs 6"), display=more, force=True).steps == 42
    assert more.steps == 42 - 15


def test_the_record_says_what_computes_and_what_decodes(tmp_path: Path) -> None:
    import PIL
    import scipy

    run(tmp_path)
    found = json.loads((tmp_path / "recipe.json").read_text())
    assert found["versions"]["pillow"] == PIL.__version__
    assert found["versions"]["scipy"] == scipy.__version__
    assert found["versions"]["numpy"] == np.__version__
    assert torch.backends.cpu.get_cpu_capability() in found["machine"]["processor"]
    assert found["changes"] == []


def test_of_several_processes_one_says_what_is_wrong(tmp_path: Path) -> None:
    net = _net(tmp_path)
    words = ["train", str(net), "--data", f"folder:{tmp_path / 'nowhere'}", "--gpus", "2", "--device", "cpu"]
    made = subprocess.run([sys.executable, "-m", "archdsl", *words], capture_output=True, text=True, check=False)
    assert made.returncode == 1
    assert made.stderr.startswith(f"error: {tmp_path / 'nowhere'} is not a folder\n  hint: ")
    assert len(made.stderr.splitlines()) == 2


# ---------------------------------------------------------------- small rules


def test_of_two_epochs_as_accurate_the_one_of_less_loss_is_better() -> None:
    first = Epoch(1, 7, 0.1, 1.0, 0.5, 2.0, 0.5)
    assert replace(first, test_loss=1.9).better_than(first)
    assert not replace(first, test_loss=2.0).better_than(first)
    assert not replace(first, test_loss=1.0, test_accuracy=0.4).better_than(first)


def test_predict_puts_the_zeros_of_the_recipe_around_an_image(tmp_path: Path) -> None:
    pixels = _pixels(4, 6)
    Image.fromarray(pixels).save(tmp_path / "0.png")
    made = prepared_images([tmp_path / "0.png"], (8, 10, 1), None, Prepare(pad=2))
    assert torch.equal(made[0, 0], functional.pad(torch.from_numpy(pixels).float() / 255, (2, 2, 2, 2)))


def test_a_window_of_a_file_is_at_every_place_of_it(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / part / name).mkdir(parents=True)
            # The pixel says its row and its column; the other size has the windows cut one by one.
            pixels = (10 * np.arange(6)[:, None] + np.arange(5)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / part / name / "0.png")
            Image.fromarray(_pixels(9, 9)).save(tmp_path / part / name / "1.png")
    found = load(Data("folder", str(tmp_path)), (4, 4, 1), 2, Augment(crop=Crop((4, 4))))
    # A window of 4x4 has 3x2 places in 6x5; that one of them is not among 100 has a chance of 6 * (5/6)^100 < 1e-7.
    places = {int(found.train.take(torch.tensor([0]), epoch)[0, 0, 0, 0]) for epoch in range(100)}
    assert places == {0, 1, 10, 11, 20, 21}
    # A test takes the middle.
    assert int(found.test.take(torch.tensor([0]), None)[0, 0, 0, 0]) == 10


def test_test_images_of_a_resized_crop_are_scaled_by_their_shorter_side(tmp_path: Path) -> None:
    high = _pixels(12, 8, 4)
    path = _npz(tmp_path / "a.npz", x_train=high, x_test=high[:6])
    found = load(Data("npz", str(path)), (4, 4, 1), 3, Augment(resized_crop=4))
    # The shorter side is as it should be, so the middle of the longer one is all that is taken.
    tested = found.tested(found.test.take(torch.arange(6), None))
    assert torch.equal(tested[:, 0], torch.from_numpy(high[:6, 2:6]).float() / 255)


def test_arrays_are_scaled_as_torch_does(tmp_path: Path) -> None:
    pixels = _pixels(12, 9, 12) / 256
    path = _npz(tmp_path / "a.npz", x_train=pixels, x_test=pixels[:6])
    found = load(Data("npz", str(path)), (3, 4, 1), 3, Augment(resize=3)).train.take(torch.arange(12), None)
    given = torch.from_numpy(pixels)[:, None].float()
    assert torch.equal(found, functional.interpolate(given, size=(3, 4), mode="bilinear", antialias=True))


@pytest.mark.parametrize(("padding", "fits"), [(3, True), (4, False)])
def test_a_border_is_mirrored_as_far_as_there_are_pixels(tmp_path: Path, padding: int, fits: bool) -> None:
    # torch.nn.functional.pad: the padding is to be less than the side.
    given = [_net(tmp_path), "--data", f"npz:{_npz(tmp_path / 'a.npz')}", "-o", tmp_path / "run", *_QUICK]
    made = _call(train, *given, "--recipe", f"augment crop=4+{padding} reflect")
    assert made.exit_code == (0 if fits else 1), made.output
    assert fits or "are 4x4x1, and have no 4 pixels to mirror at a border" in made.output


def test_a_loss_that_only_stays_is_not_better() -> None:
    assert stale([2.0, 1.0, 1.0, 1.0]) == 2
    assert stale([2.0, 1.0, 1.0, 0.5]) == 0


def test_a_checkpoint_is_due_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    clock = Clock(Interval.of("10s"))
    clock.done(5)
    now = 1009.9
    assert not clock.due(50)
    now = 1010.0
    assert clock.due(6)
    clock.done(6)
    assert not clock.due(7)


def test_a_class_more_changes_the_split_of_no_other(tmp_path: Path) -> None:
    def tested(*classes: str) -> set[str]:
        root = tmp_path / "".join(classes)
        for name in classes:
            (root / name).mkdir(parents=True)
            for number in range(20):
                Image.fromarray(_pixels(4, 4)).save(root / name / f"{number}.png")
        found = load(Data("folder", str(root)), (4, 4, 3), len(classes)).test
        return {path for origin in found.origins() if (path := origin.images[len(str(root)) :])[1] != "a"}

    assert tested("b", "c") == tested("a", "b", "c")


def test_a_triangle_ends_where_it_says() -> None:
    schedule = Triangular(peak=0.5, start=0.2, final=0.1)
    rates = [learning_rate(schedule, 2.0, step=step, per_epoch=5, epochs=2) for step in (0, 5, 9)]
    # The last of ten steps is four fifths of the way from the highest, 2, down to a tenth of it.
    assert rates == pytest.approx([0.4, 2.0, 2.0 - 0.8 * 1.8])


def test_a_mixed_image_is_right_by_the_share_whose_label_is_guessed() -> None:
    net = archdsl.loads("input 6x6x1\nfc 7\ntrain { data digits  batch 40  augment mixup=1  optimizer sgd lr=0.1 }")
    made = plan(net.recipe, Overrides())
    data = Dataset("noise", examples(0, 40), examples(1, 20), 7, (6, 6, 1))
    learner = Learner(net.graph, made, CPU, data)
    ((batch,),) = Feed(data, made, CPU).steps(0, 0)
    with torch.no_grad():
        guessed = learner.module(batch.images).argmax(1)
    assert batch.shares is not None
    expected = (batch.shares * (guessed == batch.labels) + (1 - batch.shares) * (guessed == batch.others)).sum()
    assert learner.step(0, [batch], 0.1).sums.right == pytest.approx(float(expected), rel=1e-5)
    assert 0 < float(expected) % 1 < 1


def test_a_skipped_step_leaves_the_running_statistics(tmp_path: Path) -> None:
    whole = examples(0, 100)
    images = whole.images.float() / 255
    images[17] = torch.nan
    data = Dataset("noise", Examples(images, whole.labels), examples(1, 50), 7, (6, 6, 1))
    net = archdsl.loads(TEXT)
    train_it(net.graph, plan(net.recipe, Overrides(on_nan="skip")), data, RunFolder(tmp_path), CPU, Quiet())
    assert all(bool(weight.isfinite().all()) for weight in load_file(tmp_path / "model.safetensors").values())
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["skipped_steps"] for line in lines] == [1] * 5


# ---------------------------------------------------------------- the page


def test_charts_scale_and_hold_what_stands_in_them() -> None:
    for classes in (2, 10, 100):
        drawn = ElementTree.fromstring(matrix_chart("Confusion", [[1] * classes] * classes, ["c"] * classes))
        # Without it a browser cuts what is wider than the page.
        width, height = (float(drawn.attrib[side]) for side in ("width", "height"))
        assert drawn.attrib["viewBox"] == f"0 0 {width:.0f} {height:.0f}"
        for text in drawn.iter("{http://www.w3.org/2000/svg}text"):
            # 11 pixels high, a letter is less than 6 wide.
            room = 6 * len(text.text or "") if text.attrib["text-anchor"] == "start" else 0
            assert float(text.attrib["x"]) + room <= width


def test_the_page_is_made_for_a_telephone_and_for_many_classes(tmp_path: Path) -> None:
    labels = np.arange(120) % 60
    path = _npz(
        tmp_path / "a.npz", x_train=_pixels(120, 4, 4), y_train=labels, x_test=_pixels(60, 4, 4), y_test=labels[:60]
    )
    net = _net(tmp_path, "input 4x4x1\nfc 60\n")
    assert _call(train, net, "--data", f"npz:{path}", "-o", tmp_path / "run", *_QUICK).exit_code == 0
    page = (tmp_path / "run" / "report.html").read_text()
    assert '<meta name="viewport" content="width=device-width">' in page
    # 60 classes in tables of 25.
    assert page.count('<table class="side">') == 3
    assert "&quot;image&quot;: [4, 4, 1]" in page
    picture = (tmp_path / "run" / "confusion.svg").read_text()
    assert len(list(ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}title"))) == 60 * 60


def test_the_page_says_the_best_epoch_beside_the_last() -> None:
    net = archdsl.loads("input 6x6x1\nfc 7\ntrain { data digits }")
    data = Dataset("noise", examples(0, 40), examples(1, 20), 7, (6, 6, 1))
    made = plan(net.recipe, Overrides())
    history = [
        Epoch(number, 2 * number, 0.1, 1.0, 0.5, loss, accuracy, 0.9)
        for number, (loss, accuracy) in enumerate(((2.0, 0.25), (1.5, 0.75), (1.75, 0.5)), 1)
    ]
    module = net.module().eval()
    tests = Feed(data, made, CPU).tests()
    given = {"network": {"text": "a & b"}, "recipe": {"batch": 4}}
    page = report(net.graph, given, history, 2, module, data, tests, made.criterion, CPU)["report.html"].decode()
    rows = [re.findall(r"<td[^>]*>([^<]*)", row) for row in re.findall(r"<tr>(<td>(?:last|best).*?)</tr>", page)]
    assert [row[:2] for row in rows] == [["last", "3"], ["best", "2"]]
    # Errors are what is left of the accuracies.
    assert rows[1][2:] == ["25.00%", "10.00%", "1.5000"]
    assert rows[0][-1] == "1.7500"
