"""Layers as papers print them in a cell: `7x7, 64, stride 2`, `[3x3, 64; 3x3, 64] x2`, `conv3-64 conv3-64`.

In: a cell's text. Out: layers and groups of them, in order; or why there are none. One pass over the tokens, brackets on
a stack of its own. What the layers are in a network is left to the judging.
"""

from __future__ import annotations

from collections.abc import Mapping

from archdsl import limits
from archdsl.verify.reading.kinds import BLOCKS, POOLS, WEIGHTLESS, labelled, longest_kind
from archdsl.verify.reading.partial import Partial, attribute_of, rate
from archdsl.verify.reading.text import plain
from archdsl.verify.reading.tokens import Token, tokens
from archdsl.verify.table import Group, Said

__all__ = ["NoLayers", "layers"]

_COUNTED = frozenset(
    "d dim dims way unit units neuron neurons filter filters kernel kernels map maps channel channels output outputs"
    " feature features 维 个 通道 output_channels dimensional hidden nodes classes class".split()
)
_FILLERS = frozenset(
    "of the a an with and by size layer layers x 层 followed then to each from using per tree at".split()
)
_JOINTS = frozenset({"+", "->", "&", "|"})
_CLASSES = frozenset(
    {"Conv2d", "Linear", "BatchNorm2d", "ReLU", "MaxPool2d", "AvgPool2d", "Dropout", "AdaptiveAvgPool2d"}
)
"""Names after which tools print `-1`, a number of the layer."""


class NoLayers(ValueError):
    """Why a text names no layers."""


def layers(text: str, symbols: Mapping[str, int], kind: str | None = None) -> tuple[Said | Group, ...]:
    """The layers of a cell.

    >>> [(one.kernel, one.filters, one.stride) for one in layers("7x7, 64, stride 2", {})]
    [((7, 7), 64, (2,))]

    `symbols` are letters with a value, for `x N`; `kind` is what the row calls the layer where the cell does not. Raises
    `NoLayers` with the reason.
    """
    return _Phrase(plain(text), symbols, kind).read()


