"""Class folders of JPEG and PNG images, as ImageNet has them.

In: a folder. Out: images that are decoded when they are taken, or `TrainError` that names a file. Keeping them in
memory is left to `archdsl.train.data`, random changes to batches to `archdsl.train.augment`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import torch

from archdsl.diagnostics import counted
from archdsl.elaborate.recipe_settings import Augment
from archdsl.ops.base import Shape, show_shape
from archdsl.train.cutting import random_windows
from archdsl.train.dataset import Origin, Read
from archdsl.train.errors import TrainError
from archdsl.train.many import each
from archdsl.train.randomness import seed_of, uniforms

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Cut", "ImageFiles", "decodes", "image_bytes", "read_image", "read_images"]

T = TypeVar("T")

_ENDINGS: Final = (".jpg", ".jpeg", ".png")
_TEST_NAMES: Final = ("test", "val", "validation")
_TEST_SHARE: Final = 5
"""Where the folder has no images to test with, one of so many in each class is."""
_GREY: Final = ("1", "L", "LA")
_COLOUR: Final = ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr")


_ORIENTATION: Final = 0x0112
"""The tag of EXIF that says how a camera was held."""


class _Found(NamedTuple):
    """What the header of a file says: its size as it is looked at, its mode, what of it is not taken."""

    height: int
    width: int
    mode: str
    transparent: bool
    animated: bool


@dataclass(frozen=True)
class Cut:
    """How an image is brought to one size: its shorter side to `resize`, then a window of `size` out of it.

    With `resized` the window of a training image is 8% to 100% of its area, and is scaled to `size`.
    """

    resize: int | None
    size: tuple[int, int] | None
    resized: bool = False
    seed: int = 0

    def scaled(self, height: int, width: int) -> tuple[int, int]:
        """The size (height, width) of an image after its shorter side is brought to `resize`."""
        if self.resize is None:
            return height, width
        short = min(height, width)
        return round(height * self.resize / short), round(width * self.resize / short)


@dataclass(frozen=True)
class ImageFiles:
    """Files with their labels (N,); `channels` is 1 or 3."""

    paths: Sequence[Path]
    labels: torch.Tensor
    channels: int
    cut: Cut

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def identity(self) -> bytes:
        """Every label, and the name and the length of every file."""
        digest = hashlib.sha256(self.labels.numpy().tobytes())
        for path in self.paths:
            digest.update(f"{path.parent.name}/{path.name}:{path.stat().st_size}\n".encode())
        return digest.digest()

    def take(self, indices: torch.Tensor, epoch: int | None) -> torch.Tensor:
        """The images (n, C, H, W) as bytes, decoded. Raises `TrainError` that names a file which cannot be."""
        draws: Sequence[Any] = [None] * len(indices)
        if epoch is not None and self.cut.size is not None:
            draws = list(uniforms(seed_of("cut", self.cut.seed, epoch), indices, 4))
        return torch.stack([self._one(self.paths[i], draw) for i, draw in zip(indices.tolist(), draws, strict=True)])

    def origins(self) -> tuple[Origin, ...]:
        """Each file, and the folder that says its class."""
        return tuple(Origin(1, str(path), str(path.parent)) for path in self.paths)

    def _one(self, path: Path, draw: torch.Tensor | None) -> torch.Tensor:
        image = read_image(path, self.channels)
        cut = self.cut
        if draw is not None and cut.resized:
            assert cut.size is not None
            top, left, high, wide = random_windows((image.height, image.width), draw[None])[0].tolist()
            box = (left, top, min(left + wide, image.width), min(top + high, image.height))
            return _bytes(_scaled(image, cut.size, box))
        image = _scaled(image, cut.scaled(image.height, image.width))
        if cut.size is None:
            return _bytes(image)
        height, width = cut.size
        shares = (0.5, 0.5) if draw is None else (float(draw[0]), float(draw[1]))
        top = int((image.height - height + (draw is not None)) * shares[0])
        left = int((image.width - width + (draw is not None)) * shares[1])
        return _bytes(image.crop((left, top, left + width, top + height)))


def read_image(path: Path, channels: int, remark: Callable[[str], None] | None = None) -> Image:
    """A decoded image of 1 or 3 channels, upright; `remark` is told of colours that are left out.

    Raises `TrainError` that names the file.
    """

    def read(file: Image) -> Image:
        _check_mode(path, file.mode)
        if remark is not None and channels == 1 and file.mode in _COLOUR:
            remark(f"{path}: it is a colour image, and is taken as a grey one")
        return _upright(file).convert("L" if channels == 1 else "RGB")

    return _opened(path, read)


def _orientation(file: Image) -> int:
    """How an image is to be turned to be looked at, 1 to 8; 1, as it is, where its EXIF cannot be read.

    Only what stands before the pixels is asked for, since Pillow decodes a PNG to look behind them.
    """
    if "exif" not in file.info:
        return 1
    try:
        return int(file.getexif().get(_ORIENTATION, 1))
    except (SyntaxError, struct.error, ValueError, TypeError, LookupError, OSError):
        # The pixels are whole, and so is the image.
        return 1


def _upright(file: Image) -> Image:
    """An image as it is looked at: cameras store what they see, and say how they were held."""
    from PIL.ImageOps import exif_transpose

    return file if _orientation(file) == 1 else exif_transpose(file)


def decodes(path: Path) -> None:
    """Decode an image and forget it: a JPEG at an eighth of its size, which reads all of the file and takes less time.

    Raises `TrainError` that names the file.
    """
    _opened(path, _load)


def _load(file: Image) -> None:
    file.draft(file.mode, (max(1, file.width // 8), max(1, file.height // 8)))
    file.load()


def _opened(path: Path, read: Callable[[Image], T]) -> T:
    """What is read of an image file. Raises `TrainError` that names it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            return read(file)
    except UnidentifiedImageError:
        raise TrainError(f"{path}: it is no image that can be read") from None
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise TrainError(f"{path}: cannot be read: {error}") from None


