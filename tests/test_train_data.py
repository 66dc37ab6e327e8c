"""Readers of data: what they give, and every malformed file named before training starts.

In: files made here by the rules of their formats. Out: facts: those rules, Pillow's and NumPy's own reading.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import struct
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import archdsl
from archdsl.cli.train import command
from archdsl.elaborate.recipe_settings import Augment, Data
from archdsl.elaborate.recipe_values import Crop
from archdsl.train.cutting import random_windows
from archdsl.train.data import load
from archdsl.train.dataset import Dataset, Examples
from archdsl.train.errors import TrainError
from archdsl.train.feed import Feed
from archdsl.train.folder import RunFolder
from archdsl.train.images import ImageFiles, decodes
from archdsl.train.loop import train
from archdsl.train.machine import CPU
from archdsl.train.objective import losses
from archdsl.train.plan import Plan
from archdsl.train.stream import streamed
from tests.killed import Quiet, contents

_SIZE = (32, 32, 3)


def _pixels(count: int, seed: int = 0, shape: tuple[int, ...] = (3, 32, 32)) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def _refused(data: Data, size: tuple[int, ...] = _SIZE, classes: int = 10, augment: Augment | None = None) -> str:
    with pytest.raises(TrainError) as caught:
        load(data, size, classes, augment)
    return caught.value.message


# ---------------------------------------------------------------- CIFAR


def _record(label: int, pixels: np.ndarray[Any, Any], coarse: bool = False) -> bytes:
    return (b"\7" if coarse else b"") + bytes([label]) + pixels.tobytes()


def _cifar10_binary(folder: Path) -> Path:
    for number in range(1, 6):
        pixels = _pixels(2, number)
        content = b"".join(_record(2 * (number - 1) + i, pixels[i]) for i in range(2))
        (folder / f"data_batch_{number}.bin").write_bytes(content)
    (folder / "test_batch.bin").write_bytes(_record(3, _pixels(1, 9)[0]))
    names = "airplane automobile bird cat deer dog frog horse ship truck"
    (folder / "batches.meta.txt").write_text(names.replace(" ", "\n") + "\n\n")
    return folder


def _cifar10_python(folder: Path, protocol: int = 2) -> Path:
    for number in range(1, 6):
        batch = {
            b"batch_label": b"training",
            b"labels": [2 * number - 2, 2 * number - 1],
            b"data": _pixels(2, number).reshape(2, 3072),
            b"filenames": [b"a.png", b"b.png"],
        }
        (folder / f"data_batch_{number}").write_bytes(pickle.dumps(batch, protocol))
    test = {b"labels": [3], b"data": _pixels(1, 9).reshape(1, 3072)}
    (folder / "test_batch").write_bytes(pickle.dumps(test, protocol))
    meta = {b"label_names": [b"airplane", *[b"x"] * 9]}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol))
    return folder


def _examples(data: Dataset) -> tuple[Examples, Examples]:
    assert isinstance(data.train, Examples)
    assert isinstance(data.test, Examples)
    return data.train, data.test


@pytest.mark.parametrize("make", [_cifar10_binary, _cifar10_python, lambda folder: _cifar10_python(folder, 4)])
@pytest.mark.parametrize("inside", ["", "cifar-10-batches-py"])
def test_cifar10_in_both_layouts(tmp_path: Path, make: Callable[[Path], Path], inside: str) -> None:
    place = tmp_path / inside
    place.mkdir(exist_ok=True)
    make(place)
    data = load(Data("cifar10", str(tmp_path)), _SIZE, 10)
    train, test = _examples(data)
    assert train.labels.tolist() == list(range(10))
    assert test.labels.tolist() == [3]
    # Red before green before blue, each row by row.
    assert torch.equal(train.images, torch.from_numpy(np.concatenate([_pixels(2, number) for number in range(1, 6)])))
    assert data.names[0] == "airplane"


def test_cifar100_has_the_fine_label_second(tmp_path: Path) -> None:
    content = b"".join(_record(label, _pixels(1, label)[0], coarse=True) for label in range(100))
    (tmp_path / "train.bin").write_bytes(content)
    (tmp_path / "test.bin").write_bytes(content[: 3 * 3074])
    train, test = _examples(load(Data("cifar100", str(tmp_path)), _SIZE, 100))
    assert train.labels.tolist() == list(range(100))
    assert test.labels.tolist() == [0, 1, 2]
    assert torch.equal(train.images[50], torch.from_numpy(_pixels(1, 50)[0]))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("data_batch_3.bin", lambda content: content[:-1], "6,145 bytes are not a whole number of records of 3,073"),
        ("data_batch_3.bin", lambda content: b"", "0 bytes are not"),
        ("test_batch.bin", lambda content: b"\x0a" + content[1:], "image 0 has the label 10, and there are 10 classes"),
        ("batches.meta.txt", lambda content: b"cat dog", "2 names for 10 classes"),
    ],
)
def test_wrong_cifar_files_are_named(tmp_path: Path, name: str, change: Callable[[bytes], bytes], message: str) -> None:
    _cifar10_binary(tmp_path)
    path = tmp_path / name
    path.write_bytes(change(path.read_bytes()))
    said = _refused(Data("cifar10", str(tmp_path)))
    assert message in said
    assert str(tmp_path) in said


def test_missing_cifar_files_are_named(tmp_path: Path) -> None:
    assert "neither data_batch_1.bin nor data_batch_1" in _refused(Data("cifar10", str(tmp_path)))
    _cifar10_binary(tmp_path)
    (tmp_path / "data_batch_4.bin").unlink()
    assert _refused(Data("cifar10", str(tmp_path))) == f"{tmp_path / 'data_batch_4.bin'} is missing"


def test_a_class_without_an_image_is_missing(tmp_path: Path) -> None:
    _cifar10_binary(tmp_path)
    path = tmp_path / "data_batch_4.bin"
    path.write_bytes(path.read_bytes()[:3073])
    assert _refused(Data("cifar10", str(tmp_path))) == (
        f"{tmp_path / 'data_batch_1.bin'} to data_batch_5.bin: there is no image of class 7 to learn from"
    )


class _Hostile:
    """Pickled, it has a command run where it is read."""

    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self._call = call
        self._arguments = arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._call, self._arguments


def test_a_hostile_pickle_runs_nothing(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    hostile = [
        _Hostile(os.system, f"touch {witness}"),
        _Hostile(eval, f"open({str(witness)!r}, 'w')"),
        _Hostile(open, str(witness), "w"),
        _Hostile(getattr, b"", "decode"),
        _Hostile(np.load, str(witness)),
    ]
    _cifar10_python(tmp_path)
    for value in hostile:
        for content in (value, {b"labels": [0], b"data": value}, {value: 1}):
            (tmp_path / "data_batch_2").write_bytes(pickle.dumps(content, 2))
            said = _refused(Data("cifar10", str(tmp_path)))
            assert "what a file names is never called" in said
            assert "data_batch_2" in said
    assert not witness.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle at all",
        pickle.dumps([1, 2]),
        pickle.dumps({b"labels": [0], b"data": np.zeros((1, 3072), np.float32)}),
        pickle.dumps({b"labels": [0], b"data": np.zeros((1, 3072), object)}),
        pickle.dumps({b"labels": [0], b"data": np.zeros((1, 3071), np.uint8)}),
        pickle.dumps({b"labels": [0, 1], b"data": np.zeros((1, 3072), np.uint8)}),
        pickle.dumps({b"labels": ["0"], b"data": np.zeros((1, 3072), np.uint8)}),
        pickle.dumps({b"labels": [-1], b"data": np.zeros((1, 3072), np.uint8)}),
        pickle.dumps({b"labels": [0], b"data": np.zeros((1, 3072), np.uint8)})[:-500],
        b"cnumpy.core.multiarray\n_reconstruct\n(tRI1\nb.",
        b"P1\n.",
        b"(" * 5000 + b".",
        b"\x80\x02]" + b"]" * 5000 + b"a" * 5000 + b".",
    ],
)
def test_pickles_of_other_things_are_refused(tmp_path: Path, content: bytes) -> None:
    _cifar10_python(tmp_path)
    (tmp_path / "data_batch_2").write_bytes(content)
    assert "data_batch_2" in _refused(Data("cifar10", str(tmp_path)))


# ---------------------------------------------------------------- npz


def _npz(path: Path, **changes: Any) -> Data:
    arrays: dict[str, Any] = {
        "x_train": _pixels(6, 1, (4, 5, 3)),
        "y_train": np.array([0, 1, 2, 0, 1, 2], np.uint8),
        "x_test": _pixels(3, 2, (4, 5, 3)),
        "y_test": np.array([[2], [1], [0]]),
    }
    arrays |= changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return Data("npz", str(path))


def test_npz_with_bytes_and_with_floats(tmp_path: Path) -> None:
    data = load(_npz(tmp_path / "a.npz"), (4, 5, 3), 3)
    train, test = _examples(data)
    assert torch.equal(train.images, torch.from_numpy(_pixels(6, 1, (4, 5, 3))).permute(0, 3, 1, 2))
    assert test.labels.tolist() == [2, 1, 0]
    floats = {name: (_pixels(6, 1, (4, 5)) / 255).astype(np.float64) for name in ("x_train", "x_test")}
    labels = {name: np.arange(6) % 3 for name in ("y_train", "y_test")}
    flat = load(_npz(tmp_path / "b.npz", **floats, **labels), (4, 5, 1), 3)
    seen = flat.tested(flat.train.take(torch.arange(6), None))
    torch.testing.assert_close(seen[:, 0], torch.from_numpy(floats["x_train"]).float())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": None}, "it holds x_test, y_test, y_train"),
        ({"y_train": np.arange(5)}, "`y_train` is 5, and there are 6 images in `x_train`"),
        ({"y_train": np.zeros(6)}, "labels are whole numbers"),
        ({"y_train": np.arange(6) - 1}, "labels count from 0"),
        ({"x_train": _pixels(6, 1, (60,))}, "images are NxHxW or NxHxWxC"),
        ({"x_train": _pixels(6, 1, (4, 6, 3))}, "images of other sizes"),
        ({"x_train": _pixels(6, 1, (4, 5, 3)).astype(float)}, "floats are from 0 to 1"),
        ({"x_train": np.full((6, 4, 5, 3), np.nan)}, "floats are from 0 to 1"),
        ({"x_train": _pixels(6, 1, (4, 5, 3)).astype(np.int64)}, "images are bytes, or floats"),
        ({"x_train": np.array([_Hostile(os.system, "false")] * 6)}, "cannot be read"),
        ({"y_train": np.array([0, 0, 2, 0, 2, 2])}, "no image of class 1"),
    ],
)
def test_wrong_arrays_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    assert message in _refused(_npz(tmp_path / "a.npz", **changes), (4, 5, 3), 3)


def test_files_that_are_no_npz_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    assert str(path) in _refused(Data("npz", str(path)))
    whole = _npz(path)
    content = path.read_bytes()
    for wrong in (b"", b"nonsense", content[: len(content) // 2], content.replace(b"NUMPY", b"NUMPX")):
        path.write_bytes(wrong)
        assert str(path) in _refused(whole, (4, 5, 3), 3)
    np.save(tmp_path / "b.npy", np.zeros(3))
    assert "it is no .npz" in _refused(Data("npz", str(tmp_path / "b.npy")))


# ---------------------------------------------------------------- class folders


def _save(path: Path, seed: int, height: int = 8, width: int = 8, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    depth = {"RGB": (3,), "L": (), "RGBA": (4,)}[mode]
    Image.fromarray(_pixels(1, seed, (height, width, *depth))[0], mode).save(path)


def _folders(root: Path, *, sized: bool = True, count: int = 12) -> Path:
    for part, many in (("train", count), ("val", 4)):
        for number in range(many):
            name = ("cat", "dog", "eel")[number % 3]
            sides = (8, 8) if sized else (9 + number, 12 + number % 4)
            _save(root / part / name / f"{number:02}.{'png' if number % 2 else 'JPEG'}", number, *sides)
    return root


def test_class_folders_are_imagenets_layout(tmp_path: Path) -> None:
    data = load(Data("folder", str(_folders(tmp_path))), (8, 8, 3), 3)
    train, test = _examples(data)
    assert data.names == ("cat", "dog", "eel")
    assert train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert test.labels.tolist() == [0, 0, 1, 2]
    first = np.array(Image.open(tmp_path / "train" / "cat" / "00.JPEG").convert("RGB"))
    assert torch.equal(train.images[0], torch.from_numpy(first).permute(2, 0, 1))


def test_a_fifth_of_each_class_is_the_test_where_there_is_none(tmp_path: Path) -> None:
    for number in range(40):
        _save(tmp_path / ("a", "b")[number % 2] / f"{number}.png", number)
    (tmp_path / "a" / ".hidden").write_text("")
    (tmp_path / "a" / "notes.txt").write_text("")
    data = load(Data("folder", str(tmp_path)), (8, 8, 3), 2)
    assert data.train.labels.bincount().tolist() == [16, 16]
    assert data.test.labels.bincount().tolist() == [4, 4]
    assert "1 other files of" in data.remark
    assert "a fifth of each class is the test" in data.remark


def test_images_in_memory_and_from_files_and_from_workers_are_the_same(tmp_path: Path) -> None:
    _folders(tmp_path, count=30)
    net = archdsl.loads("input 6x6x3\nconv 3x3 4 -> relu -> fc 3")
    augment = Augment(crop=Crop((6, 6), 0), flip=True, normalize=True)
    plan = Plan(Data("folder", str(tmp_path)), augment, batch=4, epochs=2)
    found = []
    for store, workers in (("whole", 0), ("stream", 0), ("stream", 2)):
        data = load(plan.data, (6, 6, 3), 3, augment, store=store)
        assert isinstance(data.train, Examples if store == "whole" else ImageFiles)
        folder = tmp_path / f"{store}{workers}"
        train(net.graph, plan, data, RunFolder(folder), replace(CPU, workers=workers), Quiet())
        found.append(contents(folder))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("augment", [Augment(resize=10, crop=Crop((8, 8))), Augment(resized_crop=8)])
def test_images_of_several_sizes_are_cut(tmp_path: Path, augment: Augment) -> None:
    data = load(Data("folder", str(_folders(tmp_path, sized=False))), (8, 8, 3), 3, augment)
    assert data.cuts
    indices = torch.arange(len(data.train))
    tested, first, again, other = (data.train.take(indices, epoch) for epoch in (None, 0, 0, 1))
    assert tested.shape == first.shape == (12, 3, 8, 8)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, tested)
    assert torch.equal(data.train.take(indices[5:6], 0), first[5:6])
    batches = list(Feed(data, Plan(Data("folder"), augment, batch=5), CPU).steps(0, 0))
    assert [batch.images.shape for (batch,) in batches] == [(5, 3, 8, 8), (5, 3, 8, 8), (2, 3, 8, 8)]


def test_a_test_image_is_the_middle_of_the_scaled_one(tmp_path: Path) -> None:
    _folders(tmp_path, sized=False)
    data = load(Data("folder", str(tmp_path)), (8, 8, 3), 3, Augment(resize=10, crop=Crop((8, 8))))
    assert isinstance(data.train, ImageFiles)
    path = data.train.paths[0]
    image = Image.open(path).convert("RGB")
    short = min(image.size)
    scaled = image.resize(
        (round(image.width * 10 / short), round(image.height * 10 / short)), Image.Resampling.BILINEAR
    )
    left, top = (scaled.width - 8) // 2, (scaled.height - 8) // 2
    middle = np.array(scaled.crop((left, top, left + 8, top + 8)))
    assert torch.equal(data.train.take(torch.tensor([0]), None)[0], torch.from_numpy(middle).permute(2, 0, 1))


def test_windows_are_8_to_100_percent() -> None:
    draws = torch.rand(2000, 4, generator=torch.Generator().manual_seed(0))
    windows = random_windows((60, 90), draws)
    areas = windows[:, 2] * windows[:, 3] / 5400
    assert 0.08 - 1e-6 <= float(areas.min()) < 0.1
    assert float(areas.max()) <= 1
    for top, left, height, width in windows.tolist():
        assert top >= 0
        assert left >= 0
        assert top + height <= 60 + 1e-3
        assert left + width <= 90 + 1e-3
        if height < 60 and width < 90:
            assert 3 / 4 - 1e-5 <= width / height <= 4 / 3 + 1e-5


def _break(root: Path, how: str) -> None:
    broken = root / "train" / "dog" / "01.png"
    match how:
        case "nonsense":
            broken.write_bytes(b"nonsense")
        case "empty":
            broken.write_bytes(b"")
        case "truncated":
            broken.write_bytes(broken.read_bytes()[:-60])
        case "16 bit":
            Image.fromarray(np.zeros((8, 8), np.uint16)).save(broken)
        case "size":
            _save(broken, 1, 9, 8)
        case "no image":
            for path in (root / "train" / "dog").iterdir():
                path.unlink()
        case "no class":
            for path in (root / "val" / "dog").iterdir():
                path.unlink()
            (root / "val" / "dog").rmdir()
        case "another class":
            _save(root / "val" / "fox" / "1.png", 1)
        case "no test":
            (root / "val").rename(root / "rest")
        case "one class":
            (root / "train" / "dog").rename(root / "dog")
            (root / "train" / "eel").rename(root / "eel")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("nonsense", "dog/01.png: it is no image"),
        ("empty", "dog/01.png: it is no image"),
        ("truncated", "dog/01.png: cannot be read"),
        ("16 bit", "dog/01.png: its pixels are"),
        ("size", "dog/01.png is 9x8, and"),
        ("no image", "train/dog has no image"),
        ("no class", "val has no folder for the class `dog`"),
        ("another class", "train has no folder for the class `fox`"),
        ("no test", "none to test with"),
        ("one class", "train has 1 folder, and each of two classes or more has one"),
    ],
)
def test_wrong_folders_are_named(tmp_path: Path, how: str, message: str) -> None:
    _break(_folders(tmp_path), how)
    assert message in _refused(Data("folder", str(tmp_path)), (8, 8, 3), 3)


def test_colours_that_do_not_fit_the_network(tmp_path: Path) -> None:
    _folders(tmp_path)
    assert "it is a colour image, and the network takes one channel" in _refused(
        Data("folder", str(tmp_path)), (8, 8, 1), 3
    )
    _save(tmp_path / "train" / "dog" / "01.png", 1, mode="L")
    _save(tmp_path / "train" / "dog" / "03.png", 1, mode="RGBA")
    assert load(Data("folder", str(tmp_path)), (8, 8, 3), 3).remark == (
        "1 grey image is taken as coloured; 1 transparent image is taken as opaque"
    )
    assert "the network takes 9x9x3" in _refused(Data("folder", str(tmp_path)), (9, 9, 3), 3)
    assert "cannot be cut to 9x9" in _refused(Data("folder", str(tmp_path)), (9, 9, 3), 3, Augment(crop=Crop((9, 9))))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_breaks_while_it_is_streamed_stops_the_run_by_its_name(tmp_path: Path, workers: int) -> None:
    _folders(tmp_path)
    broken = tmp_path / "train" / "dog" / "01.png"
    broken.write_bytes(broken.read_bytes()[:-60])
    data = load(Data("folder", str(tmp_path)), (8, 8, 3), 3, store="stream")
    net = archdsl.loads("input 8x8x3\nfc 3")
    plan = Plan(Data("folder", str(tmp_path)), batch=4, epochs=1)
    with pytest.raises(TrainError, match=r"dog/01\.png: cannot be read"):
        train(net.graph, plan, data, RunFolder(tmp_path / "run"), replace(CPU, workers=workers), Quiet())


def test_options_of_streamed_images_are_remarked_on_where_none_are(tmp_path: Path) -> None:
    _folders(tmp_path / "data")
    (tmp_path / "net.arch").write_text("input 8x8x3\nfc 3\ntrain { epochs 1 }\n")
    given = [str(tmp_path / "net.arch"), "--data", f"folder:{tmp_path / 'data'}", "-o", str(tmp_path / "run")]
    made = CliRunner().invoke(command, [*given, "--workers", "2", "--no-check"])
    assert made.exit_code == 0, made.output
    for word in ("--workers", "--no-check"):
        assert f"warning: {word} changes nothing, since the images are in memory" in made.output
    made = CliRunner().invoke(command, [*given, "--overwrite", "--store", "stream", "--workers", "0"])
    assert "changes nothing" not in made.output


def test_streamed_images_are_decoded_before_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    _folders(tmp_path / "data", sized=False)
    (tmp_path / "net.arch").write_text("input 6x6x3\nfc 3\ntrain { augment resize=8 crop=6  epochs 1 }\n")
    given = [str(tmp_path / "net.arch"), "--data", f"folder:{tmp_path / 'data'}", "--workers", "0", "--overwrite"]
    given += ["-o", str(tmp_path / "run")]
    whole = tmp_path / "data" / "val" / "cat" / "00.JPEG"
    for broken in (whole, tmp_path / "data" / "train" / "dog" / "01.png"):
        content = broken.read_bytes()
        broken.write_bytes(content[:-60])
        made = CliRunner().invoke(command, given)
        assert made.exit_code == 1
        assert f"error: {broken}: cannot be read" in made.output
        assert not (tmp_path / "run").exists()
        broken.write_bytes(content)
    checked: list[Path] = []

    def remembered(path: Path) -> None:
        checked.append(path)
        decodes(path)

    monkeypatch.setattr("archdsl.train.decoding.decodes", remembered)
    made = CliRunner().invoke(command, given)
    assert made.exit_code == 0, made.output
    assert len(checked) == 16
    # They are remembered, until one of them changes.
    assert CliRunner().invoke(command, given).exit_code == 0
    assert len(checked) == 16
    os.utime(whole, (1, 1))
    assert CliRunner().invoke(command, [*given, "--no-check"]).exit_code == 0
    assert len(checked) == 16
    assert CliRunner().invoke(command, given).exit_code == 0
    assert len(checked) == 32


def test_ctrl_c_ends_a_run_with_workers_in_order(tmp_path: Path) -> None:
    _folders(tmp_path / "data")
    (tmp_path / "net.arch").write_text("input 8x8x3\nfc 3\n")
    given = [sys.executable, "-m", "archdsl", "train", "net.arch", "--data", "folder:data", "--out", "run"]
    given += ["--epochs", "100000", "--batch", "4", "--store", "stream", "--workers", "2", "--no-check"]
    with subprocess.Popen(
        given, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        line = ""
        while not line.startswith("epoch"):
            line = process.stdout.readline()
            assert line, process.communicate()
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers too
        _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "the same command goes on from there" in errors
    assert "Traceback" not in errors


def test_a_signal_during_a_test_that_workers_read_ends_it_and_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _folders(tmp_path, count=30)
    net = archdsl.loads("input 8x8x3\nfc 3")
    plan = Plan(Data("folder", str(tmp_path)), batch=1, epochs=2)
    data = load(plan.data, (8, 8, 3), 3, store="stream")
    machine = replace(CPU, workers=2)
    # Two batches of two images, so that there is a place to stop in a test.
    monkeypatch.setattr("archdsl.train.feed.TEST_BATCH", 2)
    train(net.graph, plan, data, RunFolder(tmp_path / "whole"), machine, Quiet())
    with pytest.MonkeyPatch.context() as patch:
        count = 0

        def interrupting(*given: Any) -> torch.Tensor:
            nonlocal count
            count += 1
            if count == 1:
                os.kill(os.getpid(), signal.SIGINT)
            return losses(*given)

        patch.setattr("archdsl.train.evaluation.losses", interrupting)
        result = train(net.graph, plan, data, RunFolder(tmp_path / "run"), machine, Quiet())
    assert (result.steps, result.status, result.last, count) == (29, 130, None, 1)
    assert multiprocessing.active_children() == []
    assert train(net.graph, plan, data, RunFolder(tmp_path / "run"), machine, Quiet()).status == 0
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_a_signal_while_data_are_read_ends_the_command(tmp_path: Path, number: int, status: int) -> None:
    _folders(tmp_path / "data")
    (tmp_path / "net.arch").write_text("input 8x8x3\nfc 3\n")
    # A pipe holds its reader up until there is somebody who writes.
    held = tmp_path / "data" / "train" / "dog" / "held.png"
    os.mkfifo(held)
    command_line = f"{sys.executable} -m archdsl train net.arch --data folder:data --out run; echo $? >status"
    with subprocess.Popen(
        ["sh", "-c", f"trap : INT TERM; {command_line}"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        with held.open("wb"):  # which waits for the reader
            os.killpg(process.pid, number)
        _, errors = process.communicate()
    assert (tmp_path / "status").read_text().strip() == str(status), errors
    assert "Traceback" not in errors
    assert not (tmp_path / "run").exists()


def test_a_worker_never_hears_what_ends_a_run() -> None:
    @dataclass(frozen=True)
    class Mask:
        """Says which signals are held back where it is read."""

        labels: torch.Tensor
        identity: bytes = b""

        def __len__(self) -> int:
            return len(self.labels)

        def take(self, indices: torch.Tensor, epoch: int | None) -> torch.Tensor:
            return torch.tensor(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())))

    (held,) = streamed(Mask(torch.zeros(1)), [torch.tensor([0])], 0, 1, pinned=False)
    # From its first instruction on, which no handler of its own would give; this process hears them as before.
    assert held.tolist() == [signal.SIGINT, signal.SIGTERM]
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_more_workers_than_cores_are_nothing_to_warn_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _folders(tmp_path)
    data = load(Data("folder", str(tmp_path)), (8, 8, 3), 3, store="stream")
    # What torch compares with; how many there are stands in the command's first lines.
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = streamed(data.train, [torch.tensor([3])], 0, 2, pinned=False)
    assert torch.equal(found, data.train.take(torch.tensor([3]), 0))


def test_every_pixel_and_every_label_tells_examples_from_others() -> None:
    images, labels = torch.zeros(2, 1, 2, 2, dtype=torch.uint8), torch.tensor([0, 1])
    one, other = images.clone(), labels.clone()
    one[1, 0, 1, 1], other[1] = 1, 2
    found = [Examples(*parts).identity for parts in ((images, labels), (one, labels), (images, other))]
    assert len(set(found)) == 3
    assert Examples(images.clone(), labels.clone()).identity == found[0]


def test_a_file_of_another_name_or_length_tells_files_from_others(tmp_path: Path) -> None:
    def identity() -> bytes:
        return load(Data("folder", str(tmp_path)), (8, 8, 3), 3, store="stream").train.identity

    _folders(tmp_path)
    first = identity()
    path = tmp_path / "train" / "dog" / "01.png"
    path.write_bytes(path.read_bytes() + b"\0")  # behind the end of the picture
    longer = identity()
    path.rename(path.with_name("02.png"))
    assert len({first, longer, identity()}) == 3


def test_small_pictures_are_scaled_where_told() -> None:
    data = load(Data("digits"), (12, 12, 1), 10, Augment(resize=12))
    assert data.tested(data.train.take(torch.arange(4), None)).shape == (4, 1, 12, 12)
    assert data.remark == "8x8 scaled to 12x12"


def test_idx_labels_of_a_missing_class(tmp_path: Path) -> None:
    for prefix in ("train", "t10k"):
        head = struct.pack(">4B3I", 0, 0, 8, 3, 4, 2, 2)
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(head + bytes(16))
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 4) + bytes([0, 2, 2, 0]))
    labels = tmp_path / "train-labels-idx1-ubyte"
    assert _refused(Data("mnist", str(tmp_path)), (2, 2, 1), 10) == (
        f"{labels}: there is no image of class 1 to learn from"
    )
    labels.write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 4) + bytes([0, 1, 2, 11]))
    assert _refused(Data("mnist", str(tmp_path)), (2, 2, 1), 10).startswith(f"{labels} has the label 11, and")
    images = tmp_path / "train-images-idx3-ubyte"
    assert f"the images of {images} are 2x2x1" in _refused(Data("mnist", str(tmp_path)), (3, 2, 1), 12)


def test_fewer_classes_than_outputs_are_said(tmp_path: Path) -> None:
    data = load(_npz(tmp_path / "a.npz"), (4, 5, 3), 5)
    assert data.remark == "3 classes, and the network tells 5 apart"
