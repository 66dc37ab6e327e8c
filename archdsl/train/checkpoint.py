"""A checkpoint: all that a run is at one step, in one safetensors file with a checksum.

In: tensors and a record that JSON can hold. Out: bytes, and back, or `Damaged` for bytes in which anything changed.
Where the files lie is left to `archdsl.train.folder`, what stands in them to the loop.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch

from archdsl.files import safetensors_bytes

__all__ = ["Checkpoint", "Damaged", "decode", "encode"]

_FORMAT: Final = "archdsl checkpoint 1"
_BLANK: Final = "0" * 64


class Damaged(Exception):
    """What is wrong with a file, to be said after its name."""


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and everything else as JSON can hold it."""

    tensors: Mapping[str, torch.Tensor]
    record: Mapping[str, Any]


def encode(checkpoint: Checkpoint) -> bytes:
    """The file: `checksum` is the SHA-256 of all its bytes, those of the checksum itself taken as 64 zeros."""
    record = json.dumps(checkpoint.record, separators=(",", ":"), allow_nan=False)
    remarks = {"archdsl": _FORMAT, "checksum": _BLANK, "record": record}
    content = safetensors_bytes(checkpoint.tensors, remarks)
    digest = hashlib.sha256(content).hexdigest()
    place = content.index(_entry(_BLANK))
    return b"".join((content[:place], _entry(digest), content[place + len(_entry(digest)) :]))


def decode(content: bytes) -> Checkpoint:
    """What `encode` made the bytes of. Raises `Damaged`."""
    from safetensors.torch import load

    end = 8 + int.from_bytes(content[:8], "little")
    if len(content) < 8 or end > len(content):
        raise Damaged("it ends inside its header")
    try:
        remarks = json.loads(content[8:end])["__metadata__"]
        kind, checksum, record = remarks["archdsl"], remarks["checksum"], remarks["record"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Damaged("its header cannot be read") from None
    if kind != _FORMAT or not isinstance(checksum, str) or not isinstance(record, str):
        raise Damaged(f"it is not an {_FORMAT}")
    place = content.find(_entry(checksum), 0, end)
    if place < 0:
        raise Damaged("its header cannot be read")
    digest = hashlib.sha256(content[:place])
    digest.update(_entry(_BLANK))
    digest.update(memoryview(content)[place + len(_entry(checksum)) :])
    if digest.hexdigest() != checksum:
        raise Damaged("its checksum is wrong")
    return Checkpoint(load(content), json.loads(record))


def _entry(checksum: str) -> bytes:
    return f'"checksum":"{checksum}"'.encode()
