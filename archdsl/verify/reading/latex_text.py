"""Placeholder, written anew with the reader of LaTeX."""

from __future__ import annotations

__all__ = ["unwrapped"]


def unwrapped(text: str) -> str:
    """A formula without its commands."""
    return text.replace("\\times", "×").replace("{", "").replace("}", "")
