"""Images and labels, whole, as tensors: what small sets are.

In: a kind of data with its place, the size that the network takes. Out: a `Dataset`, or `TrainError` naming the file
or the sizes. Random changes to the images are left to `archdsl.train.augment`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
from torch.nn import functional

from archdsl.elaborate.recipe_settings import DATA, Augment, Data
from archdsl.ops.base import Shape, show_shape
from archdsl.train.errors import TrainError
from archdsl.train.idx import read_idx

__all__ = ["SUPPORTED", "Dataset", "Examples", "load", "parse_data"]

SUPPORTED: Final = ("digits", "mnist", "fashion_mnist")
"""The kinds of data that can be read."""
_DIGITS_TEST: Final = 360
_SPLIT_SEED: Final = 0


@dataclass(frozen=True)
class Examples:
    """Images (N, C, H, W) as float32, 0 to 1 unless normalised, and labels (N,) as int64."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Examples:
        """The same on a device."""
        return Examples(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """Images to learn from and images to test with; `remark` says what was done to them."""

    name: str
    train: Examples
    test: Examples
    classes: int
    remark: str = ""


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
    `augment`, `pad` and `normalize` are done here. Raises `TrainError` for files that are not what they should be, for
    images that do not fit the network, and for labels that it has no output for.
    """
    if len(size) != 3:
        raise TrainError(f"`{data.kind}` holds images, and the network takes {show_shape(size)}", "input 32x32x1")
    pad = (augment.pad if augment is not None else None) or 0
    if data.kind == "digits":
        if data.path is not None:
            raise TrainError(f"`digits` needs no file, and `{data.path}` was given")
        found = _digits(size, pad)
    elif data.kind in SUPPORTED:
        found = _idx(data)
    else:
        raise TrainError(f"`{data.kind}` cannot be read yet", f"there are {', '.join(SUPPORTED)}")
    if pad:
        found = _each(found, lambda images: functional.pad(images, (pad,) * 4))
    _check(found, size, classes)
    if augment is not None and augment.normalize:
        dims = (0, 2, 3)
        images = found.train.images
        mean = images.mean(dims, keepdim=True)
        deviation = images.std(dims, keepdim=True)
        if bool((deviation == 0).any()):
            raise TrainError(f"{found.name}: a channel has one value everywhere, and cannot be normalised")
        found = _each(found, lambda images: (images - mean) / deviation)
    return found


def _each(data: Dataset, change: Callable[[torch.Tensor], torch.Tensor]) -> Dataset:
    """The same with all images changed in one way."""
    train, test = (replace(part, images=change(part.images).contiguous()) for part in (data.train, data.test))
    return replace(data, train=train, test=test)


def _check(data: Dataset, size: Shape, classes: int) -> None:
    _, channels, height, width = data.train.images.shape
    if (height, width, channels) != size:
        has = show_shape((height, width, channels))
        hint = f"--input {has} gives the network that size, if it can take it"
        around = (size[0] - height, size[1] - width)
        if channels == size[2] and around[0] == around[1] > 0 and around[0] % 2 == 0:
            hint = f"train {{ augment pad={around[0] // 2} }} puts zeros around the images"
        raise TrainError(f"the images of `{data.name}` are {has}, and the network takes {show_shape(size)}", hint)
    largest = max(int(data.train.labels.max()), int(data.test.labels.max()))
    if largest >= classes:
        hint = "give the network an output a class: --set classes=…, if it has that parameter"
        raise TrainError(f"`{data.name}` has the label {largest}, and the network tells {classes} classes apart", hint)


def _digits(size: Shape, pad: int) -> Dataset:
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
    return Dataset("digits", Examples(images[train], labels[train]), Examples(images[test], labels[test]), 10, remark)


def _idx(data: Data) -> Dataset:
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
    return Dataset(data.kind, train, test, classes)


def _examples(folder: Path, prefix: str) -> Examples:
    images_path = _find(folder, f"{prefix}-images", "idx3-ubyte")
    labels_path = _find(folder, f"{prefix}-labels", "idx1-ubyte")
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise TrainError(f"{images_path} holds {len(images):,} images, {labels_path} {len(labels):,} labels")
    return Examples(images.unsqueeze(1).float() / 255, labels.long())


def _find(folder: Path, stem: str, suffix: str) -> Path:
    """The file under any of the names that are in use."""
    for name in (f"{stem}-{suffix}", f"{stem}.{suffix}"):
        for ending in ("", ".gz"):
            if (folder / (name + ending)).is_file():
                return folder / (name + ending)
    raise TrainError(f"{folder} has no {stem}-{suffix}, gzipped or not")
