"""The language in which neural-network architectures are written down."""

__version__ = "0.1.0"
