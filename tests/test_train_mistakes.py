"""Every mistake in data for every reader: the command names the file, ends with status 1, and begins nothing.

In: small sets made here by the rules of their formats, each with one thing wrong. Out: facts: those rules.
"""

from __future__ import annotations

import gzip
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from archdsl.cli.train import command

_COUNT = 6
"""Images to learn from, two of each of three classes; three to test with."""


def _pixels(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


# ---------------------------------------------------------------- sets without a mistake


def _idx(values: np.ndarray[Any, Any]) -> bytes:
    """Two zeros, 8 for bytes, the rank, a big-endian size an axis, the values: the page of MNIST."""
    return struct.pack(f">4B{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


def _mnist(folder: Path, pack: Callable[[bytes], bytes] = bytes, ending: str = "") -> None:
    for part, count in (("train", _COUNT), ("t10k", 3)):
        (folder / f"{part}-images-idx3-ubyte{ending}").write_bytes(pack(_idx(_pixels(count, 4, 4))))
        (folder / f"{part}-labels-idx1-ubyte{ending}").write_bytes(pack(_idx(np.arange(count, dtype=np.uint8) % 3)))


def _mnist_gz(folder: Path) -> None:
    _mnist(folder, gzip.compress, ".gz")


def _cifar10_bin(folder: Path) -> None:
    """Records of a label and 3,072 bytes: the page of CIFAR."""
    for number in range(1, 6):
        labels = (2 * number - 2, 2 * number - 1)
        content = b"".join(bytes([label]) + _pixels(3072).tobytes() for label in labels)
        (folder / f"data_batch_{number}.bin").write_bytes(content)
    (folder / "test_batch.bin").write_bytes(b"\3" + _pixels(3072).tobytes())


def _batch(labels: list[int], key: bytes = b"labels", width: int = 3072) -> bytes:
    return pickle.dumps({key: labels, b"data": _pixels(len(labels), width)}, 2)


def _cifar10_py(folder: Path) -> None:
    for number in range(1, 6):
        (folder / f"data_batch_{number}").write_bytes(_batch([2 * number - 2, 2 * number - 1]))
    (folder / "test_batch").write_bytes(_batch([3]))


def _cifar100_bin(folder: Path) -> None:
    for name, count in (("train.bin", 100), ("test.bin", 3)):
        content = b"".join(b"\7" + bytes([label]) + _pixels(3072).tobytes() for label in range(count))
        (folder / name).write_bytes(content)


def _cifar100_py(folder: Path) -> None:
    (folder / "train").write_bytes(_batch(list(range(100)), b"fine_labels"))
    (folder / "test").write_bytes(_batch([3], b"fine_labels"))


def _save(path: Path, shape: tuple[int, ...] = (8, 8, 3)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(_pixels(*shape)).save(path)


def _folders(folder: Path) -> None:
    for part, count in (("train", _COUNT), ("val", 3)):
        for number in range(count):
            _save(folder / part / ("cat", "dog", "eel")[number % 3] / f"{number}.{'jpg' if number % 2 else 'png'}")


def _arrays(**changes: Any) -> dict[str, Any]:
    labels = np.arange(_COUNT) % 3
    arrays = {"x_train": _pixels(_COUNT, 4, 4), "y_train": labels, "x_test": _pixels(3, 4, 4), "y_test": labels[:3]}
    return {name: array for name, array in (arrays | changes).items() if array is not None}


def _npz(folder: Path) -> None:
    np.savez(folder / "a.npz", **_arrays())


class _Reader(NamedTuple):
    """How a set is made and named on the command line, and the network that fits it."""

    make: Callable[[Path], None]
    data: str
    size: str
    classes: int


_READERS = {
    "idx": _Reader(_mnist, "mnist:data", "4x4x1", 3),
    "idx gz": _Reader(_mnist_gz, "fashion-mnist:data", "4x4x1", 3),
    "cifar10 binary": _Reader(_cifar10_bin, "cifar10:data", "32x32x3", 10),
    "cifar10 python": _Reader(_cifar10_py, "cifar10:data", "32x32x3", 10),
    "cifar100 binary": _Reader(_cifar100_bin, "cifar100:data", "32x32x3", 100),
    "cifar100 python": _Reader(_cifar100_py, "cifar100:data", "32x32x3", 100),
    "folder": _Reader(_folders, "folder:data", "8x8x3", 3),
    "npz": _Reader(_npz, "npz:data/a.npz", "4x4x1", 3),
}

# ---------------------------------------------------------------- one thing wrong


class _Mistake(NamedTuple):
    """A reader, what is done to its files, the file that is named, words of the message; the network, if another."""

    reader: str
    what: str
    harm: Callable[[Path], object]
    named: str
    says: str
    size: str | None = None
    classes: int | None = None


def _nothing(folder: Path) -> None:
    return


def _bytes(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def _put(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def _gone(name: str) -> Callable[[Path], object]:
    return lambda folder: shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()


def _saved(**changes: Any) -> Callable[[Path], object]:
    return lambda folder: np.savez(folder / "a.npz", **_arrays(**changes))


def _labels(*values: int) -> bytes:
    return _idx(np.array(values, np.uint8))


def _idx_mistakes(reader: str, pack: Callable[[bytes], bytes], ending: str) -> list[_Mistake]:
    images, labels = f"train-images-idx3-ubyte{ending}", f"train-labels-idx1-ubyte{ending}"
    whole = _idx(_pixels(_COUNT, 4, 4))
    return [
        _Mistake(
            reader, "magic number", _put(images, pack(b"\0\0\x08\1" + whole[4:])), images, "the magic number is 2049"
        ),
        _Mistake(reader, "magic number", _put(labels, pack(whole)), labels, "the magic number is 2051"),
        _Mistake(reader, "truncated", _put(images, pack(whole[:-1])), images, "truncated"),
        _Mistake(reader, "truncated", _put(labels, pack(_labels(0, 1, 2))[:5]), labels, ""),
        _Mistake(reader, "missing file", _gone(images), "train-images-idx3-ubyte", "has no"),
        _Mistake(
            reader,
            "missing class",
            _put(labels, pack(_labels(0, 0, 0, 2, 2, 2))),
            labels,
            "there is no image of class 1",
        ),
        _Mistake(
            reader, "label out of range", _put(labels, pack(_labels(0, 1, 2, 0, 1, 9))), labels, "has the label 9"
        ),
        _Mistake(reader, "count", _put(labels, pack(_labels(0, 1, 2))), labels, "6 images"),
        _Mistake(reader, "size", _nothing, images, "are 4x4x1, and the network takes 6x6x1", "6x6x1"),
        _Mistake(reader, "size", _put(images, pack(_idx(_pixels(_COUNT, 4, 5)))), images, "are 4x5"),
        _Mistake(reader, "channels", _nothing, images, "are 4x4x1, and the network takes 4x4x3", "4x4x3"),
        _Mistake(reader, "no image", _nothing, "data", "holds images", "16"),
    ]


def _cifar_mistakes(
    reader: str, train: str, several: str, test: str, classes: int, binary: bool, whole: bytes, wrong: bytes
) -> list[_Mistake]:
    """`whole` is a batch without its last image, `wrong` one with a label that there is not."""
    harmed = [
        _Mistake(reader, "truncated", _bytes(train, lambda content: content[:-1]), train, ""),
        _Mistake(reader, "truncated", _put(test, b""), test, ""),
        _Mistake(reader, "missing file", _gone(test), test, "is missing"),
        _Mistake(reader, "missing class", _put(train, whole), several, "there is no image of class"),
        _Mistake(reader, "label out of range", _put(train, wrong), train, f"has the label {classes}, and there are"),
        _Mistake(reader, "label out of range", _nothing, train, f"has the label {classes - 1}", None, classes - 1),
        _Mistake(reader, "size", _nothing, several, "are 32x32x3, and the network takes 28x28x3", "28x28x3"),
        _Mistake(reader, "channels", _nothing, several, "are 32x32x3, and the network takes 32x32x1", "32x32x1"),
    ]
    if not binary:
        harmed.append(_Mistake(reader, "magic number", _put(train, b"no pickle"), train, "cannot be read as a pickled"))
        harmed.append(_Mistake(reader, "size", _put(train, _batch([0, 1], width=3071)), train, ""))
    return harmed


_PIXELS = _pixels(3072).tobytes()
_MISTAKES = [
    *_idx_mistakes("idx", bytes, ""),
    *_idx_mistakes("idx gz", gzip.compress, ".gz"),
    _Mistake(
        "idx gz", "magic number", _put("t10k-images-idx3-ubyte.gz", b"\x1f\x8bno"), "t10k-images-idx3-ubyte.gz", ""
    ),
    *_cifar_mistakes(
        "cifar10 binary",
        "data_batch_5.bin",
        "data_batch_1.bin",
        "test_batch.bin",
        10,
        True,
        b"\x08" + _PIXELS,
        b"\x0a" + _PIXELS,
    ),
    *_cifar_mistakes(
        "cifar10 python", "data_batch_5", "data_batch_1", "test_batch", 10, False, _batch([8]), _batch([10, 9])
    ),
    *_cifar_mistakes(
        "cifar100 binary", "train.bin", "train.bin", "test.bin", 100, True, b"\7\x08" + _PIXELS, b"\7\x64" + _PIXELS
    ),
    *_cifar_mistakes(
        "cifar100 python",
        "train",
        "train",
        "test",
        100,
        False,
        _batch([8], b"fine_labels"),
        _batch([100, 9], b"fine_labels"),
    ),
    _Mistake("folder", "unreadable", _put("train/dog/1.jpg", b"nonsense"), "train/dog/1.jpg", "it is no image"),
    _Mistake("folder", "unreadable", _put("val/eel/2.png", b""), "val/eel/2.png", "it is no image"),
    _Mistake(
        "folder",
        "truncated",
        _bytes("train/dog/1.jpg", lambda content: content[:-99]),
        "train/dog/1.jpg",
        "cannot be read",
    ),
    _Mistake(
        "folder", "truncated", _bytes("val/eel/2.png", lambda content: content[:-99]), "val/eel/2.png", "cannot be read"
    ),
    _Mistake("folder", "missing class", _gone("train/dog"), "train", "no folder for the class `dog`"),
    _Mistake("folder", "missing class", _gone("val/dog"), "val", "no folder for the class `dog`"),
    _Mistake(
        "folder",
        "missing class",
        lambda folder: [_gone(f"train/dog/{name}")(folder) for name in ("1.jpg", "4.png")],
        "train/dog",
        "has no image",
    ),
    _Mistake("folder", "missing file", _gone("."), "data", "is not a folder"),
    _Mistake("folder", "label out of range", _nothing, "train/eel", "has the label 2", None, 2),
    _Mistake(
        "folder", "size", lambda folder: _save(folder / "train/dog/1.jpg", (9, 8, 3)), "train/dog/1.jpg", "is 9x8"
    ),
    _Mistake("folder", "size", _nothing, "train/cat/0.png", "are 8x8x3, and the network takes 9x9x3", "9x9x3"),
    _Mistake("folder", "channels", _nothing, "train/cat/0.png", "it is a colour image", "8x8x1"),
    _Mistake("folder", "channels", _nothing, "data", "images have 1 or 3 channels", "8x8x4"),
    _Mistake("npz", "magic number", _put("a.npz", b"no zip"), "a.npz", "it is no .npz"),
    _Mistake(
        "npz",
        "magic number",
        _bytes("a.npz", lambda content: content.replace(b"NUMPY", b"NUMPX")),
        "a.npz",
        "cannot be read",
    ),
    _Mistake("npz", "truncated", _bytes("a.npz", lambda content: content[:-9]), "a.npz", ""),
    _Mistake("npz", "missing file", _gone("a.npz"), "a.npz", "cannot be read"),
    _Mistake("npz", "missing file", _saved(y_test=None), "a.npz", "it holds x_test, x_train, y_train"),
    _Mistake(
        "npz",
        "missing class",
        _saved(y_train=np.array([0, 0, 0, 2, 2, 2])),
        "a.npz, `y_train`",
        "there is no image of class 1",
    ),
    _Mistake("npz", "label out of range", _saved(y_test=np.array([0, 1, 5])), "a.npz, `y_test`", "has the label 5"),
    _Mistake(
        "npz", "label out of range", _saved(y_train=np.arange(_COUNT) % 3 - 1), "a.npz: `y_train`", "from -1 to 1"
    ),
    _Mistake("npz", "count", _saved(y_train=np.arange(5) % 3), "a.npz: `y_train`", "there are 6 images"),
    _Mistake(
        "npz", "unreadable", _saved(x_train=_pixels(_COUNT, 4, 4).astype(np.int32)), "a.npz: `x_train`", "holds int32"
    ),
    _Mistake("npz", "size", _nothing, "a.npz, `x_train`", "are 4x4x1, and the network takes 6x6x1", "6x6x1"),
    _Mistake("npz", "size", _saved(x_test=_pixels(3, 4, 5)), "a.npz: `x_train` and `x_test`", "other sizes"),
    _Mistake("npz", "channels", _nothing, "a.npz, `x_train`", "are 4x4x1, and the network takes 4x4x3", "4x4x3"),
]


def _train(folder: Path, reader: _Reader, *more: str, size: str | None = None, classes: int | None = None) -> Any:
    (folder / "net.arch").write_text(f"input {size or reader.size}\nfc {classes or reader.classes}\n")
    given = [str(folder / "net.arch"), "--data", reader.data.replace("data", str(folder / "data"), 1)]
    return CliRunner().invoke(command, [*given, "--epochs", "1", "--workers", "0", "-o", str(folder / "run"), *more])


@pytest.mark.parametrize(
    ("mistake", "store"),
    [
        pytest.param(mistake, store, id=f"{mistake.reader}, {mistake.what}, {store}")
        for mistake in _MISTAKES
        for store in (("whole", "stream") if mistake.reader == "folder" else ("auto",))
    ],
)
def test_a_mistake_is_named_with_its_file_before_anything_is_learnt(
    tmp_path: Path, mistake: _Mistake, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    reader = _READERS[mistake.reader]
    (tmp_path / "data").mkdir()
    reader.make(tmp_path / "data")
    mistake.harm(tmp_path / "data")
    made = _train(tmp_path, reader, "--store", store, size=mistake.size, classes=mistake.classes)
    assert made.exit_code == 1, made.output
    said = made.output.split("hint:")[0]
    assert said.startswith("error: ")
    assert f"{tmp_path / 'data'}/{mistake.named}".removesuffix("/data") in said or f"has no {mistake.named}" in said
    assert mistake.says in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", _READERS)
def test_without_a_mistake_it_is_learnt(tmp_path: Path, name: str) -> None:
    reader = _READERS[name]
    (tmp_path / "data").mkdir()
    reader.make(tmp_path / "data")
    made = _train(tmp_path, reader)
    assert made.exit_code == 0, made.output
    assert (tmp_path / "run" / "model.safetensors").exists()
