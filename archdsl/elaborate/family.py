"""The parameters of an architecture: what its variants and the user set.

In: a file, a variant, settings. Out: a value for each parameter of its `arch` line, or `Poisoned` after reporting.
"""

from __future__ import annotations

from collections.abc import Mapping

from archdsl import limits
from archdsl.diagnostics import Collector, nearest
from archdsl.elaborate.parameter_binder import ParameterBinder
from archdsl.elaborate.program import Unit
from archdsl.elaborate.values import Poisoned, Scope, Value
from archdsl.syntax import tree

__all__ = ["Family"]


class Family:
    """The members of one file's family."""

    def __init__(self, unit: Unit, binder: ParameterBinder, found: Collector) -> None:
        self._unit = unit
        self._binder = binder
        self.found = found

    def parameters(self, variant: str | None, settings: Mapping[str, tree.Chain], scope: Scope) -> dict[str, Value]:
        """The values of the parameters: the defaults, over them the variant's, over them the settings."""
        architecture = self._unit.architecture
        if architecture is None:
            for name, chain in settings.items():
                self.found.error(
                    "unknown-argument",
                    f"there is no parameter `{name}` to set",
                    chain.span,
                    hint=f"the file has no `arch name<{name}=…>`",
                )
            if settings:
                raise Poisoned
            return self._variant_values(variant, scope) if variant is not None else {}
        name = architecture.name.name
        values = self._variant_values(variant, scope) if variant is not None else {}
        arguments = [tree.Argument(chain.span, tree.Name(chain.span, key), chain) for key, chain in settings.items()]
        values |= self._binder.given(name, architecture.parameters, arguments, scope, architecture.span)
        missing = [p.name for p in architecture.parameters if p.default is None and p.name not in values]
        if missing and variant is None and self._unit.variants:
            known = ", ".join(self._unit.variants)
            self.found.error(
                "missing-argument",
                f"`{name}` needs {' and '.join(f'`{m}`' for m in missing)}: name a variant",
                architecture.span,
                hint=f"{self._unit.file.source.path}:{next(iter(self._unit.variants))} names one; there are {known}",
            )
            raise Poisoned
        return self._binder.complete(name, architecture.parameters, values, None, scope, architecture.span)

    def _variant_values(self, name: str, scope: Scope, seen: tuple[str, ...] = ()) -> dict[str, Value]:
        architecture = self._unit.architecture
        variant = self._unit.variants[name]
        plain = variant.chain.plain
        called = plain if isinstance(plain, tree.Name) else plain.name if isinstance(plain, tree.Call) else None
        if (
            architecture is None
            or called is None
            or (isinstance(plain, tree.Call) and (plain.operands or plain.tensors))
        ):
            own = architecture.name.name if architecture else "name"
            self.found.error(
                "bad-variant",
                "a variant gives the parameters of the file's architecture",
                variant.chain.span,
                hint=f"variant {name} = {own}<…>" if architecture else "the file needs an `arch name<…>` first",
            )
            raise Poisoned
        arguments = plain.angles or () if isinstance(plain, tree.Call) else ()
        base: dict[str, Value] = {}
        if called.name != architecture.name.name:
            if called.name not in self._unit.variants or called.name in (*seen, name):
                circle = called.name in (*seen, name)
                close = nearest(called.name, [architecture.name.name, *self._unit.variants])
                self.found.error(
                    "bad-variant",
                    f"the variant `{called.name}` goes in a circle"
                    if circle
                    else f"`{called.name}` is neither this file's architecture nor one of its variants",
                    called.span,
                    hint=f"did you mean `{close}`?" if close else f"write {architecture.name.name}<…>",
                )
                raise Poisoned
            if len(seen) >= limits.CALL_DEPTH:
                self.found.error(
                    "limit-depth",
                    f"variants are made of variants more than {limits.CALL_DEPTH} deep",
                    called.span,
                    hint=f"write {architecture.name.name}<…>",
                )
                raise Poisoned
            base = self._variant_values(called.name, scope, (*seen, name))
        given = self._binder.given(called.name, architecture.parameters, arguments, scope, architecture.span)
        return base | given
