"""The verdict on every cell of a table, against networks.

In: a `Reading`, and for each network of the table its `Subject`. Out: a `Judgement`. Rows are matched by `align.py`,
single facts compared by `compare.py`; what would mend a contradiction is left to `suggest.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from archdsl.analysis.depth import depth
from archdsl.ops.base import Shape, show_shape
from archdsl.verify import derive
from archdsl.verify.compare import Fact, branch_filters, compare_said, compare_size
from archdsl.verify.conventions import Figure, Quantity, alone, conventions
from archdsl.verify.figures import reading as reads
from archdsl.verify.figures import show_count
from archdsl.verify.finding import Judgement, Result, Verdict, combined
from archdsl.verify.kinds import answers, flatten, is_block_row, meant, pair, spine
from archdsl.verify.left_out import left_out
from archdsl.verify.sheet import SILENT, Case, Choices, Row, Sheet, lay, letters, matches, table_choice, told, unnamed
from archdsl.verify.subject import Layer, Stretch
from archdsl.verify.table import Column, Entry, Group, Number, Reading, Said, Size

__all__ = ["CellJudge", "judge", "main_layer"]


def judge(reading: Reading, cases: Sequence[Case]) -> Judgement:
    """Compare every cell that says something with the networks; a cell about several holds where it holds for all.

    >>> judge(understood, [Case(Subject(alexnet))]).count("contradiction")
    0
    """
    symbols = dict(reading.symbols)
    sheets = [lay(reading, case, symbols) for case in cases]
    said: list[str] = [f"{name} = {value}, as the network has it" for name, value in letters(sheets, symbols).items()]
    choices: dict[Quantity, Choices] = {}
    for quantity in ("params", "ops"):
        made = table_choice(quantity, sheets)
        if made is not None:
            choices[quantity] = made
            said.append(told(quantity, made))
    results: dict[int, list[tuple[str, Result]]] = {}
    for sheet in sheets:
        judged = CellJudge(sheet, symbols, choices)
        for row in sheet.rows:
            for entry in row.entries:
                if entry.column.role not in SILENT:
                    result = judged.cell(row, entry)
                    results.setdefault(id(entry), []).append((sheet.case.subject.name, result))
    findings = [
        combined(line, entry, results.get(id(entry), []))
        for line in reading.lines
        for entry in line.entries
        if entry.column.role not in SILENT
    ]
    names = ", ".join(dict.fromkeys(case.subject.name for case in cases))
    return Judgement(reading, names, findings, matches(sheets), said, unnamed(sheets))


# ---------------------------------------------------------------- cells


class CellJudge:
    """The cells of one network's rows."""

    def __init__(self, sheet: Sheet, symbols: Mapping[str, int], choices: Mapping[Quantity, Choices]) -> None:
        self._sheet = sheet
        self._subject = sheet.case.subject
        self._symbols = symbols
        self._choices = choices

    def cell(self, row: Row, entry: Entry) -> Result:
        if entry.problem:
            return Result("not-checked", 0, explanation=entry.problem)
        role = entry.column.role
        if role == "unknown":
            return Result("not-checked", 0, explanation="nobody knows what the column means; say so with --columns")
        if role == "measured":
            return Result("not-checked", 0, explanation="it is measured, not computed")
        if role == "model":
            return Result("not-checked", 0, explanation="a name")
        if row.foreign:
            return Result("not-checked", 0, explanation="the row is about another network")
        if row.total:
            return self._total(row, entry)
        if row.stretch is None:
            return self._unmatched(row, entry)
        value = entry.value
        known = self._sheet.figures.get(id(entry))
        if known is not None:
            return self.counted(*known, row)
        if isinstance(value, Size):
            return self._sized(row, row.stretch, role, value)
        if isinstance(value, tuple):
            result = self._layers(row, row.stretch, value)
            if role == "layer" and result.verdict == "contradiction" and self._sheet.case.column is not None:
                return Result("not-checked", 0, explanation="a name: the networks' own cells say what the row is")
            return result
        if isinstance(value, Number):
            return self._number(row, row.stretch, entry.column, value)
        return Result("not-checked", 0, explanation="a text that says nothing to compare")

    def _sized(self, row: Row, stretch: Stretch, role: str, size: Size) -> Result:
        if role not in ("input", "output"):
            return _open(role)
        result = _of_facts([self._size(row, stretch, role, size)])
        why = derive.as_printed(row.said[0], row.entries) if len(row.said) == 1 else ""
        if (
            result.verdict == "contradiction"
            and why.partition("as printed, ")[2].partition(" =")[0] not in result.explanation
        ):
            return replace(result, explanation=f"{result.explanation}; {why}")
        return result

    def _size(self, row: Row, stretch: Stretch, role: str, size: Size) -> Fact:
        if row.own:  # of rows in turn, what enters the first of a row's own, and leaves the last
            at = self._subject.layers.index(row.own[0 if role == "input" else -1])
            stretch = Stretch(at, at + 1)
        if role == "input":
            shape = self._subject.input(stretch)
            first = self._subject.layers[stretch.start].node
            before = self._subject.layers[first.inputs[0].node].name if first.inputs else "the network"
            return compare_size(size, shape, self._symbols, f"{before} gives {show_shape(shape)}")
        explanation = derive.of_output(self._subject, stretch)
        return compare_size(size, self._subject.output(stretch), self._symbols, explanation)

    def _unmatched(self, row: Row, entry: Entry) -> Result:
        kinds = {said.kind for said in row.said}
        if (found := left_out(row, self._subject, self._symbols)) is not None:
            convention, shape = found
            if isinstance(entry.value, Size):
                return _of_facts([replace(compare_size(entry.value, shape, self._symbols), convention=convention)])
            if isinstance(entry.value, Number) and entry.column.role in ("depth", "params", "ops"):
                return replace(self._whole(entry.value, 0), convention=convention)
            return Result("not-checked", 0, explanation=convention)
        if entry.column.role in ("layer", "network") and row.said and None not in kinds:
            named = row.said[0].text
            return Result("contradiction", 1, "no such layer", explanation=f"no layer here answers to `{named}`")
        return Result("not-checked", 0, explanation="no layer of the network answers to this row")

    def _layers(self, row: Row, stretch: Stretch, cell: Sequence[Said | Group]) -> Result:
        said = flatten(cell)
        inside = self._inside(row, stretch)
        if len(said) > 1:
            return self._several([meant(one) for one in said], inside)
        one = meant(said[0])
        if row.own is not None:
            return self._each(one, row.own)
        block = self._block_of(one, stretch)
        if is_block_row(row.said) and one.stride is not None and one.kind is None and one.kernel is None:
            return _of_facts([self._halving(stretch, one.stride[0])])
        main = main_layer(row.said, one, inside)
        if main is None or (block and not answers(one, main)):
            if block:
                return _of_facts([Fact("kind", True, block)])
            if one.label is not None and self._subject.places(stretch)[0].lower().endswith(one.label.lower()):
                return _of_facts([Fact("label", True, one.label)])
            return Result("not-checked", 0, explanation="a name, and the network has another or none")
        facts = list(compare_said(one, main, self._symbols))
        if not facts:
            return Result("not-checked", 0, explanation="a name alone")
        result = _of_facts(facts)
        if result.verdict == "contradiction":
            why = derive.as_printed(one, row.entries) or f"{main.name} is {main.node.call}"
            return replace(result, explanation=why)
        return result

    def _inside(self, row: Row, stretch: Stretch) -> Sequence[Layer]:
        """The layers that a row is about."""
        if row.own is not None:
            return row.own
        return [layer for layer in self._subject.layers[stretch.start : stretch.stop] if not layer.training]

    def _each(self, said: Said, layers: Sequence[Layer]) -> Result:
        """One description of all the layers that a row of a unit is about."""
        facts = []
        for layer in layers:
            why = f"{layer.name} is {layer.node.call}"
            facts += [replace(fact, explanation=why) for fact in compare_said(said, layer, self._symbols)]
        return _of_facts(_first_wrong(facts)) if facts else Result("not-checked", 0, explanation="a name alone")

    def _halving(self, stretch: Stretch, stride: int) -> Fact:
        """The stride of a whole block: by how much its output is smaller than its input."""
        before, after = self._subject.input(stretch)[0], self._subject.output(stretch)[0]
        return Fact("stride", -(-before // stride) == after, str(-(-before // after)))

    def _block_of(self, said: Said, stretch: Stretch) -> str:
        """The name of the block that a stretch is, or lies in, if that is what is said: `inception`, `dense block`."""
        if said.kind is None:
            return ""
        words = {said.kind, *said.kind.split()}
        own = stretch.block.words if stretch.block is not None else frozenset()
        around = {frame.name.lower() for frame in self._subject.layers[stretch.start].node.frame.path()[1:]}
        return next(iter(sorted(words & (own | around))), "")

    def _several(self, said: Sequence[Said], inside: Sequence[Layer]) -> Result:
        listed = [layer for layer in inside if layer.key or any(one.kind == layer.kind for one in said)]
        facts: list[Fact] = []
        taken = set()
        for one, layer in pair([one for one in said if one.kind != "softmax"], listed):
            if layer is None:
                facts.append(Fact("layer", False, f"no {one.text}"))
            else:
                taken.add(id(layer))
                facts += [
                    fact if fact.true else replace(fact, computed=layer.node.call)
                    for fact in compare_said(one, layer, self._symbols)
                ]
        facts += [Fact("layer", False, f"{layer.node.call} ({layer.name}) too") for layer in spine(listed, taken)]
        return _of_facts(facts)

    def _number(self, row: Row, stretch: Stretch, column: Column, number: Number) -> Result:
        if column.role == "depth":
            return self._whole(number, self._subject.depth(stretch))
        if column.role == "branch":
            found = sorted(set(branch_filters(self._subject, stretch, column.detail)))
            if not found:
                return Result("contradiction", 1, "none", explanation=f"no convolution is the {column.detail} here")
            if len(found) > 1:
                shown = ", ".join(map(str, found))
                return Result("contradiction", 1, shown, explanation="the blocks of the row differ")
            return self._whole(number, found[0])
        if column.role == "connections":
            return self._whole(number, self._subject.parts(stretch).connections)
        if column.role == "memory":
            return self._memory(number, self._subject.output(stretch))
        if column.role == "repeat":
            return self._repeats(row, stretch, number)
        whole = int(number.digits)
        if column.role == "kernel":
            said = Said(number.text, kernel=(whole,))
        elif column.role == "stride":
            said = Said(number.text, stride=(whole,))
        elif column.role == "padding":
            said = Said(number.text, padding=(whole,))
        elif column.role == "filters":
            said = Said(number.text, filters=whole)
        elif column.role == "groups":
            said = Said(number.text, groups=whole)
        else:
            return _open(column.role)
        if row.own is not None:
            return self._each(said, row.own)
        inside = self._inside(row, stretch)
        main = main_layer(row.said, said, inside)
        if main is None and column.role == "filters":
            return self._whole(number, self._subject.output(stretch)[-1])
        if is_block_row(row.said) and column.role == "stride":
            return _of_facts([self._halving(stretch, whole)])
        facts = list(compare_said(said, main, self._symbols)) if main is not None else []
        if not facts and column.role == "filters":
            return self._whole(number, self._subject.output(stretch)[-1])
        return _of_facts(facts) if facts else _open(column.role)

    def _whole(self, number: Number, value: int) -> Result:
        how = reads(number, value)
        if how is None:
            return Result("contradiction", 1, f"{value:,}")
        return Result("holds" if how in ("exact", "rounded") else "rounded", 1, f"{value:,}")

    def _memory(self, number: Number, output: Shape) -> Result:
        values = math.prod(output)
        for base in (1000, 1024):
            for size, name in ((values, "values of the output"), (4 * values, "bytes of the output, 4 a value")):
                how = reads(number, size, base)
                if how is not None:
                    named = f"{name}, K = 1024" if base == 1024 and number.power else name
                    return Result("convention", 1, show_count(size, number, base), named)
        return Result("contradiction", 1, f"{values:,} values", explanation=f"{show_shape(output)} of 4 bytes each")

    def _repeats(self, row: Row, stretch: Stretch, number: Number) -> Result:
        if row.own is not None and row.line.unit is not None:
            each = len(row.said) // row.line.unit.times
            return self._whole(number, len(row.own) // each if each else 0)
        keys = [layer for layer in self._inside(row, stretch) if layer.key]
        found = list(pair(row.said, keys)) if row.said else []
        if is_block_row(row.said) and (turns := self._subject.turns(stretch)):
            return self._whole(number, turns)
        if not found or any(layer is None for _, layer in found):
            return Result("not-checked", 0, explanation="the layers of the row do not tell how often it is repeated")
        taken = {id(layer) for _, layer in found}
        left = spine(keys, taken)
        return _of_facts([Fact("repeat", not left, number.text if not left else f"{left[0].name} too")])

    def _total(self, row: Row, entry: Entry) -> Result:
        value = entry.value
        if isinstance(value, Size) and entry.column.role in ("input", "output"):
            layers = self._subject.layers
            shape = (layers[0] if entry.column.role == "input" else layers[-1]).output
            return _of_facts([compare_size(value, shape, self._symbols)])
        if not isinstance(value, Number):
            return Result("not-checked", 0, explanation="a name" if entry.column.role == "layer" else "no figure")
        known = self._sheet.figures.get(id(entry))
        if known is not None:
            return self.counted(*known, row)
        quantity = row.line.quantity if entry.column.role == "network" else entry.column.role
        if quantity == "depth":
            return self._whole(value, depth(self._subject.graph))
        if quantity == "connections":
            return self._whole(value, self._subject.total.connections)
        return _open(quantity)

    def counted(self, quantity: Quantity, figure: Figure, row: Row) -> Result:
        choices = self._choices[quantity]
        usual_one = conventions(quantity, flops=choices.flops)[0]
        for choice, first in ((choices.first, True), (choices.second, False)):
            how = choice.read(figure) if choice is not None else None
            if choice is None or how is None:
                continue
            value = choice.convention.value(figure)
            shown = show_count(value, figure.number, choice.base)
            verdict: Verdict = "holds" if how in ("exact", "rounded") else "rounded"
            same = choice.base == 1000 and value == usual_one.value(figure)
            usual = choice.usual or same or (value == 0 and first)
            named = "" if usual else choice.name
            return Result("convention" if named else verdict, 1, shown, named, "" if verdict == "holds" else how)
        value = choices.first.convention.value(figure)
        shown = show_count(value, figure.number, choices.first.base)
        return Result("contradiction", 1, shown, explanation=self._reason(quantity, figure, row, choices, value))

    def _reason(self, quantity: Quantity, figure: Figure, row: Row, choices: Choices, value: int) -> str:
        stretch = None if row.total else row.stretch
        if quantity == "params":
            text = derive.of_params(self._subject, stretch, value, biases="weights only" not in choices.first.name)
        else:
            text = derive.of_ops(self._subject, stretch, value)
        other = alone(quantity, figure, flops=choices.flops)
        if other is not None:
            text += f"; {figure.number.text} would be {other.name}"
        if quantity == "ops" and stretch is not None:
            positions = math.prod(self._subject.output(stretch)[:-1])
            for entry in row.entries:
                if entry.column.role == "params" and isinstance(entry.value, Number):
                    printed = int(entry.value.digits * 1000**entry.value.power)
                    if reads(figure.number, printed * positions) or reads(
                        figure.number, int(entry.value.digits * 1024**entry.value.power) * positions
                    ):
                        text += f"; it goes with the printed {entry.value.text}, times {positions:,} positions"
        return text


def main_layer(row: Sequence[Said], one: Said, inside: Sequence[Layer]) -> Layer | None:
    """The layer of a stretch that a single description is about: of its kind, and the closest of them."""
    kind = one.kind or next((said.kind for said in row if said.kind is not None), None)
    named = replace(one, kind=kind, kernel=one.kernel or next((said.kernel for said in row if said.kernel), None))
    fitting = [layer for layer in inside if kind is not None and answers(named, layer)]
    if not fitting and kind is None:
        fitting = [layer for layer in inside if layer.key]
    if not fitting:
        return inside[0] if len(inside) == 1 else None

    def close(layer: Layer) -> int:
        return sum(fact.true for fact in compare_said(one, layer, {}))

    return max(reversed(fitting), key=close)


def _first_wrong(facts: Sequence[Fact]) -> list[Fact]:
    """The facts, of those that are wrong the first of each kind: eight layers are wrong for one reason."""
    known: set[str] = set()
    made = []
    for fact in facts:
        if fact.true or fact.what not in known:
            made.append(fact)
        if not fact.true:
            known.add(fact.what)
    return made


def _open(role: str) -> Result:
    return Result("not-checked", 0, explanation=f"the row has nothing that could be its {role or 'figure'}")


def _of_facts(facts: Sequence[Fact]) -> Result:
    wrong = [fact for fact in facts if not fact.true]
    if wrong:
        shown = "; ".join(dict.fromkeys(_named(fact) for fact in wrong[:4]))
        told = "; ".join(dict.fromkeys(fact.explanation for fact in wrong if fact.explanation))
        return Result("contradiction", len(facts), shown, explanation=told)
    conventions = "; ".join(dict.fromkeys(fact.convention for fact in facts if fact.convention))
    shown = "; ".join(dict.fromkeys(_named(fact) for fact in facts[:4]))
    return Result("convention" if conventions else "holds", len(facts), shown, conventions)


def _named(fact: Fact) -> str:
    return fact.computed if fact.what in ("size", "kind", "label", "layer") else f"{fact.what} {fact.computed}"
