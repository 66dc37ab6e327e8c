"""Lines of a `train { … }` block to a `Recipe`, by the table of settings.

In: words, values, `+` and tables in the order of the text. Out: a `Recipe`, or None after reporting every mistake. The
settings themselves are in `archdsl.elaborate.recipe_settings`, the options behind their words are left to
`recipe_options`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from archdsl.diagnostics import Collector, Note, Span, nearest
from archdsl.elaborate.recipe import Place, Recipe
from archdsl.elaborate.recipe_elsewhere import meant
from archdsl.elaborate.recipe_entries import Entry
from archdsl.elaborate.recipe_init import DISTRIBUTIONS, GROUPS, SCALED, Distribution, Initial, Penalty, Rate
from archdsl.elaborate.recipe_learning import Auxiliary, Loss, Table
from archdsl.elaborate.recipe_options import Item, OptionReader, bare_value, bare_word
from archdsl.elaborate.recipe_settings import (
    DATA,
    SETTINGS,
    Choice,
    Data,
    DataForm,
    LossForm,
    OptionsForm,
    PerOp,
    Scalar,
    Setting,
)
from archdsl.elaborate.recipe_values import Kind, Real, Written
from archdsl.elaborate.recipe_words import Called, WeightWords
from archdsl.elaborate.values import Poisoned
from archdsl.graph import Graph
from archdsl.syntax import tree

__all__ = ["RecipeReader"]


class _Line(NamedTuple):
    """One setting as it is written."""

    setting: Setting
    word: Span
    items: tuple[Item, ...]

    @property
    def span(self) -> Span:
        return self.word.to(self.items[-1].span) if self.items else self.word


class RecipeReader(OptionReader):
    """Reads the recipe of one network."""

    def __init__(
        self,
        graph: Graph | None,
        found: Collector,
        *,
        alone: bool = False,
        of_family: bool = False,
        conditional: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(found)
        self._conditional = conditional
        self._graph, self._alone, self._of_family = graph, alone, of_family

    def read(self, train: tree.Train) -> Recipe | None:
        values: dict[str, Any] = {}
        lines: dict[str, _Line] = {}
        for line in self._lines(train):
            name = line.setting.name
            if name in lines:
                self._twice(f"the setting `{name}`", line.word, lines[name].word)
                continue
            lines[name] = line
            try:
                values[name] = self._value(line)
            except Poisoned:
                self._failed = True
        places = tuple(Place(name, line.span) for name, line in lines.items())
        recipe = Recipe(**values, places=places)
        self._check_together(recipe, lines)
        return None if self._failed else recipe

    # ------------------------------------------------------------ lines

    def _lines(self, train: tree.Train) -> list[_Line]:
        """The settings; a bare word that names one starts it, unless it is an output behind the `+` of a loss."""
        found: list[_Line] = []
        for items in train.lines:
            starts = [i for i, item in enumerate(items) if self._starts(items, i)]
            if not starts or starts[0] > 0:
                self._misplaced(items[0])
            for start, end in pairwise([*starts, len(items)]):
                word = bare_word(items[start])
                assert word is not None
                found.append(_Line(SETTINGS[word.name], word.span, items[start + 1 : end]))
        return found

    @staticmethod
    def _starts(items: Sequence[Item], index: int) -> bool:
        word = bare_word(items[index])
        if word is None or word.name not in SETTINGS:
            return False
        return not any(isinstance(item, tree.Plus) for item in items[max(index - 2, 0) : index])

    def _misplaced(self, item: Item) -> None:
        """What stands where a setting should."""
        key = item.key if isinstance(item, tree.Operand) else None
        name = key or bare_word(item)
        if name is not None and name.name not in SETTINGS:
            self._unknown(f"`{name.name}` is not a setting of a recipe", name, SETTINGS, "settings are")
        elif name is not None:
            example = SETTINGS[name.name].example
            self._error("bad-recipe", f"the setting `{name.name}` takes no `=`", item.span, f"write: {example}")
        else:
            hint = (
                "a loss stands in one line" if isinstance(item, tree.Plus) else f"settings are: {', '.join(SETTINGS)}"
            )
            self._error("bad-recipe", "a line of a recipe starts with the name of a setting", item.span, hint)

    # ------------------------------------------------------------ values

    def _value(self, line: _Line) -> object:
        form = line.setting.form
        match form:
            case Scalar(kind=kind):
                return self._scalar(line, kind)
            case Choice():
                made, rest = self._choice(form, line)
                self._surplus(line, rest)
                return made
            case OptionsForm(entry=kind_of):
                if not line.items:
                    self._fail("bad-recipe", f"`{line.setting.name}` says nothing", line.word, self._example(line))
                return self._entry(kind_of, line.setting.name, line.items, line.span)
            case LossForm(criteria=criteria):
                return self._loss(criteria, line)
            case PerOp():
                return self._per_op(line, form)
            case DataForm():
                return self._data(line)

    @staticmethod
    def _example(line: _Line) -> str:
        return f"write: {line.setting.example}"

    def _surplus(self, line: _Line, items: Sequence[Item]) -> None:
        """Report the first item that has no place."""
        if not items:
            return
        word = bare_word(items[0])
        if word is not None:
            self._unknown(f"`{word.name}` is not a setting of a recipe", word, SETTINGS, "settings are")
        else:
            self._error("bad-recipe", f"`{line.setting.name}` does not take this", items[0].span, self._example(line))

    def _scalar(self, line: _Line, kind: Kind) -> object:
        written = bare_value(line.items[0]) if line.items else None
        if written is None:
            place = line.items[0].span if line.items else line.word
            self._fail("bad-recipe", f"`{line.setting.name}` is {kind.says}", place, self._example(line))
        value = self._read(line.setting.name, kind, written, self._example(line))
        self._surplus(line, line.items[1:])
        return value

    def _choice(self, choice: Choice, line: _Line) -> tuple[Entry, Sequence[Item]]:
        """The entry that a line names with its options, and what stands from the first `+` on."""
        word = bare_word(line.items[0]) if line.items else None
        if word is None:
            names = ", ".join(choice.entries)
            place = line.items[0].span if line.items else line.word
            self._fail("bad-recipe", f"`{line.setting.name}` names one of {names}", place, self._example(line))
        end = next((i for i, item in enumerate(line.items) if isinstance(item, tree.Plus)), len(line.items))
        kind = choice.entries.get(word.name)
        if kind is None:
            self._unknown(f"there is no {choice.what} `{word.name}`", word, choice.entries, "there are")
            raise Poisoned
        return self._entry(kind, word.name, line.items[1:end], line.span), line.items[end:]

    # ------------------------------------------------------------ loss

    def _loss(self, criteria: Choice, line: _Line) -> Loss:
        failed = False
        criterion: Any = None
        try:
            criterion, _ = self._choice(criteria, line)
        except Poisoned:
            failed = True
        auxiliaries: list[Auxiliary] = []
        spans: dict[str, Span] = {}
        starts = [i for i, item in enumerate(line.items) if isinstance(item, tree.Plus)]
        for start, end in pairwise([*starts, len(line.items)]):
            try:
                several, span = self._term(line.items[start:end])
            except Poisoned:
                failed = True
                continue
            for made in several:
                if made.output in spans:
                    self._twice(f"the output `{made.output}`", span, spans[made.output])
                    break
                spans[made.output] = span
                auxiliaries.append(made)
        if failed:
            raise Poisoned
        return Loss(criterion, tuple(auxiliaries))

    def _term(self, items: Sequence[Item]) -> tuple[list[Auxiliary], Span]:
        """The output that a `+` and what follows mean; where there is none of that name, those that are numbered."""
        example = "a term of a loss is a weight and an output: + 0.3 aux1"
        weight = bare_value(items[1]) if len(items) > 1 else None
        name = bare_word(items[2]) if len(items) > 2 else None
        if weight is None or name is None or len(items) > 3:
            self._fail("bad-recipe", "this is not a weight and an output", items[0].span.to(items[-1].span), example)
        strength = self._read("a weight", Real(above=0), weight, example)
        meant = [name.name]
        if self._graph is not None:
            known = [output.name for output in self._graph.outputs]
            numbered = [each for i in range(len(known)) if (each := f"{name.name}{i + 1}") in known]
            meant = meant if name.name in known else numbered
            if not numbered and name.name not in known and name.name in self._conditional:
                return [], name.span
            if name.name not in known and len(numbered) < 2:  # one alone is a slip of the pen
                self._unknown(f"the network has no output `{name.name}`", name, known[1:], "its outputs are")
                raise Poisoned
            if known[0] in meant:
                self._fail("bad-recipe", f"`{known[0]}` is the main output, which counts once", name.span, example)
        return [Auxiliary(each, strength) for each in meant], name.span

    # ------------------------------------------------------------ a value for every op

    def _per_op(self, line: _Line, form: PerOp) -> tuple[Initial | Penalty | Rate, ...]:
        if not line.items:
            self._fail("bad-recipe", f"`{line.setting.name}` says nothing", line.word, self._example(line))
        made: list[Initial | Penalty | Rate] = []
        spans: dict[str, Span] = {}
        weights = None
        if self._graph is not None:
            weights = WeightWords(self._graph.nodes).every(drawn=form.made is Initial)
        failed = False
        for item in line.items:
            try:
                key = item.key if isinstance(item, tree.Operand) else None
                if key is None or not isinstance(item, tree.Operand):
                    word = bare_word(item)
                    if form.kind is None and word is not None and not spans:
                        close = meant(word.name, DISTRIBUTIONS) or nearest(word.name.lower(), DISTRIBUTIONS)
                        hint = f"write: init weight={close}" if close else self._example(line)
                        self._fail("bad-recipe", f"`{word.name}` does not say of which weights", item.span, hint)
                    self._surplus(line, [item])
                    raise Poisoned
                here = self._check_word(key, weights)
                if key.name in spans:
                    self._twice(f"`{key.name}` of `{line.setting.name}`", item.span, spans[key.name])
                    continue
                value = (
                    self._distribution(key, item.value)
                    if form.kind is None
                    else self._read(key.name, form.kind, item.value)
                )
                if here:
                    spans[key.name] = item.span
                    made.append(form.made(key.name, value))
            except Poisoned:
                failed = True
        if failed:
            raise Poisoned
        self._check_left(spans, weights or [])
        self._check_matrices(made, spans, weights or [])
        return tuple(made)

    def _check_word(self, key: tree.Name, weights: Sequence[Called] | None) -> bool:
        """Whether a word, an op's or a group's, stands for some weights of the network; one of a family may have none,
        where its recipe is that of all of them.
        """
        from archdsl.ops import registry

        word = key.name
        known = word in GROUPS or registry.lookup(word) is not None or registry.lookup_plugin(word) is not None
        here = dict.fromkeys(word for called in weights or () for word in called.words)
        if word in here or (known and weights is None):
            return True
        ops, groups = [op for op in here if op not in GROUPS], [group for group in GROUPS if group in here]
        message = f"the network has no weights of `{word}`"
        if not known:
            message = f"`{word}` is neither an op nor a group of weights"
        hint = f"ops with weights here: {', '.join(ops)}; groups: {', '.join(groups)}"
        if known and self._of_family:
            notes = [Note("what is said of them is left out of its recipe; other networks of the file may have them")]
            self._found.warning("idle-setting", message, key.span, notes=notes, hint=hint)
            return False
        familiar = registry.familiar(word)
        if familiar is not None and registry.lookup(familiar) is None:
            familiar = None  # a block, which has no weights by itself
        close = familiar or nearest(word, [*groups, *ops], alike=0.5)
        if weights is None:
            hint = f"groups: {', '.join(GROUPS)}"
            close = familiar or nearest(word, GROUPS, alike=0.5) or nearest(word, registry.names())
        self._error("unknown-setting", message, key.span, f"did you mean `{close}`? {hint}" if close else hint)
        raise Poisoned

    def _check_left(self, spans: Mapping[str, Span], weights: Sequence[Called]) -> None:
        """Whether narrower words leave something to each word; the narrowest one holds for a weight."""
        held = {called.under(spans) for called in weights}
        for word, span in spans.items():
            if weights and word not in held:
                rivals = {called.words[: called.words.index(word)] for called in weights if word in called.words}
                narrower = [f"`{other}`" for other in spans if any(other in before for before in rivals)]
                message = f"nothing is left to `{word}`: {' and '.join(narrower)} say of each of its weights"
                self._fail("bad-recipe", message, span, f"the narrowest word holds; leave out `{word}`")

    def _check_matrices(
        self, made: Iterable[Initial | Penalty | Rate], spans: Mapping[str, Span], weights: Sequence[Called]
    ) -> None:
        """Whether the distributions that are scaled by the sizes of a matrix stand for matrices."""
        for rule in made:
            if not isinstance(rule, Initial) or not isinstance(rule.distribution, SCALED):
                continue
            row = next((called for called in weights if called.under(spans) == rule.op and len(called.shape) < 2), None)
            if row is not None:
                numbers = f"`{rule.op}` stands for rows of numbers, one of {row.shape[0]:,}"
                message = f"`{rule.distribution.name}` needs a matrix, and {numbers}"
                self._fail("bad-recipe", message, spans[rule.op], f"{rule.op}=ones, zeros, constant(0.1), normal(0.01)")

    def _distribution(self, key: tree.Name, written: Written) -> Distribution:
        """`he_normal`, or `normal(0.01)` with its options in parentheses."""
        items: list[tree.Operand] = []
        if isinstance(written, tree.Function):
            name = written.name
            for argument in written.arguments:
                value = argument.value.plain
                if value is None or argument.star:
                    self._fail("bad-recipe", f"`{name.name}` does not take this", argument.span)
                items.append(tree.Operand(argument.span, argument.key, value))
        elif isinstance(written, tree.Name):
            name = written
        else:
            hint = f"there are {', '.join(DISTRIBUTIONS)}"
            self._fail("bad-recipe", f"`{key.name}` takes a distribution", written.span, hint)
        kind = DISTRIBUTIONS.get(name.name)
        if kind is None:
            self._unknown(f"there is no distribution `{name.name}`", name, DISTRIBUTIONS, "there are")
            raise Poisoned
        made = self._entry(kind, name.name, items, written.span)
        assert isinstance(made, Distribution)
        return made

    # ------------------------------------------------------------ data

    def _data(self, line: _Line) -> Data:
        written = bare_value(line.items[0]) if line.items else None
        if isinstance(written, tree.Name):
            kind, path = written.name, None
        elif isinstance(written, tree.String):
            kind, _, rest = written.value.partition(":")
            path = rest or None
        else:
            place = line.items[0].span if line.items else line.word
            hint = 'write: data digits, or with a place: data "mnist:data/mnist"'
            self._fail("bad-recipe", "`data` takes a kind of data", place, hint)
        kind = kind.replace("-", "_")
        if kind not in DATA:
            name = tree.Name(written.span, kind)
            self._unknown(f"there is no data `{kind}`", name, DATA, "there are")
            raise Poisoned
        self._surplus(line, line.items[1:])
        return Data(kind, path)

    # ------------------------------------------------------------ settings that must go together

    def _check_together(self, recipe: Recipe, lines: Mapping[str, _Line]) -> None:
        schedule, optimizer, epochs = recipe.schedule, recipe.optimizer, recipe.epochs
        if optimizer is not None and (schedule is not None or "schedule" not in lines):
            whole = isinstance(schedule, Table) and schedule.whole
            place = lines["optimizer"].span
            if optimizer.lr is None and not whole and not self._alone:
                self._error("bad-recipe", f"`{optimizer.name}` needs `lr`", place, "the learning rate: lr=0.1")
            elif optimizer.lr is not None and whole:
                notes = [Note("the table gives it from the first epoch on", lines["schedule"].span)]
                self._error("bad-recipe", "`lr` is never used", place, "leave out one of them", notes)
        if "ema" in lines and "lookahead" in lines:
            notes = [Note("and so does this", lines["ema"].span)]
            message = "`lookahead` says which weights are tested, its slow ones"
            self._error("bad-recipe", message, lines["lookahead"].span, "leave out one of them", notes)
        if schedule is None or epochs is None:
            return
        place = lines["schedule"].span
        notes = [Note("the run is this long", lines["epochs"].span)]
        last = max(schedule.changes, default=0)
        if last >= epochs:
            self._error(
                "bad-recipe", f"the schedule changes after epoch {last}, and there are {epochs}", place, notes=notes
            )
        if schedule.warmup >= epochs:
            message = f"the warm-up takes {schedule.warmup:g} epochs, and there are {epochs}"
            self._error("bad-recipe", message, place, notes=notes)
