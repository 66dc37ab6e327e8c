"""Modules of tables as `.arch` text: residual units from their convolutions, modules from the widths of their branches.

In: kernels and widths as printed. Out: calls of the standard blocks where one is it, else the layers written out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from archdsl.verify.figures import reading, square
from archdsl.verify.table import Number, Said

__all__ = ["FROM_PARAMETERS", "RESPONSE", "branch_words", "module", "residual", "response", "windows"]

RESPONSE = {
    "n": "size",
    "size": "size",
    "k": "k",
    "a": "alpha",
    "alpha": "alpha",
    "α": "alpha",
    "b": "beta",
    "beta": "beta",
    "β": "beta",
}
"""What papers call the arguments of local response normalisation, and the language's names."""
_USUAL = {"beta": Decimal("0.75"), "k": Decimal(1), "alpha": Decimal("0.0001")}
_DIGITS = 12
_INCEPTION = ("1x1", "3x3 reduce", "3x3", "5x5 reduce", "5x5", "pool proj")


FROM_PARAMETERS = ", from its parameters"
"""What is assumed of a window that is not printed."""
_SIDES = (1, 3, 5, 7, 2, 4, 6, 9, 11, 13)


def windows(params: Number, entering: int, filters: int, rank: int) -> Iterator[tuple[int, bool]]:
    """The sides that an unprinted window can have, the usual ones first, and whether it has biases, by its parameters.

    >>> list(windows(Number("2416", Decimal(2416), Decimal(1)), 6, 16, 2))  # 5*5*6*16 + 16
    [(5, True)]
    """
    for biases in (True, False):
        for side in _SIDES:
            if reading(params, side**rank * entering * filters + biases * filters) in ("exact", "rounded"):
                yield side, biases


def residual(
    convolutions: Sequence[Said], filters: Sequence[str], times: int, stride: int, *, early: bool
) -> tuple[str, tuple[str, ...]]:
    """So many residual units, the first with the stride, and the definition of their block where it is no standard one.

    >>> residual([Said("3x3, 128", kernel=(3, 3))] * 2, ["128", "128"], 2, 2, early=True)
    ('basic<128, s=2> -> basic<128>', ())
    """
    kernels = [square(one.kernel or (1,)) for one in convolutions]
    groups = [one.groups or 1 for one in convolutions]
    name, arguments, blocks = _unit(kernels, filters, groups, early=early)
    rest = f"{name}<{', '.join(arguments)}>" if arguments else name
    if stride == 1:
        return (rest if times == 1 else f"{rest} x{times}"), blocks
    first = f"{name}<{', '.join([*arguments, f's={stride}'])}>"
    tail = "" if times == 1 else f" -> {rest}" if times == 2 else f" -> {rest} x{times - 1}"
    return first + tail, blocks


