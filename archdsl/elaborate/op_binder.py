"""An op's operands, bound to the arguments of its signature.

In: the operands of the tree, and the `default` statements before them. Out: an op instance; every mistake in them is
reported before `Poisoned` is raised. Arguments of blocks are left to `archdsl.elaborate.parameter_binder`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NoReturn

from archdsl.diagnostics import Collector, Note, Span, nearest
from archdsl.elaborate.blame import given
from archdsl.elaborate.call_hints import enter_hint, tensors_in
from archdsl.elaborate.evaluator import Evaluator
from archdsl.elaborate.values import DimsValue, Poisoned, Scope, Value, count, describe, show
from archdsl.ops.arguments import Arg, Extent, Window
from archdsl.ops.base import Op
from archdsl.syntax import tree

__all__ = ["OpBinder", "default_of", "report_doubled", "takes"]


class OpBinder:
    """Binds ops within one run; one whose written arguments are all the same values is made once."""

    def __init__(self, evaluator: Evaluator, found: Collector) -> None:
        self._evaluator = evaluator
        self._found = found
        self._made: dict[object, Op] = {}

    def op(
        self,
        kind: type[Op],
        operands: Sequence[tree.Operand],
        scope: Scope,
        span: Span,
        defaults: Sequence[tuple[tree.Default, Scope]],
    ) -> Op:
        """The op with its arguments. Raises `Poisoned` after reporting what is wrong with them."""
        written = _Written(kind, self._found, span, operands)
        failed = False
        for operand in operands:
            try:
                self._operand(kind, operand, scope, written)
            except Poisoned:
                failed = True
        for default, home in reversed(defaults):
            for operand in default.operands:
                try:
                    self._default(kind, operand, home, written)
                except Poisoned:
                    failed = True
        missing = [arg.name for arg in kind.arguments.values() if arg.required and arg.name not in written.values]
        if missing and not failed:
            names = " and ".join(f"`{kind.arguments[name].show or name}`" for name in missing)
            hint = _joined(kind, operands, missing) or f"write: {kind.signature()}"
            self._found.error("missing-argument", f"`{kind.name}` needs {names}", span, hint=hint)
            failed = True
        if failed:
            raise Poisoned
        key = (kind, tuple((name, type(value), value) for name, value in written.values.items()))
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._make(kind, written, span)
        return made

    def _operand(self, kind: type[Op], operand: tree.Operand, scope: Scope, written: _Written) -> None:
        value = operand.value
        if operand.key is not None:
            name = operand.key.name
            arg = kind.arguments.get(name)
            if arg is None or arg.kind == "window":
                raise self._unknown(kind, name, operand.key.span, arg, value.span.text, written.operands)
            written.put(arg, self._read(kind, arg, value, scope), operand.span)
            return
        flag = default_of(kind, operand)
        if flag is not None:
            written.put(flag, True, operand.span)
            return
        arg = written.next_position(isinstance(value, tree.Geometry))
        if arg is None:
            if not written.overfull:  # what stands behind the first word too many belongs to it
                self._too_many(kind, operand, scope, written.operands)
            written.overfull = True
            raise Poisoned
        written.put(arg, self._read(kind, arg, value, scope), operand.span)

    def _default(self, kind: type[Op], operand: tree.Operand, scope: Scope, written: _Written) -> None:
        """An argument of a `default` statement, which gives way to every argument that is written."""
        arg = self._defaulted(kind, operand)
        if arg.name in written.values:
            return
        value = self._default_value(kind, arg, operand, scope)
        padded = any(isinstance(v, Window) and v.padding is not None for v in written.values.values())
        if value is True and (written.rival(arg) or (arg.pads and padded)):
            return
        written.put(arg, value, operand.span)

    def _defaulted(self, kind: type[Op], operand: tree.Operand) -> Arg:
        """The argument that an operand of a `default` is about."""
        arg = default_of(kind, operand)
        if operand.key is not None and (arg is None or arg.kind == "window"):
            raise self._unknown(kind, operand.key.name, operand.key.span, arg, operand.value.span.text)
        if arg is None:
            self._found.error(
                "unknown-argument",
                "`default` sets named arguments and flags",
                operand.span,
                hint=f"write: default {kind.name} name=value; the signature is {kind.signature()}",
            )
            raise Poisoned
        return arg

    def _default_value(self, kind: type[Op], arg: Arg, operand: tree.Operand, scope: Scope) -> Value:
        return True if operand.key is None else self._read(kind, arg, operand.value, scope)

    def check_default(self, kind: type[Op], default: tree.Default, home: Scope) -> None:
        """Report what is wrong with a `default` statement itself."""
        written = _Written(kind, self._found, default.span)
        for operand in default.operands:
            with suppress(Poisoned):
                arg = self._defaulted(kind, operand)
                value = self._default_value(kind, arg, operand, home)
                written.put(arg, value, operand.span)
                rival = written.rival(arg)
                if value is True and rival:
                    self._exclusive(kind, arg.name, rival, operand.span)

    def _unknown(
        self,
        kind: type[Op],
        name: str,
        span: Span,
        arg: Arg | None,
        value: str,
        operands: Sequence[tree.Operand] = (),
    ) -> Poisoned:
        if arg is not None:
            how = f"the geometry is written {arg.show}"
            self._found.error("unknown-argument", f"`{kind.name}` has no `{name}=`", span, hint=how)
            return Poisoned()
        from archdsl.ops.elsewhere import argument_elsewhere, rewritten

        close = nearest(name, kind.arguments)
        hint = f"did you mean `{close}`? " if close else ""
        bare = [" ".join(each.value.span.text.split()) for each in operands if each.key is None]
        named = {each.key.name: " ".join(each.value.span.text.split()) for each in operands if each.key is not None}
        elsewhere = argument_elsewhere(kind, name, value, rewritten(kind, bare, named))
        hint = f"{elsewhere.removesuffix('?')}{'? ' if elsewhere.endswith('?') else '; '}" if elsewhere else hint
        self._found.error(
            "unknown-argument",
            f"`{kind.name}` has no argument `{name}`",
            span,
            hint=f"{hint}its signature is {kind.signature()}",
        )
        return Poisoned()

    def _too_many(self, kind: type[Op], operand: tree.Operand, scope: Scope, operands: Sequence[tree.Operand]) -> None:
        from archdsl.ops.elsewhere import argument_elsewhere, surplus_hint, word_hint

        value = operand.value
        hint = f"its signature is {kind.signature()}"
        if isinstance(value, tree.Name):
            flags = [arg.name for arg in kind.arguments.values() if arg.kind == "flag"]
            close = nearest(value.name.lower(), flags)
            if value.name.lower() == "valid" and "same" in flags:
                hint = f"no padding is what is meant where none is written: leave it out; {hint}"
            elif close:
                hint = f"did you mean `{close}`? {hint}"
            elif self._evaluator.is_layer(value, scope):
                hint = f"a layer follows behind an arrow: -> {value.name}"
            elif value.name == "x":
                hint = "a repeat is written without a space, x3, and a computed one x(n)"
            elif setting := _setting(kind, value.name):
                hint = f"write {setting}; {hint}"
            elif elsewhere := argument_elsewhere(kind, value.name, "…") or word_hint(value.name, None):
                hint = f"{elsewhere}; {hint}"
            elif value.name == "expect":
                hint = "a claim has a line of its own: expect params 61_706"
            message = f"`{kind.name}` has no flag `{value.name}`, and no place left for a value"
        elif isinstance(value, tree.Geometry):
            message = f"`{kind.name}` takes no geometry here"
            if not any(arg.kind == "window" for arg in kind.arguments.values()):
                hint = f"a computed value stands in parentheses: write ({value.span.text}); {hint}"
            if any(arg.kind == "window" for arg in kind.arguments.values()):
                hint = f"the window comes first: write {kind.name} {value.span.text} …; {hint}"
        else:
            message = f"`{kind.name}` takes no further argument"
            hint = surplus_hint(kind, value.value if isinstance(value, tree.String) else "") + hint
            if tensors := tensors_in(operand):
                others = [" ".join(each.span.text.split()) for each in operands if each is not operand]
                hint = enter_hint(kind.name, kind.arity, tensors, others)
        self._found.error("unknown-argument", message, operand.span, hint=hint)

    def _read(self, kind: type[Op], arg: Arg, value: tree.Expression | tree.Geometry, scope: Scope) -> Value:
        if isinstance(value, tree.Geometry):
            if arg.kind != "window":
                self._found.error(
                    "bad-argument",
                    f"`{arg.name}` of `{kind.name}` is not a geometry",
                    value.span,
                    hint=f"its signature is {kind.signature()}",
                )
                raise Poisoned
            written = Window(
                self._extent(kind, "the kernel", value.kernel, scope, 1),
                None if value.stride is None else self._extent(kind, "the stride", value.stride, scope, 1),
                None if value.padding is None else self._extent(kind, "the padding", value.padding, scope, 0),
            )
            return self._checked(kind, arg, written, value.span)
        if arg.kind == "window":
            return Window(self._extent(kind, "the kernel", value, scope, 1))
        words: tuple[str, ...] = getattr(arg.read, "words", ())
        if words and isinstance(value, tree.Name):
            if value.name in words:
                return value.name
            if not self._evaluator.is_known(value, scope):
                close = nearest(value.name, words)
                self._found.error(
                    "bad-argument",
                    f"`{arg.name}` of `{kind.name}` cannot be `{value.name}`",
                    value.span,
                    hint=f"did you mean `{close}`?" if close else f"it is one of {', '.join(words)}",
                )
                raise Poisoned
        evaluated = self._evaluator.evaluate(value, scope)
        return self._checked(kind, arg, evaluated, value.span, lambda: given(value, scope, self._evaluator))

    def _checked(self, kind: type[Op], arg: Arg, value: Value, span: Span, computed: Callable[[], str] = str) -> Value:
        self._evaluator.spend(count(value), span)
        try:
            return arg.read(value)  # type: ignore[return-value]
        except ValueError as error:
            reason, where = str(error), computed()
            windowed = arg.kind == "positional" and any(each.kind == "window" for each in kind.arguments.values())
            first = (
                f"the window comes first: write {kind.name} {show(value)} …; "
                if isinstance(value, DimsValue) and windowed
                else ""
            )
            fractional = isinstance(value, float) and not value.is_integer() and reason.startswith("must be a whole")
            self._found.error(
                "fractional-count" if fractional else "bad-argument",
                f"`{arg.name}` of `{kind.name}` {reason}" + ("" if fractional else self._what(value)),
                span,
                notes=(Note(f"where {where}"),) if where else (),
                hint="say how to round: a // b, floor(x), round(x), ceil(x), round_to(x, 8)"
                if fractional
                else f"{first}its signature is {kind.signature()}",
            )
            raise Poisoned from None

    def _what(self, value: Value) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return ""
        return f", and this is {describe(value)}: {show(value)}"

    def _extent(self, kind: type[Op], what: str, value: tree.Expression, scope: Scope, least: int) -> Extent:
        evaluated = self._evaluator.evaluate(value, scope)
        if not isinstance(evaluated, tuple):
            return (self._evaluator.whole(value, scope, f"{what} of `{kind.name}`", least),)
        for part in evaluated:
            if isinstance(part, bool) or not isinstance(part, int) or part < least:
                self._found.error(
                    "bad-argument",
                    f"{what} of `{kind.name}` is made of whole numbers, at least {least}",
                    value.span,
                    hint="11x11, or [h, w] where they are computed",
                )
                raise Poisoned
        return tuple(part for part in evaluated if isinstance(part, int))

    def _make(self, kind: type[Op], written: _Written, span: Span) -> Op:
        for name, value in written.values.items():
            rival = written.rival(kind.arguments[name])
            if value is True and rival:
                self._exclusive(kind, name, rival, span)
        return kind(**written.values)

    def _exclusive(self, kind: type[Op], name: str, other: str, span: Span) -> NoReturn:
        message = f"`{name}` and `{other}` of `{kind.name}` exclude each other"
        self._found.error("doubled-argument", message, span, hint="keep one of them")
        raise Poisoned


def takes(kind: type[Op], call: tree.Call | None, defaults: Iterable[tree.Operand]) -> list[tree.Operand]:
    """Which of the operands of `default`s an op takes; an earlier one goes before. None is the op's bare name.

    Looks at what is written alone: `conv 3x3+1 64 bias=true` takes neither `bias=false` nor `same`.
    """
    written: set[str] = set()
    raised: set[str] = set()
    padded = False
    if call is not None:
        places = [arg.name for arg in kind.arguments.values() if arg.kind in ("window", "positional")]
        written.update(argument.key.name for argument in call.angles or () if argument.key is not None)
        for operand in call.operands:
            arg = default_of(kind, operand)
            padded = padded or (isinstance(operand.value, tree.Geometry) and operand.value.padding is not None)
            if arg is not None:
                written.add(arg.name)
                raised.update(arg.excludes if _raises(operand) else ())
            elif operand.key is None and places:
                written.add(places.pop(0))
    found = []
    for operand in defaults:
        arg = default_of(kind, operand)
        if arg is None or arg.name in written:
            continue
        if not (_raises(operand) and (arg.name in raised or (arg.pads and padded))):
            found.append(operand)
            written.add(arg.name)
            raised.update(arg.excludes if _raises(operand) else ())
    return found


def _raises(operand: tree.Operand) -> bool:
    """Whether an operand is a flag that stands: `ceil`, `ceil=true`."""
    return operand.key is None or (isinstance(operand.value, tree.Truth) and operand.value.value)


def default_of(kind: type[Op], operand: tree.Operand) -> Arg | None:
    """The argument that an operand names, `bias=false`, or the flag that it is, `ceil`; None for other values."""
    if operand.key is not None:
        return kind.arguments.get(operand.key.name)
    arg = kind.arguments.get(operand.value.name) if isinstance(operand.value, tree.Name) else None
    return arg if arg is not None and arg.kind == "flag" else None


def _setting(kind: type[Op], word: str) -> str:
    """What a bare word sets, as it is written: `mode=reflect` of `pad 3 reflect`, `scalar=true` of `scale scalar`."""
    if word in kind.arguments:
        return f"{word}=true" if isinstance(kind.arguments[word].default, bool) else f"{word}=…"
    arg = next((arg for arg in kind.arguments.values() if word in getattr(arg.read, "words", ())), None)
    return f"{arg.name}={word}" if arg is not None else ""


_JOINED = re.compile(r"(?P<window>\d+(?:x\d+)*(?:/\d+)?(?:\+\d+)?)x(?P<last>\d+)")


def _joined(kind: type[Op], operands: Sequence[tree.Operand], missing: Sequence[str]) -> str:
    """What to write for `conv 3x3x64`, where the one value missing seems to have been written into the window."""
    window = operands[0].value.span.text if operands and operands[0].key is None else ""
    found = _JOINED.fullmatch(window)
    if found is None or len(missing) != 1 or kind.arguments[missing[0]].kind != "positional":
        return ""
    if int(found["last"]) <= max(map(int, re.findall(r"\d+", found["window"]))):
        return ""  # 3x3x3 is a window on a volume
    return f"the window and `{missing[0]}` are two words: write {kind.name} {found['window']} {found['last']}"


class _Written:
    """The arguments of one op as they are found."""

    def __init__(self, kind: type[Op], found: Collector, span: Span, operands: Sequence[tree.Operand] = ()) -> None:
        self.operands = operands
        self._kind = kind
        self._found = found
        self.values: dict[str, Value] = {}
        self.overfull = False
        """Whether a value was found that no argument takes."""
        self._spans: dict[str, Span] = {}
        self._open: list[Arg] = [arg for arg in kind.arguments.values() if arg.kind in ("window", "positional")]

    def next_position(self, geometry: bool) -> Arg | None:
        """The argument that the next bare value is."""
        for index, arg in enumerate(self._open):
            if arg.name in self.values and arg.kind == "positional":
                continue
            if geometry and arg.kind != "window":
                return None
            return self._open.pop(index)
        return None

    def rival(self, arg: Arg) -> str | None:
        """A flag that stands and cannot do so beside this one."""
        return next((name for name in arg.excludes if self.values.get(name) is True), None)

    def put(self, arg: Arg, value: Value, span: Span) -> None:
        if arg.name in self.values:
            report_doubled(self._found, arg.name, self._kind.name, span, self._spans[arg.name])
            raise Poisoned
        self.values[arg.name] = value
        self._spans[arg.name] = span


def report_doubled(found: Collector, name: str, called: str, span: Span, before: Span) -> None:
    """An argument that one call gives at two places."""
    found.error(
        "doubled-argument",
        f"`{name}` of `{called}` is given twice",
        span,
        notes=[Note("it was given here", before)],
        hint="keep one of them",
    )
