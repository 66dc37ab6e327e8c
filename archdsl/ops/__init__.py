"""The layers of the language, one class each, a family a file.

In: bound arguments and sizes. Out: sizes, weights, arithmetic, receptive-field steps, PyTorch lines.
"""
