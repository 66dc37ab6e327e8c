"""Images and labels, whole, as tensors: what small sets are.

In: a kind of data with its place, the size that the network takes. Out: a `Dataset`, or `TrainError` naming the file
or the sizes. Random changes to the images are left to `archdsl.train.augment`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch.nn import functional

from archdsl.elaborate.recipe_settings import DATA, Augment, Data
from archdsl.ops.base import Shape, show_shape
from archdsl.train.dataset import Dataset, Examples, Prepare
from archdsl.train.errors import TrainError
from archdsl.train.idx import read_idx

__all__ = ["SUPPORTED", "load", "parse_data"]

SUPPORTED: Final = ("digits", "mnist", "fashion_mnist")
"""The kinds of data that can be read."""
_DIGITS_TEST: Final = 360
_SPLIT_SEED: Final = 0
_STATISTICS_BATCH: Final = 1000
_NO_DEVIATION: Final = 1e-6


@dataclass(frozen=True)
class Read:
    """What a reader found: images in memory, as the files have them."""

    name: str
    train: Examples
    test: Examples
    classes: int
    remark: str = ""
    names: tuple[str, ...] = ()


def parse_data(text: str) -> Data:
    """`digits`, `mnist:DIR` as the command line has them.

    >>> parse_data("fashion-mnist:data/fashion")
    Data(kind='fashion_mnist', path='data/fashion')

    Raises `TrainError` for a kind that there is not.
    """
    from archdsl.diagnostics import nearest

    kind, _, path = text.partition(":")
    kind = kind.replace("-", "_")
    if kind not in DATA:
        close = nearest(kind, DATA)
        hint = f"did you mean `{close}`?" if close else f"there are {', '.join(DATA)}"
        raise TrainError(f"there is no data `{kind}`", hint)
    return Data(kind, path or None)


def load(data: Data, size: Shape, classes: int, augment: Augment | None = None) -> Dataset:
    """The data for a network that takes `size`, (H, W, C), and tells `classes` classes apart.

    `load(Data("digits"), (32, 32, 1), 10)` gives 1,437 images (1, 32, 32) to train with and 360 to test with. Of
    `augment`, `pad` and `normalize` become what is done to every batch. Raises `TrainError` for files that are not what
    they should be, for images that do not fit the network, and for labels that it has no output for.
    """
    if len(size) != 3:
        raise TrainError(f"`{data.kind}` holds images, and the network takes {show_shape(size)}", "input 32x32x1")
    augment = augment or Augment()
    pad = augment.pad or 0
    if data.kind == "digits":
        if data.path is not None:
            raise TrainError(f"`digits` needs no file, and `{data.path}` was given")
        found = _digits(size, pad)
    elif data.kind in SUPPORTED:
        found = _idx(data)
    else:
        raise TrainError(f"`{data.kind}` cannot be read yet", f"there are {', '.join(SUPPORTED)}")
    prepare = Prepare(pad)
    _check(found, size, classes, augment)
    if augment.normalize:
        prepare = _normalising(found, prepare)
    return Dataset(found.name, found.train, found.test, found.classes, size, found.remark, prepare, found.names)


def _normalising(found: Read, prepare: Prepare) -> Prepare:
    """The same, with the mean and the deviation of each channel of the training images."""
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for indices in torch.split(torch.arange(len(found.train)), _STATISTICS_BATCH):
        images = prepare.floats(found.train.take(indices, None)).double().movedim(1, 0).flatten(1)
        count += images.shape[1]
        total, squares = total + images.sum(1), squares + (images**2).sum(1)
    mean = total / count
    deviation = ((squares - count * mean**2).clamp(min=0) / (count - 1)).sqrt()
    if bool((deviation < _NO_DEVIATION).any()):
        raise TrainError(f"{found.name}: a channel has one value everywhere, and cannot be normalised")
    return Prepare(prepare.pad, tuple(mean.tolist()), tuple(deviation.tolist()))


def _check(data: Read, size: Shape, classes: int, augment: Augment) -> None:
    _, channels, height, width = data.train.images.shape
    pad = augment.pad or 0
    given = (height, width, channels)
    around = (height + 2 * pad, width + 2 * pad)
    cut = augment.crop.size if augment.crop is not None else around
    if cut[0] > around[0] or cut[1] > around[1]:
        has = show_shape((*around, channels))
        raise TrainError(f"the images of `{data.name}` are {has}, and cannot be cut to {cut[0]}x{cut[1]}")
    if (*cut, channels) != size:
        has = show_shape((*cut, channels))
        hint = f"--input {has} gives the network that size, if it can take it"
        missing = (size[0] - height, size[1] - width)
        if augment.crop is None and channels == size[2] and missing[0] == missing[1] > 0 and missing[0] % 2 == 0:
            hint = f"train {{ augment pad={missing[0] // 2} }} puts zeros around the images"
        came = "" if cut == given[:2] else f", {show_shape(given)} before `augment`"
        raise TrainError(f"the images of `{data.name}` are {has}{came}, and the network takes {show_shape(size)}", hint)
    largest = max(int(data.train.labels.max()), int(data.test.labels.max()))
    if largest >= classes:
        hint = "give the network an output a class: --set classes=…, if it has that parameter"
        raise TrainError(f"`{data.name}` has the label {largest}, and the network tells {classes} classes apart", hint)


def _digits(size: Shape, pad: int) -> Read:
    """The 8x8 digits of scikit-learn (Alpaydin & Kaynak, 1998), scaled; every run has the same 360 for its test."""
    from sklearn.datasets import load_digits

    height, width = size[0] - 2 * pad, size[1] - 2 * pad
    if height < 1 or width < 1:
        raise TrainError(f"nothing is left of {show_shape(size)} within {pad} zeros on each side")
    bunch = load_digits()
    images = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(bunch.target, dtype=torch.int64)
    if (height, width) != (8, 8):
        images = functional.interpolate(images, size=(height, width), mode="bilinear", antialias=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(_SPLIT_SEED))
    test, train = order[:_DIGITS_TEST], order[_DIGITS_TEST:]
    remark = "" if (height, width) == (8, 8) else f"8x8 scaled to {height}x{width}"
    return Read("digits", Examples(images[train], labels[train]), Examples(images[test], labels[test]), 10, remark)


def _idx(data: Data) -> Read:
    """The four files of MNIST, or of anything that comes like it."""
    if data.path is None:
        raise TrainError(f"where `{data.kind}` lies is not said", f"--data {data.kind.replace('_', '-')}:DIR")
    folder = Path(data.path)
    if not folder.is_dir():
        raise TrainError(f"{folder} is not a folder", "it holds train-images-idx3-ubyte and three more, gzipped or not")
    train, test = (_examples(folder, prefix) for prefix in ("train", "t10k"))
    if train.images.shape[1:] != test.images.shape[1:]:
        raise TrainError(
            f"{folder}: the training images are {tuple(train.images.shape[2:])}, the test images "
            f"{tuple(test.images.shape[2:])}"
        )
    classes = int(max(train.labels.max(), test.labels.max())) + 1
    return Read(data.kind, train, test, classes)


def _examples(folder: Path, prefix: str) -> Examples:
    images_path = _find(folder, f"{prefix}-images", "idx3-ubyte")
    labels_path = _find(folder, f"{prefix}-labels", "idx1-ubyte")
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise TrainError(f"{images_path} holds {len(images):,} images, {labels_path} {len(labels):,} labels")
    return Examples(images.unsqueeze(1), labels.long())


def _find(folder: Path, stem: str, suffix: str) -> Path:
    """The file under any of the names that are in use."""
    for name in (f"{stem}-{suffix}", f"{stem}.{suffix}"):
        for ending in ("", ".gz"):
            if (folder / (name + ending)).is_file():
                return folder / (name + ending)
    raise TrainError(f"{folder} has no {stem}-{suffix}, gzipped or not")
