"""Which networks of a file a printed name means: `18-layer` is `resnet18`.

In: what a paper calls a network, and the names of a family. Out: the names that it may mean, for the tables to choose
among.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["called", "called_in_results", "parts"]

_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[a-z]+")
_SIZES = {"t": "tiny", "s": "small", "b": "base", "l": "large", "h": "huge"}
"""Letters that stand for sizes in the names of transformers: ViT-Base is `vit_b_16`."""
_ASIDE = re.compile(r"\([^()]*\)")


def called(printed: str, known: Sequence[str], *, exactly: bool = False) -> list[str]:
    """The known names that a printed one means: those that are equal to it but for case and signs, without what stands
    in brackets if need be; else, unless it must be `exactly`, those that have its numbers. None where there is neither.

    >>> called("A-LRN", ["A", "A_LRN"]), called("50-layer", ["resnet18", "resnet50", "resnet50_v1"])
    (['A_LRN'], ['resnet50', 'resnet50_v1'])
    >>> called("DenseNet-121 (k = 32)", ["densenet121", "densenet169"])
    ['densenet121']
    """
    bare = _ASIDE.sub(" ", printed)
    for text in (printed, bare):
        plain = _plain(text)
        equal = [name for name in known if plain and _plain(name) == plain]
        if equal:
            return equal
    numbers = _NUMBER.findall(bare)
    if exactly or not numbers:
        return []
    return [name for name in known if _holds(_NUMBER.findall(name), numbers)]


def called_in_results(printed: str, name: str) -> int | None:
    """How far a network's name is from what a row of results prints: 0 where they are equal but for case and signs,
    None where it cannot be meant.

    The first word is the same, and the name has all numbers that are printed, those in brackets too, and no long word
    that is not; every word that only one of them has is one farther. Where no number is printed, a size is, and it is
    the name's. The tables of papers have others' networks too.

    >>> called_in_results("ViT-Base", "vit_b_16"), called_in_results("ViT-Base", "vit_l_16")
    (1, None)

    >>> called_in_results("DenseNet-BC (L=100, k=12)", "densenet100_k12_bc")
    2
    >>> called_in_results("ResNet-50", "se_resnet50") is None
    True
    """
    if _plain(printed) == _plain(name):
        return 0
    said, own = ([_SIZES.get(word, word) for word in _WORD.findall(text.lower())] for text in (printed, name))
    numbers = _NUMBER.findall(printed)
    sizes = set(_SIZES.values())
    sized = sizes & set(said[1:])
    if not (numbers or sized) or (not numbers and sized != sizes & set(own[1:])):
        return None
    if said[:1] != own[:1] or not _holds(_NUMBER.findall(name), numbers):
        return None
    if any(len(word) > 2 and word not in said for word in own):
        return None
    return 1 + len(set(said) ^ set(own))


def parts(printed: str) -> list[str]:
    """The names of a column about several networks; a comma in brackets parts nothing.

    >>> parts("A, A-LRN"), parts("WRN (28, 10)")
    (['A', 'A-LRN'], ['WRN (28, 10)'])
    """
    found, depth = [""], 0
    for char in printed:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth <= 0:
            found.append("")
        else:
            found[-1] += char
    return [text.strip() for text in found if text.strip()]


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


def _holds(numbers: list[str], wanted: list[str]) -> bool:
    left = list(numbers)
    for number in wanted:
        if number not in left:
            return False
        left.remove(number)
    return True
