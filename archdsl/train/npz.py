"""Arrays in a file of NumPy: images and labels by their customary names.

In: a path. Out: images and labels, or `TrainError` that names the file. Objects in such a file are pickled, and never
read.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from archdsl.ops.base import show_shape
from archdsl.train.dataset import Examples, Origin, Read
from archdsl.train.errors import TrainError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_npz"]

_NAMES: Final = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)
"""Those of Keras, those of MedMNIST."""


def read_npz(path: Path) -> Read:
    """Images (N, H, W) or (N, H, W, C), bytes or floats of 0 to 1, and whole labels (N,) or (N, 1).

    The arrays are called `x_train`, `y_train`, `x_test` and `y_test`, or `train_images` and so on. Raises `TrainError`.
    """
    import numpy as np

    try:
        if path.is_file() and not zipfile.is_zipfile(path):
            raise TrainError(f"{path}: it is no .npz, which is a zip file of arrays")
        with np.load(path, allow_pickle=False) as found:
            names = next((names for names in _NAMES if set(names) <= set(found.files)), None)
            if names is None:
                has = ", ".join(sorted(found.files)[:8]) or "nothing"
                raise TrainError(f"{path}: it holds {has}", f"the arrays are called {', '.join(_NAMES[0])}")
            arrays = {name: found[name] for name in names}
    except (OSError, ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise TrainError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    train, test = (_examples(path, x, y, arrays) for x, y in (names[:2], names[2:]))
    sizes = {_size(part) for part in (train, test)}
    if len(sizes) > 1:
        raise TrainError(f"{path}: `{names[0]}` and `{names[2]}` hold images of other sizes")
    classes = int(max(train.labels.max(), test.labels.max())) + 1
    return Read("npz", train, test, classes, _size(train))


def _size(examples: Examples) -> tuple[int, ...]:
    channels, height, width = examples.images.shape[1:]
    return (height, width, channels)


def _examples(path: Path, x: str, y: str, arrays: dict[str, NDArray[Any]]) -> Examples:
    images, labels = arrays[x], arrays[y]
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or 0 in images.shape:
        raise TrainError(f"{path}: `{x}` is {show_shape(images.shape)}, and images are NxHxW or NxHxWxC")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != images.shape[:1]:
        has = show_shape(labels.shape)
        hint = "a row for each image that marks its class is not a label: argmax(axis=1)" if labels.ndim == 2 else ""
        raise TrainError(f"{path}: `{y}` is {has}, and there are {len(images):,} images in `{x}`", hint)
    if labels.dtype.kind not in "iu":
        hint = "" if labels.dtype.kind not in "fb" else f"{y}.astype('int64')"
        raise TrainError(f"{path}: `{y}` holds {labels.dtype}, and labels are whole numbers", hint)
    if int(labels.min()) < 0 or int(labels.max()) >= 2**31:
        raise TrainError(f"{path}: `{y}` goes from {labels.min()} to {labels.max()}, and labels count from 0")
    if images.dtype.kind == "f":
        low, high = float(images.min()), float(images.max())
        if not (low >= 0 and high <= 1):
            raise TrainError(
                f"{path}: `{x}` goes from {low:g} to {high:g}, and floats are from 0 to 1", "bytes, or / 255"
            )
    elif images.dtype.str != "|u1":
        hint = f"{x}.astype('uint8'), where it goes from 0 to 255" if images.dtype.kind in "iu" else ""
        raise TrainError(f"{path}: `{x}` holds {images.dtype}, and images are bytes, or floats from 0 to 1", hint)
    # Of numpy's types torch takes neither those of another byte order nor the long ones.
    kind = "float32" if images.dtype.kind == "f" else "uint8"
    return Examples(
        torch.from_numpy(images.transpose(0, 3, 1, 2).astype(kind, order="C")),
        torch.from_numpy(labels.astype("int64")),
        files=(Origin(len(labels), f"{path}, `{x}`", f"{path}, `{y}`"),),
    )
