"""Images and labels to learn from and to test with, and what is done to all of them alike.

In: nothing. Out: the types that every reader of data gives. Reading is left to `archdsl.train.data`, random changes to
`archdsl.train.augment`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch.nn import functional

from archdsl.ops.base import Shape

__all__ = ["Dataset", "Examples", "Origin", "Prepare", "Read", "Source", "centre"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where so many examples, one after the other, come from: the files of their images and of their labels."""

    count: int
    images: str
    labels: str


class Source(Protocol):
    """Images and labels that can be taken by their numbers."""

    @property
    def labels(self) -> torch.Tensor:
        """The labels (N,), int64."""

    def __len__(self) -> int: ...

    @property
    def identity(self) -> bytes:
        """What tells these examples from others."""

    def take(self, indices: torch.Tensor, epoch: int | None) -> torch.Tensor:
        """The images (n, C, H, W), uint8 or float32 of 0 to 1; `epoch` is None for a test, else decides the cuts."""

    def origins(self) -> tuple[Origin, ...]:
        """Where the examples come from, in their order; nothing where that is no file."""


@dataclass(frozen=True)
class Examples:
    """Images (N, C, H, W), uint8 or float32 of 0 to 1, and labels (N,), int64, in memory.

    `origin` is the identity of the files that they were decoded from, if they were; `files` are all that they come
    from.
    """

    images: torch.Tensor
    labels: torch.Tensor
    origin: bytes = b""
    files: tuple[Origin, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def identity(self) -> bytes:
        """Every label and every pixel, digested, or that of the files."""
        if self.origin:
            return self.origin
        digest = hashlib.sha256(self.labels.cpu().numpy().tobytes())
        digest.update(self.images.cpu().contiguous().view(torch.uint8).numpy().data)
        return digest.digest()

    def take(self, indices: torch.Tensor, epoch: int | None) -> torch.Tensor:
        """Some of them, as they are."""
        return self.images.index_select(0, indices)  # on the CPU twenty times as fast as `images[indices]`

    def origins(self) -> tuple[Origin, ...]:
        """The files that they come from."""
        return self.files

    def to(self, device: torch.device) -> Examples:
        """The same on a device."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))


@dataclass(frozen=True)
class Read:
    """What a reader found: images of `size` (H, W, C), as the files have them, or as the source cuts them (`cuts`)."""

    name: str
    train: Source
    test: Source
    classes: int
    size: Shape
    remark: str = ""
    names: tuple[str, ...] = ()
    cuts: bool = False


@dataclass(frozen=True)
class Prepare:
    """What is done to every batch, of training and test: `pad` zeros around, one mean and deviation a channel.

    `components` (3, 3) are those of the colours of the training images, for `augment lighting`: an eigenvector of their
    covariance in each column, times its eigenvalue.
    """

    pad: int = 0
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    components: tuple[tuple[float, ...], ...] = ()

    def floats(self, images: torch.Tensor) -> torch.Tensor:
        """Bytes (N, C, H, W) as float32 of 0 to 1, padded."""
        if images.dtype == torch.uint8:
            images = images.float() / 255
        return functional.pad(images, (self.pad,) * 4) if self.pad else images

    def normalised(self, images: torch.Tensor) -> torch.Tensor:
        """Float images with the mean taken off, divided by the deviation; as they are where none was computed."""
        if not self.mean:
            return images
        told = torch.tensor([self.mean, self.deviation])[..., None, None]
        mean, deviation = told.to(images.device, non_blocking=True).unbind()
        return (images - mean) / deviation


def centre(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The middle (N, C, height, width) of larger images."""
    top, left = (images.shape[-2] - height) // 2, (images.shape[-1] - width) // 2
    return images[..., top : top + height, left : left + width]


@dataclass(frozen=True)
class Dataset:
    """What is learnt from and tested with; images are `size` (H, W, C) when they reach the network.

    `remark` says what was done to them when they were read; `names` are those of the classes, where they have any;
    `cuts` says that the source has done the crop of the recipe; `scaled` that test images are brought to `size` by
    their shorter side.
    """

    name: str
    train: Source
    test: Source
    classes: int
    size: Shape
    remark: str = ""
    prepare: Prepare = field(default_factory=Prepare)
    names: tuple[str, ...] = ()
    cuts: bool = False
    scaled: bool = False

    def tested(self, images: torch.Tensor) -> torch.Tensor:
        """A batch from `test.take` as the network takes it: padded, its middle, normalised."""
        images = self.prepare.floats(images)
        height, width = self.size[:2]
        if self.scaled and images.shape[-2:] != (height, width):
            share = max(height / images.shape[-2], width / images.shape[-1])
            sides = (max(round(images.shape[-2] * share), height), max(round(images.shape[-1] * share), width))
            images = functional.interpolate(images, size=sides, mode="bilinear", antialias=True)
        if images.shape[-2:] != (height, width):
            images = centre(images, height, width)
        return self.prepare.normalised(images)