class _Phrase:
    def __init__(self, text: str, symbols: Mapping[str, int], kind: str | None) -> None:
        self._text, self._symbols, self._kind = text, symbols, kind
        self._tokens = tokens(text)
        self._at = 0
        self._now = Partial()
        self._stack: list[tuple[list[Said | Group], int, str]] = []
        self._items: list[Said | Group] = []
        self._times = 1
        """How often the next layer or group is applied: `2 × [...]`."""
        self._comma = False

    def read(self) -> tuple[Said | Group, ...]:
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind == "number":
                self._number(token)
            elif token.kind == "mixed":
                self._mixed(token)
            elif token.kind == "word":
                self._word(token)
            else:
                self._sign(token)
        if any(opened == "[" for _, _, opened in self._stack):
            raise NoLayers("a bracket is not closed")
        self._flush()
        if not self._items:
            raise NoLayers("it names no layer")
        return tuple(self._items)

    # ------------------------------------------------------------ looking ahead

    def _next(self, offset: int = 0) -> str:
        at = self._at + offset
        return self._tokens[at].text if at < len(self._tokens) else ""

    def _whole(self, offset: int = 0) -> int | None:
        at = self._at + offset
        return self._tokens[at].whole if at < len(self._tokens) else None

    # ------------------------------------------------------------ what is being built

    def _flush(self, times: int = 1) -> None:
        """End the layer that is being read."""
        self._comma = False
        if self._now.empty:
            return
        said = self._now.said(self._text, self._kind)
        self._now = Partial()
        times, self._times = times * self._times, 1
        self._items.append(said if times == 1 else Group((said,), times))

    def _touch(self, token: Token, count: int = 1) -> None:
        last = self._tokens[min(self._at + count, len(self._tokens)) - 1]
        self._now.touch(token.start, last.end)
        self._at += count
        self._comma = False

    # ------------------------------------------------------------ numbers

    def _number(self, token: Token) -> None:
        if self._next(1) == "%":
            self._now.rate = rate(token.text + "%")
            return self._touch(token, 2)
        sides = self._window()
        if len(sides) > 1:
            return self._kernel(token, sides)
        if self._next(1) == "×" and self._at + 2 < len(self._tokens) and not self._apart(1):
            return self._product(token)
        if self._next(1) == "-" and self._next(2).lower() in _COUNTED:
            return self._filters(token, 3)
        if self._next(1).lower() in _COUNTED:
            return self._filters(token, 2)
        return self._plain(token)

    def _window(self) -> list[int]:
        sides: list[int] = []
        offset = 0
        while (side := self._whole(offset)) is not None and len(sides) < 5:
            sides.append(side)
            if self._next(offset + 1) != "×" or self._apart(offset + 1):
                break
            offset += 2
        return sides

    def _apart(self, offset: int) -> bool:
        """Whether `×` clings to what follows only, `conv-64 ×2`: it says how often."""
        around = self._tokens[self._at + offset - 1 : self._at + offset + 2]
        return len(around) == 3 and around[0].end < around[1].start and around[1].end == around[2].start

    def _kernel(self, token: Token, sides: list[int]) -> None:
        """A window: of the layer that is being read, or of a new one where that has its own or takes none."""
        kind = self._now.kind
        if self._now.kernel is not None or (kind in WEIGHTLESS and kind not in POOLS):
            self._flush()
        if len(sides) > 4:
            raise NoLayers("a window has more than four sides")
        if len(sides) == 4:
            self._now.kernel, self._now.filters = tuple(sides[:2]), sides[3]
            self._now.pairs.append(("in", str(sides[2])))
        else:
            self._now.kernel = tuple(sides)
        self._touch(token, 2 * len(sides) - 1)

    def _product(self, token: Token) -> None:
        """`16×k` is a number of filters; `2 × [...]` and `2 × conv3-64` say how often."""
        following = self._next(2)
        if len(following) == 1 and following.isalpha():
            self._now.filters = f"{token.text}×{following}"
            return self._touch(token, 3)
        times = token.whole
        if times is None or times < 1:
            raise NoLayers(f"`{token.text} ×` does not say how often")
        self._flush()
        self._times *= self._turns(times)
        self._at += 2
        return None

    def _filters(self, token: Token, count: int) -> None:
        """A number that says what it counts: `1000-d`, `96 filters`."""
        if self._now.kind in WEIGHTLESS or self._now.filters is not None:
            self._flush()
        self._now.filters = token.whole if token.whole is not None else token.text
        self._touch(token, count)

    def _plain(self, token: Token) -> None:
        now = self._now
        value = token.whole
        if now.kind == "dropout" and now.rate is None and rate(token.text) is not None:
            now.rate = rate(token.text)
        elif value is None:
            now.words.append(token.text)
        elif now.kind in BLOCKS and now.label is None:
            now.label = token.text
        elif now.kind in ("maxpool", "avgpool", "pool") and now.kernel is None:
            now.kernel = (value,)
        elif now.filters is None and now.kind not in WEIGHTLESS:
            now.filters = value
        else:
            now.words.append(token.text)
        self._touch(token)

    def _mixed(self, token: Token) -> None:
        """`3a` is a label, `1000d` a number of outputs, `x2` is read before."""
        digits = token.text[: len(token.text) - len(token.text.lstrip("0123456789"))]
        unit = token.text[len(digits) :].lower()
        if unit in _COUNTED and len(digits) <= 9 and self._now.kind not in BLOCKS:
            if self._now.kind in WEIGHTLESS or self._now.filters is not None:
                self._flush()
            self._now.filters = int(digits)
        elif self._now.label is None and len(token.text) <= 8:
            self._now.label = token.text
        else:
            self._now.words.append(token.text)
        self._touch(token)

    # ------------------------------------------------------------ words

    def _word(self, token: Token) -> None:
        if self._next(1) in ("=", ":") and self._tokens[self._at + 1].text == "=":
            return self._pair(token)
        kind, count = longest_kind(self._words())
        if kind is not None and count == 1 and len(token.text) == 1:
            kind = None
        if self._attribute(token):
            return None
        if kind is not None:
            return self._layer(token, kind, self._spent(count))
        return self._other(token)

    def _words(self) -> list[str]:
        """The words from here on, a hyphen between them counting as a blank."""
        found: list[str] = []
        at = self._at
        while at < len(self._tokens) and len(found) < 6 and self._tokens[at].kind == "word":
            found.append(self._tokens[at].text)
            at += 1
            if at + 1 < len(self._tokens) and self._tokens[at].text in "-_" and self._tokens[at + 1].kind == "word":
                at += 1
        return found

    def _spent(self, count: int) -> int:
        """How many tokens so many words are, hyphens with them."""
        at = self._at
        while count:
            count -= self._tokens[at].kind == "word"
            at += 1
        return at - self._at

    def _pair(self, token: Token) -> None:
        """`name=value`; a value in brackets goes to the closing one."""
        at = self._at + 2
        opened = at < len(self._tokens) and self._tokens[at].text in ("(", "[")
        start = at
        while at < len(self._tokens):
            text = self._tokens[at].text
            if opened and text in (")", "]"):
                at += 1
                break
            if not opened and at > start:
                close = self._tokens[at].start == self._tokens[at - 1].end
                if text in (",", ";", ")", "]") or not (close or text == "×" or self._tokens[at - 1].text == "×"):
                    break
            at += 1
        if at == start:
            raise NoLayers(f"`{token.text}=` has no value")
        value = self._text[self._tokens[start].start : self._tokens[at - 1].end]
        if value.lower() in ("same", "valid") or len(value) <= 40:
            self._now.pairs.append((token.text, value))
        else:
            raise NoLayers(f"the value of `{token.text}` is too long")
        self._touch(token, at - self._at)

    def _attribute(self, token: Token) -> bool:
        """`stride 2`, `pad 1`, `s2`, `same`: said in words; whether it is one."""
        word = token.text.lower()
        if word in ("same", "valid"):
            paired = self._next(1).lower() in ("padding", "pad")
            self._now.same = word == "same"
            if word == "valid":
                self._now.padding = (0,)
            self._touch(token, 2 if paired else 1)
            return True
        if (
            len(word) in (2, 3)
            and word[0] in "sp"
            and word[1:].isdigit()
            and (self._stroke() or self._now.kernel or self._now.kind)
        ):
            name, value = ("stride" if word[0] == "s" else "padding"), word[1:]
            self._now.pairs.append((name, value))
            self._touch(token)
            return True
        attribute = attribute_of(word, "conv") if len(word) > 1 or not word.isascii() else ""
        if attribute not in ("stride", "padding", "groups", "kernel", "filters"):
            return False
        offset = 1
        while self._next(offset).lower() in ("of", "=", ":", "size", "is"):
            offset += 1
        if self._next(offset).lower() in ("same", "valid") and attribute == "padding":
            self._now.pairs.append((word, self._next(offset)))
            self._touch(token, offset + 1)
            return True
        first = offset + (self._next(offset) == "(")
        if self._whole(first) is None:
            return False
        last = first
        while (
            self._next(last + 1) in ("×", ",")
            and self._whole(last + 2) is not None
            and (first > offset or self._next(last + 1) == "×")
        ):
            last += 2
        value = self._text[self._tokens[self._at + first].start : self._tokens[self._at + last].end]
        self._now.pairs.append((attribute, value))
        self._touch(token, last + 1 + (first > offset and self._next(last + 1) == ")"))
        return True

    def _stroke(self) -> bool:
        return self._at > 0 and self._tokens[self._at - 1].text == "/"

    def _layer(self, token: Token, kind: str, count: int) -> None:
        """The name of a layer: of the one that is being read, or of the next."""
        now = self._now
        if now.kind == kind == "input":
            # `input (224 × 224 RGB image)` is one.
            now.words.append(token.text)
            return self._touch(token, count)
        done = now.kind is not None or (self._comma and kind in WEIGHTLESS and now.filters is not None)
        if done and not (now.label is not None and now.kind == kind and now.kernel is None and self._opened()):
            self._flush()
        self._now.kind = kind
        tool = token.text in _CLASSES
        self._touch(token, count)
        if self._next() == "-" and self._whole(1) is not None and self._next(2) != "×":
            self._dashed(token, kind, self._whole(1), tool)

    def _opened(self) -> bool:
        """Whether the word stands behind an opening bracket: `conv2d_1 (Conv2D)` is one layer."""
        return self._at > 0 and self._tokens[self._at - 1].text == "("

    def _dashed(self, token: Token, kind: str, number: int | None, tool: bool) -> None:
        """`FC-4096`; after a tool's class name, `Linear-20`, the number is the layer's."""
        if tool or kind in WEIGHTLESS:
            self._now.label = f"{token.text}-{number}"
        else:
            self._now.filters = number
        self._touch(token, 2)

    def _other(self, token: Token) -> None:
        """A word with a number in it (`conv3-64`, `conv2_x`, `fc6`, `fire2`), a filler, or a name that is none of ours."""
        numbered = labelled(token.text)
        if numbered is None:
            if token.text.lower() not in _FILLERS:
                self._now.words.append(token.text)
                self._touch(token)
            else:
                self._at += 1
            return
        kind, number = numbered
        if self._now.kind is not None or (self._now.kernel is not None and self._comma):
            self._flush()
        self._now.kind = kind
        dashed = self._next(1) == "-" and self._whole(2) is not None and self._next(3) != "×"
        if kind == "conv" and dashed and number.isdigit() and len(number) <= 2:
            self._now.kernel, self._now.filters = (int(number),), self._whole(2)
            return self._touch(token, 3)
        if kind in ("conv", "fc") and number.isdigit() and 16 <= int(number[:9]) and len(number) <= 9:
            self._now.filters = int(number)
        else:
            self._now.label = token.text
        self._touch(token)
        if dashed:
            self._now.filters = self._whole(1)
            self._touch(token, 2)
        return None

    # ------------------------------------------------------------ signs

    def _sign(self, token: Token) -> None:
        sign = token.text
        if sign == "[":
            self._open()
        elif sign == "(":
            self._stack.append((self._items, len(self._items), "("))
            self._deep()
            self._at += 1
        elif sign in ("]", ")"):
            self._close(sign)
        elif sign == "×":
            self._repeat()
        elif sign == "/" and self._whole(1) is not None:
            self._stride(token)
        elif sign == "@":
            self._at += 1
        elif sign == ";":
            self._semicolon()
        elif sign in _JOINTS or (sign == "/" and self._tokens[self._at].text == "/" and self._slash()):
            self._flush()
            self._at += 1
        else:
            self._comma = self._comma or sign == ","
            self._at += 1

    def _slash(self) -> bool:
        """Whether a stroke parts two layers: `conv/relu`, not `Conv / s2`."""
        following = self._next(1).lower()
        return bool(longest_kind([following])[0]) and len(following) > 1 and self._now.kind is not None

    def _deep(self) -> None:
        if len(self._stack) > limits.CELL_NESTING:
            raise NoLayers(f"brackets are more than {limits.CELL_NESTING} deep")

    def _open(self) -> None:
        """`[`: a group; after `fc`, `[16, 256]` are the widths of two of them."""
        first, last = self._whole(1), self._whole(3)
        if (
            self._now.kind == "fc"
            and first is not None
            and self._next(2) == ","
            and last is not None
            and self._next(4) == "]"
        ):
            start = self._tokens[self._at]
            self._now.filters = first
            self._touch(start, 3)
            self._flush()
            self._now.kind, self._now.filters = "fc", last
            self._touch(self._tokens[self._at], 2)
            return
        times, self._times = self._times, 1
        self._flush()
        self._stack.append((self._items, times, "["))
        self._items = []
        self._deep()
        self._at += 1

    def _close(self, sign: str) -> None:
        if not self._stack or (self._stack[-1][2] == "[") != (sign == "]"):
            raise NoLayers(f"`{sign}` closes no bracket")
        outer, number, opened = self._stack.pop()
        self._at += 1
        times = self._following()
        if opened == "(":
            if times != 1:
                self._flush()
                inner = tuple(self._items[number:])
                del self._items[number:]
                if inner:
                    self._items.append(Group(inner, times))
            return
        self._flush()
        inner, self._items = tuple(self._items), outer
        if not inner:
            raise NoLayers("there is nothing between brackets")
        self._items.append(Group(inner, self._turns(times * number)))

    def _following(self) -> int:
        """The `× 6` behind a bracket; 1 where there is none."""
        if self._next() not in ("×", "*") and self._next().lower() != "x":
            return 1
        turns = self._turns_of(1)
        self._at += 2
        return turns

    def _repeat(self) -> None:
        """`× 2` behind a layer."""
        turns = self._turns_of(1)
        self._at += 2
        if self._now.empty and self._items:
            last = self._items.pop()
            self._items.append(
                Group((last,), turns) if isinstance(last, Said) else Group(last.items, self._turns(last.times * turns))
            )
        elif self._now.empty:
            raise NoLayers("`×` stands behind nothing")
        else:
            self._flush(turns)

    def _turns_of(self, offset: int) -> int:
        text = self._next(offset)
        value = self._whole(offset)
        if value is None:
            value = self._symbols.get(text)
        if value is None:
            raise NoLayers(f"how often, `{text}`, is no number; `let: {text[:10] or 'N'}=…` gives it one")
        return self._turns(value)

    def _turns(self, times: int) -> int:
        if not 1 <= times <= limits.REPEATS:
            raise NoLayers(f"{times:,} times is not between 1 and {limits.REPEATS:,}")
        return times

    def _stride(self, token: Token) -> None:
        """`7x7/2`, `conv, /2`, `pool/2x2`."""
        self._at += 1
        sides = self._window()
        self._at -= 1
        if self._now.stride is not None:
            raise NoLayers("a layer has two strides")
        self._now.stride = tuple(sides)
        self._touch(token, 2 * len(sides))

    def _semicolon(self) -> None:
        """Another layer, but for `f=11; s=4`, which goes on."""
        self._at += 1
        goes_on = self._next(1) == "=" or not self._next()
        if not goes_on:
            self._flush()
