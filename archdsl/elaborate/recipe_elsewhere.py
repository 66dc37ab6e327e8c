"""What PyTorch, Keras and papers call the words of a recipe.

In: a word that is unknown where it stands. Out: the word that was meant, or a sentence that says where it belongs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from archdsl.elaborate.recipe_learning import LOSSES, OPTIMIZERS, SCHEDULES
from archdsl.elaborate.recipe_settings import SETTINGS, OptionsForm

__all__ = ["belongs", "meant"]

_WORDS: Final = {
    "lr": "learning_rate learningrate base_lr",
    "weight_decay": "wd decay weightdecay",
    "momentum": "beta",
    "factor": "gamma decay_rate",
    "at": "milestones epochs steps",
    "every": "step_size decay_steps",
    "warmup": "warmup_epochs",
    "final": "eta_min min_lr end",
    "k": "la_steps sync_period",
    "alpha": "la_alpha slow_step slow_step_size",
    "step": "multistep multisteplr steplr",
    "plateau": "reducelronplateau reduce_on_plateau",
    "cosine": "cosineannealing cosineannealinglr cosinedecay",
    "exponential": "exponentiallr exponentialdecay",
    "polynomial": "poly polynomialdecay",
    "triangular": "onecycle onecyclelr cyclic",
    "cross_entropy": "categorical_crossentropy sparse_categorical_crossentropy softmax nll crossentropyloss",
    "binary_cross_entropy": "bce binary_crossentropy bcewithlogits bceloss",
    "mse": "l2 mseloss mean_squared_error",
    "he_normal": "kaiming_normal kaiming he msra",
    "he_uniform": "kaiming_uniform",
    "xavier_uniform": "xavier glorot",
    "normal": "gaussian",
    "flip": "horizontal_flip random_flip hflip mirror",
    "crop": "random_crop randomcrop",
    "resized_crop": "random_resized_crop randomresizedcrop",
    "rotate": "rotation random_rotation",
    "jitter": "color_jitter colorjitter",
    "seed": "random_seed",
    "batch": "batch_size batchsize",
    "epochs": "num_epochs max_epochs",
    "accumulate": "accumulation grad_accumulation accumulate_grad_batches",
    "schedule": "scheduler lr_schedule lr_scheduler",
    "clip": "gradient_clip clip_grad grad_clip gradient_clipping",
}
_MEANT: Final = {other: word for word, others in _WORDS.items() for other in others.split()}


def meant(name: str, known: Collection[str]) -> str | None:
    """The known word that a word of others' stands for, or that it is but for capitals.

    >>> meant("SGD", ["sgd", "adam"]), meant("learning_rate", ["lr"])
    ('sgd', 'lr')
    """
    lower = name.lower()
    found = _MEANT.get(lower)
    return found if found in known else lower if lower in known else None


def belongs(name: str) -> str:
    """Where a word belongs that is no setting but an option of one, or nothing.

    >>> belongs("learning_rate")
    '`lr` is an option of the optimizer: optimizer sgd lr=…'
    """
    word = _MEANT.get(name.lower(), name.lower())
    for name_of, entries in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES), ("loss", LOSSES)):
        kind = next((kind for kind in entries if word in entries[kind].options), None)
        if kind is not None:
            return f"`{word}` is an option of the {name_of}: {name_of} {kind} {word}=…"
    for setting in SETTINGS.values():
        if isinstance(setting.form, OptionsForm) and word in setting.form.entry.options:
            return f"`{word}` is an option of `{setting.name}`: {setting.example}"
    return ""
