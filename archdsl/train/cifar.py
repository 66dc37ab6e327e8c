"""CIFAR-10 and CIFAR-100, in the binary layout and in the python one.

In: a folder. Out: images and labels as the files have them, or `TrainError` that names the file. The python layout is
pickled; nothing in such a file is ever called: see `archdsl.train.pickled`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch

from archdsl.train.dataset import Examples, Origin, Read
from archdsl.train.errors import TrainError
from archdsl.train.pickled import Bytes, read_pickle

__all__ = ["read_cifar"]

_SIDE: Final = 32
_PIXELS: Final = 3 * _SIDE * _SIDE


class _Layout(NamedTuple):
    """The files of one set: their names without an ending, the bytes of labels before an image, keys, classes."""

    train: tuple[str, ...]
    test: str
    folders: tuple[str, ...]
    label_bytes: int
    label_key: bytes
    names_key: bytes
    meta: tuple[str, str]
    classes: int


_LAYOUTS: Final = {
    "cifar10": _Layout(
        tuple(f"data_batch_{number}" for number in range(1, 6)),
        "test_batch",
        ("cifar-10-batches-bin", "cifar-10-batches-py"),
        1,
        b"labels",
        b"label_names",
        ("batches.meta.txt", "batches.meta"),
        10,
    ),
    # The first of the two bytes is the superclass.
    "cifar100": _Layout(
        ("train",),
        "test",
        ("cifar-100-binary", "cifar-100-python"),
        2,
        b"fine_labels",
        b"fine_label_names",
        ("fine_label_names.txt", "meta"),
        100,
    ),
}


def read_cifar(kind: str, folder: Path) -> Read:
    """The training and test images of `cifar10` or `cifar100`; the folder may hold the archive's own folder.

    The layouts are those of A. Krizhevsky's page: records of a label and 3,072 bytes, red before green before blue, or
    a pickled dictionary of the same. Raises `TrainError` for a missing file, and for one that is cut short, has other
    sizes, or a label that there is not.
    """
    layout = _LAYOUTS[kind]
    places = [folder, *(folder / name for name in layout.folders)]
    for place in places:
        for ending, read in ((".bin", _binary), ("", _python)):
            if (place / (layout.train[0] + ending)).is_file():
                train = [read(_there(place / (name + ending)), layout) for name in layout.train]
                test = read(_there(place / (layout.test + ending)), layout)
                names = _names(place, layout)
                return Read(kind, _joined(train), test, layout.classes, (_SIDE, _SIDE, 3), names=names)
    raise TrainError(f"{folder} has neither {layout.train[0]}.bin nor {layout.train[0]}", "the folder of the archive")


def _there(path: Path) -> Path:
    if not path.is_file():
        raise TrainError(f"{path} is missing")
    return path


def _joined(parts: list[Examples]) -> Examples:
    files = tuple(origin for part in parts for origin in part.files)
    return Examples(torch.cat([part.images for part in parts]), torch.cat([part.labels for part in parts]), files=files)


def _binary(path: Path, layout: _Layout) -> Examples:
    content = _content(path)
    record = layout.label_bytes + _PIXELS
    if not content or len(content) % record:
        raise TrainError(f"{path}: {len(content):,} bytes are not a whole number of records of {record:,}: truncated?")
    rows = torch.frombuffer(bytearray(content), dtype=torch.uint8).reshape(-1, record)
    images = rows[:, layout.label_bytes :].reshape(-1, 3, _SIDE, _SIDE).contiguous()
    return _examples(path, images, rows[:, layout.label_bytes - 1].long(), layout)


def _python(path: Path, layout: _Layout) -> Examples:
    found = _dictionary(path)
    data, labels = found.get(b"data"), found.get(layout.label_key)
    if not isinstance(data, Bytes) or not isinstance(labels, list):
        raise TrainError(f"{path}: it has no `data` of bytes and `{layout.label_key.decode()}`")
    if len(data.shape) != 2 or data.shape[1] != _PIXELS or data.shape[0] < 1:
        raise TrainError(f"{path}: the data are {data.shape}, and CIFAR's are (N, {_PIXELS})")
    if len(labels) != data.shape[0] or not all(type(label) is int and 0 <= label < 2**31 for label in labels):
        raise TrainError(f"{path}: {data.shape[0]:,} images, and not a label for each")
    images = torch.frombuffer(bytearray(data.content), dtype=torch.uint8).reshape(-1, 3, _SIDE, _SIDE)
    return _examples(path, images, torch.tensor(labels), layout)


def _examples(path: Path, images: torch.Tensor, labels: torch.Tensor, layout: _Layout) -> Examples:
    largest = int(labels.max())
    if largest >= layout.classes:
        number = int((labels >= layout.classes).nonzero()[0, 0])
        raise TrainError(f"{path}: image {number:,} has the label {largest}, and there are {layout.classes} classes")
    return Examples(images, labels, files=(Origin(len(labels), str(path), str(path)),))


def _names(place: Path, layout: _Layout) -> tuple[str, ...]:
    """The names of the classes, where the file with them is there."""
    text, pickled = (place / name for name in layout.meta)
    found = text if text.is_file() else pickled
    if text.is_file():
        names = tuple(_content(text).decode("ascii", "replace").split())
    elif pickled.is_file():
        listed = _dictionary(pickled).get(layout.names_key)
        if not isinstance(listed, list) or not all(isinstance(name, bytes) for name in listed):
            raise TrainError(f"{pickled}: it has no list `{layout.names_key.decode()}`")
        names = tuple(name.decode("ascii", "replace") for name in listed)
    else:
        return ()
    if len(names) != layout.classes:
        raise TrainError(f"{found}: {len(names)} names for {layout.classes} classes")
    return names


def _dictionary(path: Path) -> Mapping[Any, Any]:
    found = read_pickle(path, _content(path))
    if not isinstance(found, dict):
        raise TrainError(f"{path}: it is no dictionary")
    return found


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TrainError(f"{path}: cannot be read: {error.strerror}") from None
