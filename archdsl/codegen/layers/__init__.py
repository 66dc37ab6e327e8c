"""Layers that PyTorch lacks: ordinary modules, a family a file, whose source is copied
into generated files."""
