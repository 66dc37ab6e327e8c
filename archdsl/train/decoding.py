"""Image files that are read as they are needed, decoded once before anything is learnt from them.

In: a `Dataset`. Out: nothing, or `TrainError` that names the first file which cannot be decoded. Reading headers is
left to `archdsl.train.images`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from archdsl.files import write_whole
from archdsl.train.dataset import Dataset
from archdsl.train.images import ImageFiles, decodes
from archdsl.train.many import each

__all__ = ["check_images"]


def check_images(data: Dataset) -> None:
    """Decode every image that is streamed; those of a set which has not changed since it was whole are not again.

    That is remembered in the user's cache, by the place, the length and the time of every file. Raises `TrainError`.
    """
    paths = [path for part in (data.train, data.test) if isinstance(part, ImageFiles) for path in part.paths]
    if not paths:
        return
    known = _known(paths)
    if known is not None and known.exists():
        return
    each(decodes, paths, f"checking {len(paths):,} images")
    if known is not None:
        try:
            known.parent.mkdir(parents=True, exist_ok=True)
            write_whole(known, b"")
        except OSError:
            # A cache that takes nothing costs the next run another check, and this one nothing.
            return


def _known(paths: Sequence[Path]) -> Path | None:
    """The file that is there once all of these were whole; None where there is no place for it."""
    digest = hashlib.sha256()
    for path in paths:
        found = path.stat()
        digest.update(f"{path.absolute()}:{found.st_size}:{found.st_mtime_ns}\n".encode())
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a user without a home
        return None
    return cache / "archdsl" / "whole-images" / digest.hexdigest()