def _unit(
    kernels: Sequence[tuple[int, ...]], filters: Sequence[str], groups: Sequence[int], *, early: bool
) -> tuple[str, list[str], tuple[str, ...]]:
    plain = all(number == 1 for number in groups)
    if list(kernels) == [(3,), (3,)] and filters[0] == filters[1] and plain:
        return "basic", [filters[0]], ()
    numbers = [int(one) if one.isdigit() else 0 for one in filters]
    if list(kernels) == [(1,), (3,), (1,)] and numbers[0] and numbers[0] == numbers[1]:
        if numbers[2] == 4 * numbers[0] and plain:
            return ("bottleneck_v1" if early else "bottleneck"), [filters[0]], ()
        if numbers[2] % 4 == 0 and groups[0] == groups[2] == 1:
            inner = [f"inner={filters[0]}"] + ([f"groups={groups[1]}"] if groups[1] != 1 else [])
            return "bottleneck", [str(numbers[2] // 4), *inner], ()
    return _own(kernels, filters, groups)


def _own(
    kernels: Sequence[tuple[int, ...]], filters: Sequence[str], groups: Sequence[int]
) -> tuple[str, list[str], tuple[str, ...]]:
    """A residual unit that is none of the standard blocks, as a block of its own."""
    name = "unit_" + "_".join(
        f"{'x'.join(map(str, kernel))}_{width}" for kernel, width in zip(kernels, filters, strict=True)
    )
    body = []
    for at, (kernel, width, parts) in enumerate(zip(kernels, filters, groups, strict=True)):
        sides = "x".join(map(str, kernel if len(kernel) > 1 else kernel * 2))
        halves = [side // 2 for side in kernel]
        padding = f"+{'x'.join(map(str, halves))}" if any(halves) else ""
        split = f" groups={parts}" if parts != 1 else ""
        body.append(f"conv {sides}{'/s' if at == 0 else ''}{padding} {width}{split} bias=false -> bn")
    layers = " -> relu -> ".join(body)
    return name, [], (f"block {name}<s=1> = residual<\n    {layers}\n  | project<{filters[-1]}, s>> -> relu",)


def module(kind: str, widths: Mapping[str, int]) -> tuple[str, tuple[str, ...]] | None:
    """A module with the widths of its branches, and its definition where no standard block is it.

    None where a width is not understood. `1x1 squeeze` 16, `1x1 expand` 64, `3x3 expand` 64 is `fire<16, 64, 64>`, with
    `block fire<s1, e1, e3> = conv 1x1 s1 -> relu -> concat<conv 1x1 e1 -> relu | conv 3x3+1 e3 -> relu>`.
    """
    by = {" ".join(branch_words(detail)): width for detail, width in widths.items()}
    if set(by) == set(_INCEPTION):
        return f"inception<{', '.join(str(by[name]) for name in _INCEPTION)}>", ()
    parameters: dict[str, int] = {}
    head = ""
    reduces: dict[str, str] = {}
    branches: list[str] = []
    for words, width in by.items():
        kernel = next((word for word in words.split() if "x" in word and word.replace("x", "").isdigit()), "")
        rest = set(words.split()) - {kernel}
        name = "".join(word[0] for word in words.split() if word != kernel and word != "reduce") or "n"
        name = f"{'r' if 'reduce' in rest else ''}{name}{kernel.partition('x')[0]}"
        if name in parameters:
            return None
        parameters[name] = width
        key = f"double {kernel}" if "double" in rest else kernel
        if "squeeze" in rest and not head:
            head = f"{_conv(kernel or '1x1', name)} -> "
        elif "reduce" in rest and kernel:
            reduces[key] = name
        elif rest & {"pool", "proj"}:
            branches.append(f"maxpool 3/1+1 -> {_conv('1x1', name)}")
        elif kernel and rest <= {"expand", "double"}:
            before = f"{_conv('1x1', reduces.pop(key))} -> " if key in reduces else ""
            twice = f"{_conv(kernel, name)} -> " if "double" in rest else ""
            branches.append(before + twice + _conv(kernel, name))
        else:
            return None
    if reduces or not branches:
        return None
    own = re.sub(r"\W", "_", kind, flags=re.ASCII)
    # A name of its own for each set of branches, and none that a standard block has.
    own = own if own not in ("inception",) and own.strip("_") else f"module_{'_'.join(parameters)}"
    body = head + (f"concat<{' | '.join(branches)}>" if len(branches) > 1 else branches[0])
    return f"{own}<{', '.join(map(str, by.values()))}>", (f"block {own}<{', '.join(parameters)}> = {body}",)


def _conv(kernel: str, width: str) -> str:
    halves = [int(side) // 2 for side in kernel.split("x")]
    padding = "" if not any(halves) else f"+{halves[0]}" if len(set(halves)) == 1 else f"+{'x'.join(map(str, halves))}"
    return f"conv {kernel}{padding} {width} -> relu"


def branch_words(detail: str) -> list[str]:
    """The words that name a branch, its kernel first.

    >>> branch_words("#3x3 reduce"), branch_words("s1x1"), branch_words("pool projection")
    (['3x3', 'reduce'], ['1x1', 'squeeze'], ['pool', 'proj'])
    """
    words = detail.lower().replace("×", "x").replace("#", " ").replace("_", " ").split()
    short = re.fullmatch(r"([se])(\d+x\d+)", words[0]) if len(words) == 1 else None
    if short is not None:
        return [short[2], "squeeze" if short[1] == "s" else "expand"]
    return ["proj" if word == "projection" else word for word in words]


def response(said: Said) -> tuple[str, tuple[str, ...]]:
    """Local response normalisation, and what was assumed: papers do not divide alpha by the number of channels, the
    language does, as PyTorch.

    >>> response(Said("n=5; a=1e-4; k=2", "lrn", extra=(("n", "5"), ("a", "1e-4"), ("k", "2"))))[0]
    'lrn 5 alpha=5e-4 k=2'

    Raises `ArithmeticError` for what is no number.
    """
    given = {RESPONSE[name.lower()]: Decimal(text) for name, text in said.extra if name.lower() in RESPONSE}
    if not all(value.is_finite() and abs(value.adjusted()) < _DIGITS for value in given.values()):
        raise ArithmeticError
    size = given.pop("size", Decimal(5))
    assumed: tuple[str, ...] = () if given else ("lrn over 5 channels with alpha 1e-4, beta 0.75, k 1",)
    if "alpha" in given:
        shown = _number(given["alpha"])
        given["alpha"] *= size
        assumed = (f"alpha is {shown} times {size}, since papers do not divide it by the {size} channels",)
    shown = "".join(f" {name}={_number(value)}" for name, value in given.items() if value != _USUAL.get(name))
    return f"lrn {size.normalize():f}{shown}", assumed


def _number(value: Decimal) -> str:
    shown = f"{value.normalize():f}"
    if abs(value) >= Decimal("0.01"):
        return shown
    mantissa, _, exponent = f"{value.normalize():E}".partition("E")
    return f"{mantissa}e{int(exponent)}"
