"""Pickled files of plain values and arrays of bytes, read without ever calling what they name.

In: the bytes of a file, as CIFAR's python layout has them. Out: dictionaries, lists, numbers, texts and `Bytes`, or
`TrainError` that names the file. Anything else in it is refused: a pickle can name any function and have it called.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archdsl.train.errors import TrainError

__all__ = ["Bytes", "read_pickle"]


@dataclass(frozen=True)
class Bytes:
    """An array of bytes: its shape, its values in the order of C."""

    shape: tuple[int, ...]
    content: bytes


def read_pickle(path: Path, content: bytes) -> Any:
    """What was pickled. Raises `TrainError` for all but plain values and NumPy arrays of uint8."""
    try:
        return _plain(_Unpickler(io.BytesIO(content), encoding="bytes").load())
    except _Refused as refused:
        raise TrainError(f"{path}: {refused}", "the binary layout of the same data needs no pickle") from None
    except (
        pickle.UnpicklingError,
        struct.error,
        ArithmeticError,
        AttributeError,
        EOFError,
        ImportError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise TrainError(f"{path}: cannot be read as a pickled dictionary: {error}") from None


class _Refused(Exception):
    """What such a file must not hold."""


class _Array:
    """Stands for a NumPy array while it is read."""

    def __init__(self) -> None:
        self.shape: Any = None
        self.type: Any = None
        self.fortran: Any = None
        self.content: Any = None

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.type, self.fortran, self.content = state


class _Type:
    """Stands for the type of its elements."""

    def __init__(self, name: Any, *_: Any) -> None:
        self.name = name.decode("ascii", "replace") if isinstance(name, bytes) else name

    def __setstate__(self, state: Any) -> None:
        return


class _Name:
    """Stands for the class of arrays, which is named and never called."""


def _array(*_: Any) -> _Array:
    return _Array()


def _encode(text: Any, encoding: Any) -> bytes:
    """`_codecs.encode(text, "latin1")`, as Python 3 writes bytes for Python 2."""
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise _Refused("it has text in an encoding that is not latin1")
    return text.encode("latin1")


_STANDS_FOR = {
    ("numpy.core.multiarray", "_reconstruct"): _array,
    ("numpy._core.multiarray", "_reconstruct"): _array,
    ("numpy", "ndarray"): _Name,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = _STANDS_FOR.get((module, name))
        if found is None:
            raise _Refused(f"it names `{module}.{name}`, and what a file names is never called")
        return found

    def persistent_load(self, pid: Any) -> Any:
        raise _Refused("it refers to something outside of itself")


def _plain(value: Any) -> Any:
    """The same with the arrays as `Bytes`; the containers are of one level, as CIFAR's are."""
    if isinstance(value, dict):
        return {key: _plain_array(part) if isinstance(part, _Array) else part for key, part in value.items()}
    return value


def _plain_array(array: _Array) -> Bytes:
    shape, content = array.shape, array.content
    if not isinstance(array.type, _Type) or array.type.name not in ("u1", "|u1"):
        raise _Refused("it has an array that is not of bytes")
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise _Refused("it has an array without a shape")
    if not isinstance(content, bytes) or array.fortran or len(content) != math.prod(shape):
        raise _Refused("it has an array whose bytes do not fill its shape")
    return Bytes(shape, content)