def image_bytes(image: Image, size: tuple[int, int]) -> torch.Tensor:
    """An image in another size (height, width) as bytes (C, H, W)."""
    return _bytes(_scaled(image, size))


def _scaled(image: Image, size: tuple[int, int], box: tuple[float, float, float, float] | None = None) -> Image:
    """An image, or the part of it within (left, top, right, bottom), in another size (height, width)."""
    from PIL.Image import Resampling

    if box is None and (image.height, image.width) == size:
        return image
    return image.resize((size[1], size[0]), Resampling.BILINEAR, box)


def _bytes(image: Image) -> torch.Tensor:
    import numpy as np

    array = np.array(image)
    return torch.from_numpy(array if array.ndim == 3 else array[..., None]).movedim(-1, 0).contiguous()


# ---------------------------------------------------------------- finding them


def read_images(folder: Path, size: Shape, augment: Augment, seed: int, name: str = "folder") -> Read:
    """`folder/train/CLASS/*.jpg` with `test` or `val` beside it, or `folder/CLASS/*.jpg`, of which a fifth is the test.

    Every header is read. Raises `TrainError` for a class that is missing or empty, and for an image that cannot be read
    or does not fit the network, which takes `size` (H, W, C).
    """
    if not folder.is_dir():
        raise TrainError(f"{folder} is not a folder", "it holds train/CLASS/*.jpg and test/CLASS/*.jpg")
    remarks: list[str] = []
    train_folder = folder / "train"
    if train_folder.is_dir():
        names, train = _classes(train_folder, remarks)
        test_folder = next((folder / name for name in _TEST_NAMES if (folder / name).is_dir()), None)
        if test_folder is None:
            hint = f"it is called {', '.join(_TEST_NAMES[:-1])} or {_TEST_NAMES[-1]}"
            raise TrainError(f"{folder} has a folder train, and none to test with", hint)
        others, test = _classes(test_folder, remarks)
        for missing, place in ((set(names) - set(others), test_folder), (set(others) - set(names), train_folder)):
            if missing:
                raise TrainError(f"{place} has no folder for the class `{min(missing)}`")
    else:
        names, every = _classes(folder, remarks)
        train, test = {}, {}
        for label, paths in every.items():
            if len(paths) < 2:
                raise TrainError(f"{folder / names[label]} has one image, and one to test with is needed beside it")
            count = max(1, len(paths) // _TEST_SHARE)
            order = torch.randperm(len(paths), generator=torch.Generator().manual_seed(seed_of("split", names[label])))
            shuffled = [paths[i] for i in order.tolist()]
            train[label], test[label] = sorted(shuffled[count:]), sorted(shuffled[:count])
        remarks.append("a fifth of each class is the test")
    channels = size[2]
    if channels not in (1, 3):
        raise TrainError(f"{folder}: images have 1 or 3 channels, and the network takes {channels}")
    found = _headers([path for part in (train, test) for paths in part.values() for path in paths])
    _check_modes(found, size, remarks)
    cut, given = _cut(found, size, augment, seed)
    files = [_files(part, channels, cut) for part in (train, test)]
    return Read(name, files[0], files[1], len(names), given, "; ".join(remarks), names, cuts=cut.size is not None)


def _classes(folder: Path, remarks: list[str]) -> tuple[tuple[str, ...], dict[int, list[Path]]]:
    """The names of the classes, sorted, and the images of each."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(folders) < 2:
        hint = f"{folder}/CLASS/*.jpg, or {folder}/train/CLASS/*.jpg" if folder.name != "train" else ""
        raise TrainError(
            f"{folder} has {counted(len(folders), 'folder')}, and each of two classes or more has one", hint
        )
    images: dict[int, list[Path]] = {}
    others = 0
    for label, place in enumerate(folders):
        files = sorted(path for path in place.iterdir() if not path.name.startswith("."))
        images[label] = [path for path in files if path.suffix.lower() in _ENDINGS]
        others += len(files) - len(images[label])
        if not images[label]:
            raise TrainError(f"{place} has no image", f"the names of images end in {', '.join(_ENDINGS)}")
    if others:
        remarks.append(f"{others:,} other files of {folder.name} are left out")
    return tuple(place.name for place in folders), images


def _files(images: dict[int, list[Path]], channels: int, cut: Cut) -> ImageFiles:
    paths = [path for paths in images.values() for path in paths]
    labels = [label for label, paths in images.items() for _ in paths]
    return ImageFiles(paths, torch.tensor(labels), channels, cut)


def _headers(paths: Sequence[Path]) -> dict[Path, _Found]:
    found = each(_header, paths, f"reading the headers of {len(paths):,} images")
    return dict(zip(paths, found, strict=True))


def _header(path: Path) -> _Found:
    def read(file: Image) -> _Found:
        transparent = "A" in file.mode or "transparency" in file.info
        # Of a JPEG of several pictures the first is the photograph.
        animated = file.format == "PNG" and bool(getattr(file, "is_animated", False))
        sides = (file.height, file.width)
        height, width = sides if _orientation(file) <= 4 else sides[::-1]
        return _Found(height, width, file.mode, transparent, animated)

    return _opened(path, read)


def _check_mode(path: Path, mode: str) -> None:
    if mode not in (*_GREY, *_COLOUR):
        raise TrainError(f"{path}: its pixels are `{mode}`, and 8 bits a channel are read")


def _check_modes(found: dict[Path, _Found], size: Shape, remarks: list[str]) -> None:
    for path, header in found.items():
        _check_mode(path, header.mode)
        if size[2] == 1 and header.mode not in _GREY:
            hint = f"input {show_shape((*size[:2], 3))}"
            raise TrainError(f"{path}: it is a colour image, and the network takes one channel", hint)
    grey = sum(header.mode in _GREY for header in found.values())
    if size[2] == 3 and grey:
        remarks.append(f"{grey:,} grey {_are(grey, 'taken as coloured')}")
    transparent = sum(header.transparent for header in found.values())
    if transparent:
        remarks.append(f"{transparent:,} transparent {_are(transparent, 'taken as opaque')}")
    animated = sum(header.animated for header in found.values())
    if animated:
        remarks.append(f"of {animated:,} animated {'image' if animated == 1 else 'images'} the first picture is taken")


def _are(count: int, what: str) -> str:
    return f"image is {what}" if count == 1 else f"images are {what}"


def _cut(found: dict[Path, _Found], size: Shape, augment: Augment, seed: int) -> tuple[Cut, Shape]:
    """How the images are brought to one size, and the size (H, W, C) in which batches of them come."""
    whole = Cut(augment.resize, None, seed=seed)
    sizes = {whole.scaled(header.height, header.width) for header in found.values()}
    if len(sizes) == 1:
        (height, width) = next(iter(sizes))
        return whole, (height, width, size[2])
    window = (augment.resized_crop,) * 2 if augment.resized_crop else augment.crop.size if augment.crop else None
    if window is None:
        first = next(iter(found))
        other = next(path for path in found if whole.scaled(*found[path][:2]) != whole.scaled(*found[first][:2]))
        raise TrainError(
            f"{other} is {found[other].height}x{found[other].width}, and {first} is another size: "
            f"{found[first].height}x{found[first].width}",
            f"train {{ augment resize={size[0]} crop={size[0]} }}, or resized_crop={size[0]}",
        )
    if augment.pad or (augment.crop is not None and augment.crop.padding):
        raise TrainError(
            "images of several sizes are cut, and not padded", f"augment resize={window[0]} crop={window[0]}"
        )
    resize = augment.resize or (min(window) if augment.resized_crop else None)
    cut = Cut(resize, (window[0], window[1]), augment.resized_crop is not None, seed)
    for path, header in found.items():
        height, width = cut.scaled(header.height, header.width)
        if height < window[0] or width < window[1]:
            raise TrainError(
                f"{path} is {header.height}x{header.width}, and cannot be cut to {window[0]}x{window[1]}",
                f"train {{ augment resize={max(window)} }} scales its shorter side",
            )
    return cut, (*window, size[2])
