"""Layers as papers print them in a cell: `7x7, 64, stride 2`, `[3x3, 64; 3x3, 64] x2`, `conv3-64 conv3-64`.

In: a cell's text. Out: layers and groups of them, in order; or why there are none. One pass over the tokens. What the
layers are in a network is left to the judging.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archdsl.verify.reading.groups import Groups, NoLayers, turns
from archdsl.verify.reading.kinds import (
    BLOCKS,
    CLASSES,
    COUNT_WORDS,
    FILLERS,
    NUMBERED_WORDS,
    POOLS,
    WEIGHTLESS,
    labelled,
    longest_kind,
)
from archdsl.verify.reading.partial import Partial, attribute_of, glued, rate
from archdsl.verify.reading.text import misread, plain
from archdsl.verify.reading.tokens import Cursor, Token
from archdsl.verify.table import Group, Said

__all__ = ["NoLayers", "layers"]

_SMALLEST_WIDTH = 16  # `fc6` is the sixth, `fc1000` has a thousand outputs


def layers(text: str, symbols: Mapping[str, int], kind: str | None = None) -> tuple[Said | Group, ...]:
    """The layers of a cell.

    >>> [(one.kernel, one.filters, one.stride) for one in layers("7x7, 64, stride 2", {})]
    [((7, 7), 64, (2,))]

    `symbols` are letters with a value, for `x N`; `kind` is what the row calls the layer where the cell does not.
    Raises `NoLayers` with the reason.
    """
    found = _Phrase(plain(text), symbols, kind).read()
    if len(found) == 2 and text.count(" (") == 1 and text.endswith(")"):
        first, second = found
        if isinstance(first, Said) and isinstance(second, Said) and first == replace(second, text=first.text):
            return (replace(first, text=text),)  # Keras' `conv2d (Conv2D)`: a name and its type
    return found


class _Phrase(Cursor):
    def __init__(self, text: str, symbols: Mapping[str, int], kind: str | None) -> None:
        super().__init__(text)
        self._symbols, self._kind = symbols, kind
        self._now = Partial()
        self._groups = Groups()
        self._times = 1  # how often the next layer or group is applied: `2 × [...]`
        self._comma = False
        """Whether a comma stands behind what was read last."""

    def read(self) -> tuple[Said | Group, ...]:
        while not self.done:
            token = self.token()
            if token.kind == "number":
                self._number(token)
            elif token.kind == "mixed":
                self._mixed(token)
            elif token.kind == "word":
                self._word(token)
            else:
                self._sign(token.text)
        self._flush()
        return self._groups.finish()

    # ------------------------------------------------------------ what is being built

    def _take(self, count: int = 1) -> None:
        """Count so many tokens to the layer that is being read."""
        first = self.tokens[self.at]
        last = self.tokens[min(self.at + count, len(self.tokens)) - 1]
        self._now.touch(first.start, last.end)
        self.at += count
        self._comma = False

    def _flush(self, times: int = 1) -> None:
        """End the layer that is being read."""
        self._comma = False
        if not self._now.empty:
            said = self._now.said(self.text, self._kind)
            self._now = Partial()
            times, self._times = times * self._times, 1
            self._groups.add(said, times)

    # ------------------------------------------------------------ numbers

    def _number(self, token: Token) -> None:
        sides = self.sides()
        if self.said(1) == "%":
            self._now.rate = rate(token.text + "%")
            self._take(2)
        elif len(sides) > 1:
            self._window(sides)
        elif self.said(1) in ("×", "x", "X") and self.said(2) and not self.clings(1):
            self._product(token)
        elif self.said(1) == "-" and self.said(2).lower() in COUNT_WORDS:
            self._filters(token.whole, 3)
        elif self.said(1).lower() in COUNT_WORDS:
            self._filters(token.whole, 2)
        else:
            self._lone(token)

    def _window(self, sides: tuple[int, ...]) -> None:
        """A window: of the layer that is being read, or of a new one where that has its own or takes none."""
        kind = self._now.kind
        if self._now.kernel is not None or (kind in WEIGHTLESS and kind not in POOLS):
            self._flush()
        if len(sides) > 4:
            raise NoLayers("a window has more than four sides")
        if len(sides) == 4:
            self._now.kernel, self._now.filters = sides[:2], sides[3]
            self._now.pairs.append(("in", str(sides[2])))
        else:
            self._now.kernel = sides
        self._take(2 * len(sides) - 1)

    def _product(self, token: Token) -> None:
        """`16×k` is a number of filters; `2 × [...]` and `2 × conv3-64` say how often."""
        following = self.said(2)
        if len(following) == 1 and following.isalpha():
            self._now.filters = f"{token.text}×{following}"
            return self._take(3)
        if token.whole is None:
            raise NoLayers(f"`{token.text[:20]} ×` does not say how often")
        self._flush()
        self._times = turns(self._times * token.whole)
        self.at += 2
        return None

    def _filters(self, value: int | None, count: int) -> None:
        """A number that says what it counts: `1000-d`, `96 filters`."""
        if value is None:
            raise NoLayers("a number of channels is no whole number")
        if self._now.kind in WEIGHTLESS or self._now.filters is not None:
            self._flush()
        self._now.filters = value
        self._take(count)

    def _lone(self, token: Token) -> None:
        """A number by itself, which means what the layer lacks."""
        now, value = self._now, token.whole
        if now.kind == "dropout" and now.rate is None and rate(token.text) is not None:
            now.rate = rate(token.text)
        elif value is None:
            now.words.append(token.text)
        elif now.label is None and (now.kind in BLOCKS or self.said(-1).lower() in NUMBERED_WORDS):
            now.label = token.text
        elif now.kind in ("maxpool", "avgpool", "pool") and now.kernel is None:
            now.kernel = (value,)
        elif now.filters is None and now.kind not in WEIGHTLESS:
            now.filters = value
        else:
            now.words.append(token.text)
        self._take()

    def _mixed(self, token: Token) -> None:
        """`3a` is a label, `1000d` a number of outputs; `1O00` is neither."""
        if len(token.text) > 2 and (meant := misread(token.text)) is not None:
            raise NoLayers(f"`{token.text}` has a letter among its digits: {meant}?")
        digits = token.text[: len(token.text) - len(token.text.lstrip("0123456789"))]
        if token.text[len(digits) :].lower() in COUNT_WORDS and len(digits) <= 9 and self._now.kind not in BLOCKS:
            return self._filters(int(digits), 1)
        if self._now.label is None and len(token.text) <= 8:
            self._now.label = token.text
        else:
            self._now.words.append(token.text)
        return self._take()

    # ------------------------------------------------------------ words

    def _word(self, token: Token) -> None:
        if self.said(1) == "=":
            return self._pair(token)
        if self._attribute(token):
            return None
        kind, count = longest_kind(self.words())
        if kind is not None and len(token.text) > 1:
            return self._layer(token, kind, self.spent(count))
        return self._other(token)

    def _pair(self, token: Token) -> None:
        """`name=value`; a value in brackets goes to the closing one, any other to a blank, a comma, a semicolon."""
        start = at = self.at + 2
        opened = self.said(2) in ("(", "[")
        while at < len(self.tokens):
            text, before = self.tokens[at].text, self.tokens[at - 1]
            if opened and text in (")", "]"):
                at += 1
                break
            near = before.end == self.tokens[at].start or "×" in (text, before.text)
            if not opened and at > start and (text in (",", ";", ")", "]") or not near):
                break
            at += 1
        if at == start:
            raise NoLayers(f"`{token.text[:20]}=` has no value")
        value = self.text[self.tokens[start].start : self.tokens[at - 1].end]
        if len(value) > 40:
            raise NoLayers(f"the value of `{token.text[:20]}` is too long")
        self._now.pairs.append((token.text, value))
        self._take(at - self.at)

    def _attribute(self, token: Token) -> bool:
        """`stride 2`, `pad 1`, `s2`, `same`: said in words; whether it is one."""
        word = token.text.lower()
        if word in ("same", "valid"):
            self._now.pairs.append(("padding", word))
            self._take(2 if self.said(1).lower() in ("padding", "pad") else 1)
            return True
        known = self.said(-1) == "/" or self._now.kernel is not None or self._now.kind is not None
        if (close := glued(word, short=known)) is not None:
            sides = self.said(1) == "×" and self.whole(2) is not None and self.token(1).start == token.end
            self._now.pairs.append((close[0], f"{close[1]}×{self.said(2)}" if sides else close[1]))
            self._take(3 if sides else 1)
            return True
        attribute = attribute_of(word, "conv") if len(word) > 1 or not word.isascii() else ""
        if attribute not in ("stride", "padding", "groups", "kernel", "filters"):
            return False
        offset = 1
        while self.said(offset).lower() in ("of", "=", ":", "size", "is", "为"):
            offset += 1
        if self.said(offset).lower() in ("same", "valid") and attribute == "padding":
            self._now.pairs.append((attribute, self.said(offset).lower()))
            self._take(offset + 1)
            return True
        return self._valued(attribute, offset)

    def _valued(self, attribute: str, offset: int) -> bool:
        """The value behind an attribute's name: `2`, `2×2`, `(2, 2)`; whether there is one."""
        bracket = self.said(offset) == "("
        first = last = offset + bracket
        if self.whole(first) is None:
            return False
        joints = ("×", ",") if bracket else ("×",)
        while self.said(last + 1) in joints and self.whole(last + 2) is not None:
            last += 2
        value = self.between(first, last)
        self._now.pairs.append((attribute, value))
        self._take(last + 1 + (bracket and self.said(last + 1) == ")"))
        return True

    def _layer(self, token: Token, kind: str, count: int) -> None:
        """The name of a layer: of the one that is being read, or of the next."""
        now = self._now
        if now.kind == kind == "input":
            # `input (224×224 RGB image)` is one.
            return self._take(count)
        twice = now.label is not None and now.kind == kind and self.said(-1) == "("
        after = self._comma and kind in WEIGHTLESS and now.filters is not None
        if (now.kind is not None and not twice) or after:
            self._flush()
        self._now.kind = kind
        if "_" in token.text and self._now.label is None:
            self._now.label = token.text
        self._take(count)
        number = self.whole(1)
        if self.said() != "-" or number is None or not self._single(1):
            return None
        # `FC-4096`; after a tool's class name, `Linear-20`, the number is the layer's.
        if token.text in CLASSES or kind in WEIGHTLESS:
            self._now.label = f"{token.text}-{number}"
        else:
            self._now.filters = number
        return self._take(2)

    def _other(self, token: Token) -> None:
        """A word with a number (`conv3-64`, `conv2_x`, `fc6`), a filler, or a name that is none of ours."""
        numbered = labelled(token.text)
        digits = token.text.lstrip("kK") if len(token.text) < 4 else ""
        if digits.isdecimal() and self.said(1) == "×" and self.whole(2) is not None:
            self._now.kernel = (int(digits), self.whole(2) or 0)
            self._take(3)
        elif numbered is not None:
            self._numbered(token, *numbered)
        elif token.text.lower() in FILLERS:
            self.at += 1
        elif self.said(1) == "-" and self.said(2)[:1].isdecimal() and self._now.label is None:
            self._now.label = self.between(0, 2)
            self._take(3)
        else:
            self._now.words.append(token.text)
            self._take()

    def _single(self, offset: int) -> bool:
        """Whether a number begins no window: `64`, and `64 ×2`, but not `7x7`."""
        return self.said(offset + 1) != "×" or self.clings(offset + 1)

    def _numbered(self, token: Token, kind: str | None, number: str) -> None:
        if self._now.kind is not None or (self._now.kernel is not None and self._comma):
            self._flush()
        now = self._now
        now.kind = kind
        short = number.isdecimal() and len(number) <= 9
        if self.said(1) == "×" and self.whole(2) is not None and short and not self.clings(1):
            now.kernel = (int(number), self.whole(2) or 0)
            return self._take(3)
        dashed = self.said(1) == "-" and self.whole(2) is not None and self._single(2)
        if kind == "conv" and dashed and short and len(number) <= 2:
            now.kernel, now.filters = (int(number),), self.whole(2)
            return self._take(3)
        if kind in ("conv", "fc") and short and int(number) >= _SMALLEST_WIDTH:
            now.filters = int(number)
        else:
            now.label = token.text
        if dashed:
            now.filters = self.whole(2)
        return self._take(3 if dashed else 1)

    # ------------------------------------------------------------ signs

    def _sign(self, sign: str) -> None:
        if sign == "[":
            self._open()
        elif sign == "(":
            self._bracket()
        elif sign in ("]", ")"):
            self._close(square=sign == "]")
        elif sign == "×":
            times = self._turns(1)
            self.at += 2
            if self._now.empty:
                self._groups.repeat(times)
            else:
                self._flush(times)
        elif sign == "/" and self.whole(1) is not None:
            self._stride()
        elif sign == ":" and self.whole(1) is not None and self.said(2) == "-" and self.whole(3) is not None:
            # torchinfo: `Conv2d: 2-1`.
            self._now.label = f"{self.said(1)}-{self.said(3)}"
            self._take(4)
        else:
            self.at += 1
            if self._parts(sign):
                self._flush()
            self._comma = self._comma or sign == ","

    def _parts(self, sign: str) -> bool:
        """Whether the next layer begins behind a sign; a semicolon does not part `f=11; s=4`."""
        if sign == "/":
            return self._now.kind is not None and longest_kind(self.words())[1] > 0
        return sign in ("+", "->", "&", "|") or (sign == ";" and self.said(1) != "=")

    def _open(self) -> None:
        """`[`: a group; after `fc`, `[16, 256]` are the widths of two of them."""
        first, last = self.whole(1), self.whole(3)
        if self._now.kind == "fc" and first and last and self.said(2) == "," and self.said(4) == "]":
            self._now.filters = first
            self._take(3)
            self._flush()
            self._now.kind, self._now.filters = "fc", last
            return self._take(2)
        times, self._times = self._times, 1
        self._flush()
        self._groups.open(True, times)
        self.at += 1
        return None

    def _bracket(self) -> None:
        """`(`: `(×96)` is a number of filters, anything else goes on; `(...) × 2` is a group."""
        if self.said(1) == "×" and self.whole(2) is not None and self.said(3) == ")" and not self._now.empty:
            self._now.filters = self.whole(2)
            return self._take(4)
        self._groups.open(False, 1)
        self.at += 1
        return None

    def _close(self, *, square: bool) -> None:
        if not self._groups.closes(square):
            raise NoLayers(f"`{']' if square else ')'}` closes no bracket")
        self.at += 1
        times = 1
        if self.said().lower() in ("×", "*", "x"):
            times = self._turns(1)
            self.at += 2
        if square or times != 1:
            self._flush()
        self._groups.close(times)

    def _turns(self, offset: int) -> int:
        """How often: a number, or a letter that has a value."""
        text, value = self.said(offset), self.whole(offset)
        value = self._symbols.get(text) if value is None else value
        if value is None:
            raise NoLayers(f"how often, `{text[:20]}`, is no number; `let: {text[:10] or 'N'}=…` gives it one")
        return turns(value)

    def _stride(self) -> None:
        """`7x7/2`, `conv, /2`, `pool/2x2`."""
        if self._now.stride is not None:
            raise NoLayers("a layer has two strides")
        self._now.stride = self.sides(1)
        self._take(2 * len(self._now.stride))
