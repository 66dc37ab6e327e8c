"""Files that are whole or not there, whatever happens while they are written.

In: a path, bytes. Out: the file in its place. What stands in it is left to the callers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch

__all__ = ["TEMPORARY", "remove_leftovers", "safetensors_bytes", "write_whole"]

TEMPORARY: Final = ".unfinished"
"""How the name of a file ends while it is written."""


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place in one step: written beside it, flushed to the disk, renamed, the folder flushed.

    So nobody ever reads half of it, and after a loss of power it is the old one or the new one. Raises `OSError`, and
    leaves nothing beside the file then.
    """
    beside = path.with_name(f".{path.name}{TEMPORARY}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Flush the names in a folder, without which a rename may be lost with the power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove what a process that was killed inside `write_whole` left in a folder."""
    for path in folder.glob(f".*{TEMPORARY}"):
        path.unlink(missing_ok=True)


def safetensors_bytes(tensors: Mapping[str, torch.Tensor], remarks: Mapping[str, str]) -> bytes:
    """A safetensors file; equal tensors and remarks give equal bytes.

    The library writes the remarks in another order every time. The file begins with the length of a JSON header, 8
    bytes, little-endian; the header may end in spaces, and the tensors stand behind it, at offsets that count from
    there.
    """
    import json

    from safetensors.torch import save

    # A copy each, since the format has no two names for one memory.
    plain = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    content = save(plain, metadata={"format": "pt", **remarks})
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((len(text).to_bytes(8, "little"), text, content[end:]))
