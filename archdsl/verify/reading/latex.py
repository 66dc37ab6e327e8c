"""Placeholder, written anew."""

from __future__ import annotations

from archdsl.diagnostics import Collector, Source
from archdsl.verify.reading.raw import Document

__all__ = ["read_latex"]


def read_latex(source: Source, found: Collector) -> Document:
    """None yet."""
    return Document()
