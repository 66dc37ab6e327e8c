"""The options of an entry in a recipe: `sgd lr=0.1 nesterov`.

In: words and values in the order of the text. Out: the entry with what they set; every mistake in them is reported
before `Poisoned` is raised. Which entry a setting names is left to `archdsl.elaborate.recipe_reader`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NoReturn, TypeAlias

from archdsl.diagnostics import Collector, Note, Span, nearest
from archdsl.elaborate.recipe_entries import Entry, Option
from archdsl.elaborate.recipe_settings import SETTINGS
from archdsl.elaborate.recipe_values import Flag, Kind, Literals, Written, Wrong
from archdsl.elaborate.values import Poisoned
from archdsl.syntax import tree

__all__ = ["Item", "OptionReader", "bare_value", "bare_word"]

Item: TypeAlias = tree.Operand | tree.Plus | tree.Mapping
_LISTED: Final = 16


class _UnknownWord(Poisoned):
    """A word that is no option: bare values right behind it are its own."""


def bare_word(item: Item) -> tree.Name | None:
    """The item, if it is a bare word."""
    if isinstance(item, tree.Operand) and item.key is None and isinstance(item.value, tree.Name):
        return item.value
    return None


def bare_value(item: Item) -> Written | None:
    """The value of an item without a name."""
    if isinstance(item, tree.Mapping):
        return item
    return item.value if isinstance(item, tree.Operand) and item.key is None else None


class OptionReader:
    """Reads entries; a subclass reads the settings that name them."""

    def __init__(self, found: Collector) -> None:
        self._found = found
        self._literals = Literals(found)
        self._failed = False

    def _error(self, id: str, message: str, span: Span, hint: str = "", notes: Iterable[Note] = ()) -> None:
        self._failed = True
        self._found.error(id, message, span, hint=hint, notes=notes)

    def _fail(self, id: str, message: str, span: Span, hint: str = "") -> NoReturn:
        self._error(id, message, span, hint)
        raise Poisoned

    def _unknown(
        self, message: str, name: tree.Name, known: Iterable[str], what: str, also: Iterable[str] = ()
    ) -> None:
        """Report an unknown word, with what is near among `known` and `also`, or else `known` if it is short."""
        from archdsl.elaborate.recipe_elsewhere import belongs, meant

        names = list(known)
        elsewhere = belongs(name.name) if SETTINGS.keys() <= set(names) else ""
        close = meant(name.name, names) or nearest(name.name.lower(), [*names, *also])
        listed = f"{what}: {', '.join(names)}" if 0 < len(names) <= _LISTED else ""
        hint = elsewhere or (f"did you mean `{close}`?" if close else listed)
        self._error("unknown-setting", message, name.span, hint)

    def _twice(self, what: str, span: Span, before: Span) -> None:
        self._error(
            "doubled-setting", f"{what} is given twice", span, "keep one of them", [Note("it was given here", before)]
        )

    def _read(self, name: str, kind: Kind, written: Written, hint: str = "") -> Any:
        """The value of one option or setting."""
        try:
            return kind.read(written, self._literals)
        except Wrong as wrong:
            if not hint and kind.says not in wrong.message:
                hint = f"it is {kind.says}"
            self._fail("bad-recipe", f"`{name}` {wrong.message}", wrong.span or written.span, wrong.hint or hint)

    def _entry(self, kind: type[Entry], name: str, items: Sequence[Item], span: Span) -> Entry:
        """An entry from its options: `lr=0.1`, `nesterov`, or the value of a positional one."""
        values: dict[str, Any] = {}
        spans: dict[str, Span] = {}
        failed = False
        positional = iter([option for option in kind.options.values() if option.positional])
        skipping = False
        for item in items:
            if skipping and bare_value(item) is not None and bare_word(item) is None:
                continue  # the value of the unknown word before it
            skipping = False
            try:
                option, written = self._option(kind, name, item, positional)
                if option.name in spans:
                    self._twice(f"`{option.name}` of `{name}`", item.span, spans[option.name])
                    continue
                spans[option.name] = item.span
                values[option.name] = True if written is None else self._read(option.name, option.kind, written)
            except Poisoned as poisoned:
                failed = True
                skipping = isinstance(poisoned, _UnknownWord)
        if failed:
            raise Poisoned
        missing = next((o for o in kind.options.values() if o.required and o.name not in spans), None)
        if missing is not None:
            hint = f"{missing.doc}, {missing.kind.says}"
            self._fail("bad-recipe", f"`{name}` needs `{missing.name}`", span, hint)
        made = kind(**values)
        problem = made.problem()
        if problem is not None:
            self._fail("bad-recipe", problem[1], spans.get(problem[0], span))
        return made

    def _option(
        self, kind: type[Entry], name: str, item: Item, positional: Iterable[Option]
    ) -> tuple[Option, Written | None]:
        """The option that an item is, and its value; None for a flag that stands alone."""
        options = kind.options
        key = item.key if isinstance(item, tree.Operand) else None
        word = key or bare_word(item)
        if word is not None:
            option = options.get(word.name)
            if option is None:
                settings = SETTINGS if key is None else ()
                self._unknown(f"`{name}` has no option `{word.name}`", word, options, "its options are", settings)
                raise _UnknownWord
            if key is not None:
                assert isinstance(item, tree.Operand)
                return option, item.value
            if not isinstance(option.kind, Flag):
                says = f"`{option.name}` needs a value: {option.kind.says}"
                self._fail("bad-recipe", says, item.span, f"write {option.name}=…")
            return option, None
        written = bare_value(item)
        option = next(iter(positional), None)
        if option is None or written is None:
            listed = ", ".join(f"{o}" if isinstance(options[o].kind, Flag) else f"{o}=…" for o in options)
            hint = f"its options are: {listed}" if listed else "it has no options"
            self._fail("bad-recipe", f"`{name}` does not take this", item.span, hint)
        return option, written
