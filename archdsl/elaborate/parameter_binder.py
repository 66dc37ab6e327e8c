"""The arguments of a call in angle brackets, bound to the parameters of a block or an architecture.

In: the arguments of the tree. Out: a value for each parameter; every mistake in them is reported before `Poisoned` is
raised. Operands of ops are left to `archdsl.elaborate.op_binder`.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.diagnostics import Collector, Note, Span, counted, nearest
from archdsl.elaborate.evaluator import Evaluator
from archdsl.elaborate.op_binder import report_doubled
from archdsl.elaborate.turns import spread
from archdsl.elaborate.values import Poisoned, Scope, Value
from archdsl.syntax import tree

__all__ = ["ParameterBinder", "signature", "tell_parameters"]


class ParameterBinder:
    """Binds parameters within one run."""

    def __init__(self, evaluator: Evaluator, found: Collector) -> None:
        self._evaluator = evaluator
        self._found = found

    def complete(
        self,
        name: str,
        parameters: Sequence[tree.Parameter],
        values: dict[str, Value],
        span: Span | None,
        inner: Scope,
        defined: Span,
    ) -> dict[str, Value]:
        """The values with the defaults of what was not given: text of the block, evaluated in its scope."""
        missing = [p.name for p in parameters if not p.star and p.name not in values and p.default is None]
        if missing:
            names = " and ".join(f"`{parameter}`" for parameter in missing)
            self._found.error(
                "missing-argument",
                f"`{name}` needs {names}",
                span or defined,
                notes=[Note("it is defined here", defined)] if span else [],
                hint=tell_parameters(name, parameters),
            )
            raise Poisoned
        inner.variables.update(values)
        for parameter in parameters:
            if parameter.name not in values and parameter.default is not None:
                values[parameter.name] = self._evaluator.argument(parameter.default, inner)
                inner.variables[parameter.name] = values[parameter.name]
        return values

    def given(
        self,
        name: str,
        parameters: Sequence[tree.Parameter],
        arguments: Sequence[tree.Argument],
        scope: Scope,
        defined: Span,
    ) -> dict[str, Value]:
        """The values that a call gives, by parameter."""
        taken = _Taken(name, parameters, self._found, defined)
        for argument in arguments:
            try:
                if argument.star:
                    taken.placed(spread(self._evaluator, argument, scope), argument.span)
                    continue
                value = self._evaluator.argument(argument.value, scope)
            except Poisoned:
                taken.failed = True
                value = 0
            if argument.key is not None:
                taken.named(argument.key, value, argument.span)
            else:
                taken.placed((value,), argument.span)
        for parameter in parameters:
            if parameter.star:
                taken.values[parameter.name] = self._evaluator.listed(tuple(taken.rest), defined)
        if taken.failed:
            raise Poisoned
        return taken.values


class _Taken:
    """The arguments of one call as they are found; `rest` are those for the parameter with a star."""

    def __init__(self, name: str, parameters: Sequence[tree.Parameter], found: Collector, defined: Span) -> None:
        self.values: dict[str, Value] = {}
        self.rest: list[Value] = []
        self.failed = False
        self._name = name
        self._parameters = parameters
        self._found = found
        self._defined = defined
        self._plain = [parameter.name for parameter in parameters if not parameter.star]
        self._spans: dict[str, Span] = {}
        self._position = 0

    def named(self, key: tree.Name, value: Value, span: Span) -> None:
        if key.name in self._plain:
            self._put(key.name, value, span)
            return
        close = nearest(key.name, self._plain)
        hint = f"did you mean `{close}`?" if close else ""
        self._unknown(f"`{self._name}` has no parameter `{key.name}`", key.span, hint)

    def placed(self, values: Sequence[Value], span: Span) -> None:
        """Values without a name, in their order."""
        for value in values:
            if self._position < len(self._plain):
                self._position += 1
                self._put(self._plain[self._position - 1], value, span)
            elif len(self._plain) < len(self._parameters):
                self.rest.append(value)
            else:
                takes = counted(len(self._plain), "argument")
                self._unknown(f"`{self._name}` takes {takes}, and this is one more", span)
                return

    def _put(self, name: str, value: Value, span: Span) -> None:
        if name in self.values:
            report_doubled(self._found, name, self._name, span, self._spans[name])
            self.failed = True
            return
        self.values[name], self._spans[name] = value, span

    def _unknown(self, message: str, span: Span, hint: str = "") -> None:
        notes = [Note("it is defined here", self._defined)]
        hint = hint or tell_parameters(self._name, self._parameters)
        self._found.error("unknown-argument", message, span, notes=notes, hint=hint)
        self.failed = True


def signature(name: str, parameters: Sequence[tree.Parameter]) -> str:
    """A block as its definition has it, with its parameters and their defaults: `bottleneck<w, s=1>`."""
    shown = []
    for parameter in parameters:
        if parameter.star:
            shown.append(f"*{parameter.name}")
        elif parameter.default is not None:
            shown.append(f"{parameter.name}={' '.join(parameter.default.span.text.split())}")
        else:
            shown.append(parameter.name)
    return f"{name}<{', '.join(shown)}>" if shown else name


def tell_parameters(name: str, parameters: Sequence[tree.Parameter]) -> str:
    """What a hint says of them."""
    return f"its parameters are {signature(name, parameters)}" if parameters else f"`{name}` has no parameters"
