"""The arguments of a call in angle brackets, bound to the parameters of a block or an architecture.

In: the arguments of the tree. Out: a value for each parameter; every mistake in them is reported before `Poisoned` is
raised. Operands of ops are left to `archdsl.elaborate.op_binder`.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.diagnostics import Collector, Note, Span, nearest
from archdsl.elaborate.evaluator import Evaluator
from archdsl.elaborate.op_binder import report_doubled
from archdsl.elaborate.values import Poisoned, Scope, Value, describe
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
        values: dict[str, Value] = {}
        spans: dict[str, Span] = {}
        failed = False
        plain = [parameter for parameter in parameters if not parameter.star]
        star = next((parameter for parameter in parameters if parameter.star), None)
        known = {parameter.name: parameter for parameter in plain}
        rest: list[Value] = []
        position = 0
        for argument in arguments:
            try:
                value = self._evaluator.argument(argument.value, scope)
            except Poisoned:
                failed = True
                value = 0
            if argument.key is not None:
                key = argument.key.name
                if key not in known:
                    close = nearest(key, known)
                    self._found.error(
                        "unknown-argument",
                        f"`{name}` has no parameter `{key}`",
                        argument.key.span,
                        notes=[Note("it is defined here", defined)],
                        hint=f"did you mean `{close}`?" if close else tell_parameters(name, parameters),
                    )
                    failed = True
                    continue
                if key in values:
                    report_doubled(self._found, key, name, argument.span, spans[key])
                    failed = True
                    continue
                values[key], spans[key] = value, argument.span
                continue
            parts = [value]
            if argument.star:
                if not isinstance(value, tuple):
                    self._found.error(
                        "bad-type", f"`*` stands before a list, and this is {describe(value)}", argument.span
                    )
                    failed = True
                    continue
                parts = list(value)
                self._evaluator.spend(len(parts), argument.span)
            for part in parts:
                if position < len(plain):
                    key = plain[position].name
                    position += 1
                    if key in values:
                        report_doubled(self._found, key, name, argument.span, spans[key])
                        failed = True
                        continue
                    values[key], spans[key] = part, argument.span
                elif star is not None:
                    rest.append(part)
                else:
                    self._found.error(
                        "unknown-argument",
                        f"`{name}` takes {len(plain)} argument{'' if len(plain) == 1 else 's'}, and this is one more",
                        argument.span,
                        notes=[Note("it is defined here", defined)],
                        hint=tell_parameters(name, parameters),
                    )
                    failed = True
                    break
        if star is not None:
            values[star.name] = self._evaluator.listed(tuple(rest), defined)
        if failed:
            raise Poisoned
        return values


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
