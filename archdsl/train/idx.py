"""IDX files, the format of MNIST: a magic number, sizes, bytes.

In: a path or a folder, gzipped or not. Out: bytes, or images and labels, or `TrainError` that names the file. Whether
they fit the network is left to `archdsl.train.data`.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO

import torch

from archdsl.ops.base import show_shape
from archdsl.train.dataset import Examples, Origin, Read
from archdsl.train.errors import TrainError

__all__ = ["read_idx", "read_mnist"]

_GZIP = b"\x1f\x8b"
_BYTES = 0x08
_LARGEST = 2**33


def read_idx(path: Path, rank: int) -> torch.Tensor:
    """The array of a file: of `rank` 3 for images (60000, 28, 28), of 1 for labels (60000,), as uint8.

    The format is that of Y. LeCun's MNIST page: two zero bytes, the type (8 for bytes), the rank, one big-endian 32-bit
    size an axis, the values. Raises `TrainError` for another magic number, a truncated file, and more than it says.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            if packed:
                with gzip.open(raw) as unpacked:
                    return _read(path, unpacked, rank)
            return _read(path, raw, rank)
    except (OSError, EOFError, zlib.error) as error:
        raise TrainError(f"{path}: cannot be read: {error}") from None


def _read(path: Path, file: IO[bytes] | gzip.GzipFile, rank: int) -> torch.Tensor:
    head = file.read(4 + 4 * rank)
    expected = bytes((0, 0, _BYTES, rank))
    if expected.startswith(head[:4]) and len(head) < 4 + 4 * rank:
        raise TrainError(f"{path}: the file ends inside its header, after {len(head)} bytes")
    if head[:4] != expected:
        what = "images" if rank == 3 else "labels"
        raise TrainError(
            f"{path}: the magic number is {int.from_bytes(head[:4], 'big')}, and IDX {what} begin with "
            f"{int.from_bytes(expected, 'big')}"
        )
    sizes = struct.unpack(f">{rank}I", head[4:])
    count = math.prod(sizes)
    if not 0 < count <= _LARGEST:
        raise TrainError(f"{path}: the header says {' x '.join(map(str, sizes))} values, which cannot be")
    body = file.read(count + 1)
    if len(body) < count:
        raise TrainError(f"{path}: truncated: the header says {count:,} values, and there are {len(body):,}")
    if len(body) > count:
        raise TrainError(f"{path}: there is more in the file than the {count:,} values that its header says")
    return torch.frombuffer(bytearray(body), dtype=torch.uint8).reshape(sizes)


def read_mnist(kind: str, folder: Path) -> Read:
    """The four files of MNIST, or of anything that comes like it. Raises `TrainError`."""
    if not folder.is_dir():
        raise TrainError(f"{folder} is not a folder", "it holds train-images-idx3-ubyte and three more, gzipped or not")
    train, test = (_examples(folder, prefix) for prefix in ("train", "t10k"))
    if train.images.shape[1:] != test.images.shape[1:]:
        (ours, theirs) = (f"{part.files[0].images} are {show_shape(part.images.shape[2:])}" for part in (train, test))
        raise TrainError(f"the images of {ours}, and those of {theirs}")
    classes = int(max(train.labels.max(), test.labels.max())) + 1
    height, width = train.images.shape[2:]
    return Read(kind, train, test, classes, (height, width, 1))


def _examples(folder: Path, prefix: str) -> Examples:
    images_path = _find(folder, f"{prefix}-images", "idx3-ubyte")
    labels_path = _find(folder, f"{prefix}-labels", "idx1-ubyte")
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise TrainError(f"{images_path} holds {len(images):,} images, {labels_path} {len(labels):,} labels")
    return Examples(
        images.unsqueeze(1), labels.long(), files=(Origin(len(labels), str(images_path), str(labels_path)),)
    )


def _find(folder: Path, stem: str, suffix: str) -> Path:
    """The file under any of the names that are in use."""
    for name in (f"{stem}-{suffix}", f"{stem}.{suffix}"):
        for ending in ("", ".gz"):
            if (folder / (name + ending)).is_file():
                return folder / (name + ending)
    raise TrainError(f"{folder} has no {stem}-{suffix}, gzipped or not")
