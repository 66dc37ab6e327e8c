"""Images and labels to learn from and to test with.

In: a kind of data with its place, the size that the network takes. Out: a `Dataset`, or `TrainError` naming the file
or the sizes. Random changes to the images are left to `archdsl.train.augment`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from torch.nn import functional

from archdsl.elaborate.recipe_settings import DATA, Augment, Data
from archdsl.ops.base import Shape, show_shape
from archdsl.train.cifar import read_cifar
from archdsl.train.dataset import Dataset, Examples, Prepare, Read, Source
from archdsl.train.digits import read_digits
from archdsl.train.errors import TrainError
from archdsl.train.idx import read_mnist
from archdsl.train.images import ImageFiles, read_images
from archdsl.train.many import each
from archdsl.train.npz import read_npz
from archdsl.train.statistics import with_statistics

__all__ = ["STORES", "load", "parse_data"]

STORES: Final = ("auto", "whole", "stream")
"""Where images are kept: whole in memory (on the device, while it learns), or as they come, by what they take."""
_WHOLE: Final = 2**31
"""Bytes up to which a set is kept whole, unless told."""
_AT_ONCE: Final = 1000
"""Images that are scaled together."""
_DECODED: Final = 50
"""Images that a thread decodes before it takes the next ones."""


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


def load(
    data: Data, size: Shape, classes: int, augment: Augment | None = None, seed: int = 0, store: str = "auto"
) -> Dataset:
    """The data for a network that takes `size`, (H, W, C), and tells `classes` classes apart.

    `load(Data("digits"), (32, 32, 1), 10)` gives 1,437 images (1, 32, 32) to train with and 360 to test with. Of
    `augment`, `resize`, `pad` and `normalize` are done to every batch. Raises `TrainError` for files that are not what
    they should be, for images that do not fit the network, and for labels that it has no output for.
    """
    if len(size) != 3:
        place = data.path or f"`{data.kind}`"
        raise TrainError(f"{place} holds images, and the network takes {show_shape(size)}", "input 32x32x1")
    augment = augment or Augment()
    found = _stored(_resized(_read(data, size, augment, seed), augment), store)
    _check(found, size, classes, augment)
    if found.classes < classes:
        remark = f"{found.classes} classes, and the network tells {classes} apart"
        found = replace(found, remark="; ".join(filter(None, (found.remark, remark))))
    prepare = Prepare(augment.pad or 0)
    if augment.normalize or augment.lighting is not None:
        prepare, remark = with_statistics(found, prepare, augment)
        found = replace(found, remark="; ".join(filter(None, (found.remark, remark))))
    scaled = augment.resized_crop is not None and augment.resize is None
    return Dataset(
        found.name,
        found.train,
        found.test,
        found.classes,
        size,
        found.remark,
        prepare,
        found.names,
        cuts=found.cuts,
        scaled=scaled,
    )


def _read(data: Data, size: Shape, augment: Augment, seed: int) -> Read:
    if data.kind == "digits":
        if data.path is not None:
            raise TrainError(f"`digits` needs no file, and `{data.path}` was given")
        return read_digits(size, augment)
    word = data.kind.replace("_", "-")
    if data.path is None:
        place = "FILE" if data.kind == "npz" else "DIR"
        raise TrainError(f"where `{data.kind}` lies is not said", f"--data {word}:{place}")
    path = Path(data.path)
    match data.kind:
        case "mnist" | "fashion_mnist":
            return read_mnist(data.kind, path)
        case "cifar10" | "cifar100" if not (path / "train").is_dir():
            return read_cifar(data.kind, path)
        case "npz":
            return read_npz(path)
        case _:
            return read_images(path, size, augment, seed, data.kind)


def _resized(found: Read, augment: Augment) -> Read:
    """Arrays with their shorter side brought to `resize`; files are when they are read."""
    if augment.resize is None or not isinstance(found.train, Examples) or not isinstance(found.test, Examples):
        return found
    height, width, channels = found.size
    share = augment.resize / min(height, width)
    sides = (round(height * share), round(width * share))

    def resize(part: Examples) -> Examples:
        made = []
        for images in part.images.split(_AT_ONCE):  # type: ignore[no-untyped-call]
            floats = images.float() / 255 if images.dtype == torch.uint8 else images
            scaled = functional.interpolate(floats, size=sides, mode="bilinear", antialias=True)
            made.append((scaled * 255).round().to(torch.uint8) if images.dtype == torch.uint8 else scaled)
        return replace(part, images=torch.cat(made))

    remark = f"{height}x{width} scaled to {sides[0]}x{sides[1]}"
    return replace(found, train=resize(found.train), test=resize(found.test), size=(*sides, channels), remark=remark)


def _stored(found: Read, store: str) -> Read:
    """Files in memory, where that is asked for or they are small."""
    if not isinstance(found.train, ImageFiles) and store == "stream":
        raise TrainError(f"`{found.name}` is read whole, and cannot be streamed", "class folders of images can be")
    if not isinstance(found.train, ImageFiles) or store == "stream" or found.cuts:
        if store == "whole" and found.cuts:
            raise TrainError("images of several sizes are cut one by one, and not kept whole", "--store stream")
        return found
    height, width, channels = found.size
    if store == "auto" and (len(found.train) + len(found.test)) * height * width * channels > _WHOLE:
        return found

    def decoded(source: Source) -> Examples:
        parts = torch.arange(len(source)).split(_DECODED)  # type: ignore[no-untyped-call]
        images = torch.cat(each(lambda part: source.take(part, None), parts, f"decoding {len(source):,} images"))
        return Examples(images, source.labels, source.identity, source.origins())

    return replace(found, train=decoded(found.train), test=decoded(found.test))


def _check(data: Read, size: Shape, classes: int, augment: Augment) -> None:
    height, width, channels = data.size
    pad = augment.pad or 0
    around = (height + 2 * pad, width + 2 * pad)
    window = (augment.resized_crop,) * 2 if augment.resized_crop else augment.crop.size if augment.crop else around
    cut = (window[0], window[1])
    if not augment.resized_crop and (cut[0] > around[0] or cut[1] > around[1]):
        has = show_shape((*around, channels))
        raise TrainError(f"{_images(data)} are {has}, and cannot be cut to {cut[0]}x{cut[1]}")
    if augment.reflect and augment.crop is not None and augment.crop.padding >= min(around):
        has = show_shape((*around, channels))
        message = f"{_images(data)} are {has}, and have no {augment.crop.padding} pixels to mirror at a border"
        raise TrainError(message, f"augment crop={augment.crop.size[0]}+{min(around) - 1} reflect at most")
    if (*cut, channels) != size:
        has = show_shape((*cut, channels))
        hint = f"--input {has} gives the network that size, if it can take it"
        missing = (size[0] - height, size[1] - width)
        if cut == around and channels == size[2] and missing[0] == missing[1] > 0 and missing[0] % 2 == 0:
            hint = f"train {{ augment pad={missing[0] // 2} }} puts zeros around the images"
        if (*data.size[1:], data.size[0]) == size:
            hint = "the channels of an image come last: transpose(0, 2, 3, 1)"
        came = "" if cut == (height, width) else f", {show_shape(data.size)} before `augment`"
        raise TrainError(f"{_images(data)} are {has}{came}, and the network takes {show_shape(size)}", hint)
    for part in (data.train, data.test):
        largest = int(part.labels.max())
        if largest >= classes:
            hint = "give the network an output a class: --set classes=…, if it has that parameter"
            where = _labels_of(part, int((part.labels == largest).nonzero()[0, 0])) or f"`{data.name}`"
            raise TrainError(f"{where} has the label {largest}, and the network tells {classes} classes apart", hint)
    missing_class = (data.train.labels.bincount(minlength=data.classes) == 0).nonzero()
    if len(missing_class):
        files = list(dict.fromkeys(origin.labels for origin in data.train.origins())) or [f"`{data.name}`"]
        where = files[0] if len(files) == 1 else f"{files[0]} to {Path(files[-1]).name}"
        raise TrainError(f"{where}: there is no image of class {int(missing_class[0, 0])} to learn from")


def _images(data: Read) -> str:
    """The images to learn from, by their file or the first of them, for the beginning of a sentence."""
    origins = data.train.origins()
    if not origins:
        return f"the images of `{data.name}`"
    return f"the images of {origins[0].images}" + (" and the others" if len(origins) > 1 else "")


def _labels_of(part: Source, number: int) -> str:
    """The file in which the label of an example stands; nothing for none."""
    for origin in part.origins():
        number -= origin.count
        if number < 0:
            return origin.labels
    return ""
