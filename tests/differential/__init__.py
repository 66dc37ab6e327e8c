"""Random networks, written in the language and built in PyTorch by hand, each without knowing of the other."""
