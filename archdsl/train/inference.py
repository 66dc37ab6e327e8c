"""What trained networks say of images: probabilities, averaged over networks and mirrored images.

In: modules, batches or image files. Out: probabilities, scores, guesses. Opening runs is left to
`archdsl.train.trained`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import nn
from torch.nn import functional

from archdsl.elaborate.recipe_learning import BinaryCrossEntropy, Criterion, CrossEntropy
from archdsl.elaborate.recipe_settings import Augment
from archdsl.ops.base import Shape
from archdsl.train.dataset import Prepare, centre
from archdsl.train.errors import TrainError
from archdsl.train.feed import Batch
from archdsl.train.images import Cut, image_bytes, read_image
from archdsl.train.learner import outputs
from archdsl.train.machine import Machine

__all__ = ["Answers", "Score", "answers", "class_name", "prepared_images", "probabilities", "score"]

_TOP: Final = 5


@torch.no_grad()
def probabilities(
    modules: Sequence[nn.Module], images: torch.Tensor, criterion: Criterion, machine: Machine, *, flip: bool = False
) -> torch.Tensor:
    """The probabilities (N, classes) of images (N, C, H, W), the mean over the modules, and over each image and its
    mirror with `flip`.

    For the binary cross entropy they are one an output, for the squared error the outputs themselves; a single output,
    that of label 1, stands behind what is left to label 0.
    """
    views = (images, images.flip(-1)) if flip else (images,)
    found = []
    for module in modules:
        for view in views:
            with machine.autocast():
                output = outputs(module(machine.placed(view)))[0].float()
            found.append(_probability(criterion, output))
    return torch.stack(found).mean(0)


def _probability(criterion: Criterion, output: torch.Tensor) -> torch.Tensor:
    if isinstance(criterion, CrossEntropy):
        return output.softmax(1)
    sure = output.sigmoid() if isinstance(criterion, BinaryCrossEntropy) else output
    return torch.cat([1 - sure, sure], dim=1) if sure.shape[1] == 1 else sure


@dataclass(frozen=True)
class Answers:
    """Probabilities (N, classes) and labels (N,), on the CPU, and by what the networks learned to give them."""

    probabilities: torch.Tensor
    labels: torch.Tensor
    criterion: Criterion

    @property
    def guesses(self) -> torch.Tensor:
        """The likeliest class (N,) of every image."""
        return self.probabilities.argmax(1)

    def loss(self) -> float:
        """The mean over the images of what the networks learned to make small."""
        if isinstance(self.criterion, CrossEntropy):
            given = self.probabilities.gather(1, self.labels[:, None]).clamp(min=1e-12)
            return float(-given.log().mean())
        target = functional.one_hot(self.labels, self.probabilities.shape[1]).to(self.probabilities.dtype)
        if isinstance(self.criterion, BinaryCrossEntropy):
            return float(functional.binary_cross_entropy(self.probabilities, target))
        return float(functional.mse_loss(self.probabilities, target))

    def confusion(self) -> torch.Tensor:
        """How often a class (row) was taken for a class (column): (classes, classes)."""
        classes = self.probabilities.shape[1]
        return (self.labels * classes + self.guesses).bincount(minlength=classes * classes).reshape(classes, classes)


def answers(
    modules: Sequence[nn.Module], batches: Iterable[Batch], criterion: Criterion, machine: Machine, *, flip: bool
) -> Answers:
    """What the modules together say of a test set."""
    made, labels = [], []
    for batch in batches:
        made.append(probabilities(modules, batch.images, criterion, machine, flip=flip).cpu())
        labels.append(batch.labels.cpu())
    return Answers(torch.cat(made), torch.cat(labels), criterion)


@dataclass(frozen=True)
class Score:
    """Of so many images: the share that is right, that which is right among the first five, the mean loss.

    `top5` is None where there are five classes or fewer; `loss` is that of the recipe: for cross entropy -ln of the
    probability of the label.
    """

    images: int
    accuracy: float
    top5: float | None
    loss: float


def score(found: Answers) -> Score:
    """How good answers are."""
    count, classes = found.probabilities.shape
    right = int((found.guesses == found.labels).sum())
    among = found.probabilities.topk(min(_TOP, classes), dim=1).indices == found.labels[:, None]
    top5 = int(among.any(1).sum()) / count if classes > _TOP else None
    return Score(count, right / count, top5, found.loss())


def prepared_images(
    paths: Sequence[Path],
    size: Shape,
    augment: Augment | None,
    prepare: Prepare,
    remark: Callable[[str], None] | None = None,
) -> torch.Tensor:
    """Image files as a network of `size` (H, W, C) takes them (N, C, H, W): scaled and cut as in its test.

    `remark` is told of images whose colours the network does not take.

    Raises `TrainError` for a file that cannot be read.
    """
    height, width, channels = size
    if channels not in (1, 3):
        raise TrainError(f"images have 1 or 3 channels, and the network takes {channels}")
    augment = augment or Augment()
    inner = (height - 2 * prepare.pad, width - 2 * prepare.pad)
    made = []
    for path in paths:
        image = read_image(path, channels, remark)
        wanted = augment.resize
        if wanted is None and (image.height, image.width) != inner:
            # The image just covers what the network takes.
            share = max(inner[0] / image.height, inner[1] / image.width)
            wanted = max(1, round(min(image.height, image.width) * share))
        scaled = Cut(wanted, None).scaled(image.height, image.width)
        sides = (max(scaled[0], inner[0]), max(scaled[1], inner[1]))
        pixels = centre(image_bytes(image, sides)[None], *inner)
        made.append(prepare.normalised(prepare.floats(pixels)))
    return torch.cat(made)


def class_name(names: Sequence[str], label: int) -> str:
    """The name of a class, or its number."""
    return names[label] if label < len(names) else str(label)
