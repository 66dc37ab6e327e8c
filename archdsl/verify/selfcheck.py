"""The verdict on every cell of a table without any network: whether the table agrees with itself.

In: a `Reading`, and a way to elaborate a text. Out: a `Judgement` whose `network` is empty. Which sizes are true is
`walking.py`'s; counts are judged as against a network, each row being a network of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from archdsl.ops.base import Shape, show_shape
from archdsl.verify import derive
from archdsl.verify.align import flatten
from archdsl.verify.content import layers
from archdsl.verify.conventions import Figure, Quantity
from archdsl.verify.drafting import table_style
from archdsl.verify.figures import matches_size, square
from archdsl.verify.figures import reading as reads
from archdsl.verify.finding import Finding, Judgement, Match
from archdsl.verify.fitting import Elaborate, Trials
from archdsl.verify.judge import CellJudge, Result, combined
from archdsl.verify.sheet import SILENT, Case, Choices, Row, Sheet, table_choice, told
from archdsl.verify.subject import Parts, Stretch, Subject
from archdsl.verify.table import Column, Entry, Line, Number, Reading, Said, Size
from archdsl.verify.walking import Step, walk

__all__ = ["check_alone"]

_WINDOWED = frozenset({"conv", "deconv", "dwconv", "sepconv", "maxpool", "avgpool", "pool", "lppool"})
_ARGUMENTS = ("arguments", "kernel", "stride", "padding", "filters", "network", "layer")
"""Roles of cells that say what a layer is, in the order in which one is blamed."""
_NEAR = 0.5
"""How much larger a change may be to be worth a mention beside the smallest one."""
_COUNTED = ("params", "ops", "depth", "memory", "connections")


def check_alone(reading: Reading, elaborate: Elaborate) -> Judgement:
    """Check a table against itself: each row's sizes by its arguments, its input by the row before, its counts.

    >>> [(one.row, one.column, one.suggestion) for one in check_alone(vgg16_of_wei, elaborate).findings
    ...  if one.verdict == "contradiction"]
    [('31', 'parameters', 'maxpool f=2; s=2'), ('32', 'input', '7x7x512'), ('35', 'input', '1x1x4096')]

    `elaborate` makes the network of a text, or None. Padding that is not printed is none, half or `same`, whichever
    gives the printed size, and the verdict says which. Nothing that could not be computed holds.
    """
    columns: list[Column | None] = [c for c in reading.columns if c.role == "network"] or [None]
    style, assumed = table_style(reading, columns)
    style = replace(style, named=False, bold=False)
    trials = Trials(elaborate)
    networks = [_Network(column, walk(reading, column, style, trials), style.letters) for column in columns]
    sheets = [sheet for network in networks for sheet in network.sheets(reading)]
    choices: dict[Quantity, Choices] = {}
    sentences = [text for text in assumed if text.startswith(("layers in brackets", "a bottleneck"))]
    for quantity in ("params", "ops"):
        made = table_choice(quantity, sheets)
        if made is not None:
            choices[quantity] = made
            sentences.append(told(quantity, made))
    sentences += dict.fromkeys(network.guess for network in networks if network.guess)
    results: dict[int, list[tuple[str, Result]]] = {}
    suggestions: dict[int, str] = {}
    for network in networks:
        for entry, result, suggestion in network.results(reading, choices):
            results.setdefault(id(entry), []).append((network.name, result))
            if suggestion and result.verdict == "contradiction":
                suggestions.setdefault(id(entry), suggestion)
    findings = [
        _with(combined(line, entry, results.get(id(entry), [])), suggestions.get(id(entry), ""))
        for line in reading.lines
        for entry in line.entries
        if entry.column.role not in SILENT
    ]
    found = [match for network in networks for match in network.matches()]
    return Judgement(reading, "", findings, found, sentences)


def _with(finding: Finding, suggestion: str) -> Finding:
    return replace(finding, suggestion=suggestion) if finding.verdict == "contradiction" else finding


def _open(why: str) -> Result:
    return Result("not-checked", 0, explanation=why)


class _Network:
    """The rows of one network, each with its own small sheet for counts."""

    def __init__(self, column: Column | None, steps: Sequence[Step], letters: Mapping[str, int]) -> None:
        self._column = column
        self._steps = {id(step.line): step for step in steps}
        self._order = steps
        self._letters = letters
        self._sheets: dict[int, Sheet] = {}
        self._totals: Sheet | None = None
        self._input_row = False

    @property
    def name(self) -> str:
        return self._column.header if self._column is not None else ""

    @property
    def guess(self) -> str:
        """What is taken to enter, where the table does not print it."""
        first = self._order[0] if self._order else None
        if first is None or not first.guessed or first.entering is None:
            return ""
        return f"the input is taken to be {show_shape(first.entering)}"

    def matches(self) -> Iterator[Match]:
        """What each row was read as."""
        for step in self._order:
            text = " ".join(said.text for said in flatten(step.row.said)[:6])
            written = (step.fitted.phrase.text,) if step.fitted is not None and step.fitted.graph is not None else ()
            yield Match(step.line.number, text, written)

    def _entries(self, line: Line) -> list[Entry]:
        return [e for e in line.entries if e.column.role != "network" or e.column == self._column]

    # ------------------------------------------------------------ counts

    def sheets(self, reading: Reading) -> list[Sheet]:
        """A sheet for each row that makes a network, and one for the totals."""
        whole = Parts()
        known = True
        for step in self._order:
            if step.graph is None:
                known = False
                continue
            subject = Subject(step.graph)
            whole += subject.total
            self._sheets[id(step.line)] = self._sheet(step, subject)
        if known and self._order:
            some = next(iter(self._sheets.values()))
            rows = [Row(line, self._entries(line), []) for line in reading.lines if line.quantity]
            self._totals = Sheet(some.case, rows)
            for row in rows:
                for entry in row.entries:
                    quantity = entry.column.role if entry.column.role in ("params", "ops") else row.line.quantity
                    if isinstance(entry.value, Number) and quantity in ("params", "ops"):
                        self._totals.figures[id(entry)] = (
                            "params" if quantity == "params" else "ops",
                            Figure(entry.value, whole),
                        )
        return [*self._sheets.values(), *([self._totals] if self._totals is not None else [])]

    def _sheet(self, step: Step, subject: Subject) -> Sheet:
        stop = len(subject.layers)
        block = next((one for one in subject.blocks if (one.start, one.stop) == (1, stop)), None)
        row = Row(step.line, self._entries(step.line), flatten(step.row.said), Stretch(min(1, stop - 1), stop, block))
        sheet = Sheet(Case(subject, self._column), [row])
        for entry in row.entries:
            if isinstance(entry.value, Number) and entry.column.role in ("params", "ops"):
                quantity: Quantity = "params" if entry.column.role == "params" else "ops"
                sheet.figures[id(entry)] = (quantity, Figure(entry.value, subject.total))
        return sheet

    # ------------------------------------------------------------ cells

    def results(self, reading: Reading, choices: Mapping[Quantity, Choices]) -> Iterator[tuple[Entry, Result, str]]:
        """Every cell with its verdict and what would mend it."""
        before: Step | None = None
        self._input_row = any(_is_input(line) for line in reading.lines)
        for line in reading.lines:
            step = self._steps.get(id(line))
            for entry in self._entries(line):
                if entry.column.role in SILENT:
                    continue
                if entry.problem:
                    yield entry, _open(entry.problem), ""
                elif entry.column.role == "unknown":
                    yield entry, _open("nobody knows what the column means; say so with --columns"), ""
                elif line.quantity:
                    yield entry, self._total(line, entry, choices), ""
                elif step is None and _is_input(line) and self._order and isinstance(entry.value, Size):
                    yield entry, *self._first_input(self._order[0], entry.value)
                elif step is None:
                    yield entry, self._outside(), ""
                else:
                    yield entry, *self._cell(step, before, entry, choices)
            before = step or before

    def _outside(self) -> Result:
        if self._column is not None:
            return _open(f"the row says nothing of {self._column.header}")
        return _open("the row names no layer, so that there is nothing to compute")

    def _cell(
        self, step: Step, before: Step | None, entry: Entry, choices: Mapping[Quantity, Choices]
    ) -> tuple[Result, str]:
        role = entry.column.role
        if role == "input" and isinstance(entry.value, Size):
            return self._input(step, before, entry.value)
        if role == "output" and isinstance(entry.value, Size):
            return self._output(step, entry.value)
        if role == "branch" and isinstance(entry.value, Number):
            return self._branch(step, entry, choices)
        if role in _COUNTED and isinstance(entry.value, Number):
            return self._count(step, entry, choices), ""
        if role in _ARGUMENTS:
            return self._arguments(step, entry)
        return _open("nothing else in the row depends on it"), ""

    def _count(self, step: Step, entry: Entry, choices: Mapping[Quantity, Choices]) -> Result:
        sheet = self._sheets.get(id(step.line))
        if sheet is None:
            return _open(step.why or "the row could not be computed")
        result = CellJudge(sheet, self._letters, choices).cell(sheet.rows[0], entry)
        if step.guessed and result.verdict in ("holds", "rounded"):
            return replace(result, verdict="convention", convention=self.guess)
        return result

    def _total(self, line: Line, entry: Entry, choices: Mapping[Quantity, Choices]) -> Result:
        if not isinstance(entry.value, Number):
            return _open("a name")
        if self._totals is None:
            return _open("not every row could be computed, so that there is no sum")
        row = next(one for one in self._totals.rows if one.line is line)
        known = self._totals.figures.get(id(entry))
        if known is not None:
            result = CellJudge(self._totals, self._letters, choices).counted(*known, row)
            if result.verdict != "contradiction":
                return result
            value = choices[known[0]].first.convention.value(known[1])
            return replace(result, explanation=f"the rows add up to {value:,}")
        if line.quantity == "depth" or entry.column.role == "depth":
            subjects = [sheet.case.subject for sheet in self._sheets.values()]
            value = sum(one.depth(Stretch(0, len(one.layers))) for one in subjects)
            how = reads(entry.value, value)
            if how is None:
                return Result("contradiction", 1, f"{value:,}", explanation=f"the rows have {value:,} weight layers")
            return Result("holds" if how in ("exact", "rounded") else "rounded", 1, f"{value:,}")
        return _open(f"{line.quantity} are not added up")

    # ------------------------------------------------------------ sizes

    def _input(self, step: Step, before: Step | None, size: Size) -> tuple[Result, str]:
        if before is None:
            return self._first_input(step, size)
        if before.leaving is None:
            return _open("what leaves the row before is not known"), ""
        shown = show_shape(before.leaving)
        if matches_size(size, before.leaving, self._letters):
            return Result("holds", 1, shown), ""
        why = f"the row before gives {_shown(before.leaving, size)}"
        if before.computed is not None and matches_size(size, before.computed, self._letters):
            why += f", though its arguments would make {show_shape(before.computed)}"
        return Result("contradiction", 1, _shown(before.leaving, size), explanation=why), _shown(before.leaving, size)

    def _first_input(self, step: Step, size: Size) -> tuple[Result, str]:
        if step.blame == "input":
            why = self._arithmetic(step) or f"the row makes {show_shape(step.computed or ())} of it"
            return Result("contradiction", 1, show_shape(step.mends[0].input), explanation=why), _mends(step)
        if step.computed is None or step.row.output is None:
            return _open("nothing stands before it, and the row's output cannot be computed from it"), ""
        if step.blame:
            return _open("nothing stands before it, and the row does not come out"), ""
        return Result("holds", 1, size.text, explanation="its sides: the row's output comes out of it"), ""

    def _output(self, step: Step, size: Size) -> tuple[Result, str]:
        if step.leaving is None or (step.computed is None and step.votes < 2):
            return _open(step.why or "the row could not be computed"), ""
        if step.blame == "output":
            shown = _shown(step.leaving, size)
            return Result("contradiction", 1, shown, explanation=self._arithmetic(step)), shown
        if step.blame:
            if step.votes < 2:
                return _open("it and the row's arguments contradict each other"), ""
            return Result("holds", 1, size.text, explanation="the next row goes on from it"), ""
        if step.guessed:
            return _open("the table does not print what enters, which was taken from this size"), ""
        assumed = [
            text
            for text in (step.fitted.phrase.assumed if step.fitted is not None else ())
            if text.startswith(("padding", "stride", "rounded", "a pool", "the first unit"))
        ]
        if assumed:
            return Result("convention", 1, size.text, f"{'; '.join(assumed)}, which is not printed"), ""
        return Result("holds", 1, size.text), ""

    def _arithmetic(self, step: Step) -> str:
        """How the row's arguments lead to another size."""
        if step.fitted is None or step.fitted.graph is None:
            return step.why
        subject = Subject(step.fitted.graph)
        return derive.of_output(subject, Stretch(0, len(subject.layers)))

    # ------------------------------------------------------------ arguments

    def _arguments(self, step: Step, entry: Entry) -> tuple[Result, str]:
        blamed = self._blamed(step)
        if blamed is entry:
            facts = max(1, self._facts(step, entry))
            made = show_shape(step.computed) if step.computed is not None else ""
            return Result("contradiction", facts, made, explanation=self._arithmetic(step)), _mends(step)
        wrong = self._kernel_of_fc(step, entry)
        if wrong is not None:
            return wrong
        if step.computed is None:
            return _open(step.why or "the row could not be computed"), ""
        if step.guessed:
            return _open("the table does not print what enters the first row"), ""
        facts = self._facts(step, entry)
        if not facts:
            why = "no output is printed to compare it with" if step.row.output is None else "no size depends on it"
            return _open(why if entry.column.role != "layer" else "a name"), ""
        if blamed is not None and step.blame == "arguments":
            return _open("the row does not come out, and another of its cells may be wrong"), ""
        return Result("holds", facts, entry.cell.text), ""

    def _blamed(self, step: Step) -> Entry | None:
        """The cell of a row whose arguments are wrong."""
        entries = self._entries(step.line)
        if step.blame == "input" and (step.row.input is not None or self._input_row):
            return None
        if step.blame not in ("input", "arguments") or step.row.widths:
            return None
        for role in _ARGUMENTS:
            for entry in entries:
                if entry.column.role == role and (isinstance(entry.value, Number) or _says_more(entry)):
                    return entry
        return next((entry for entry in entries if entry.column.role in _ARGUMENTS), None)

    def _kernel_of_fc(self, step: Step, entry: Entry) -> tuple[Result, str] | None:
        """A fully connected layer written as a convolution has the kernel of its whole input."""
        said = _said(entry)
        if len(said) != 1 or said[0].kind != "fc" or said[0].kernel is None or step.entering is None:
            return None
        whole = square(step.entering[:-1] or (1,))
        if square(said[0].kernel) == whole:
            return None
        shown = show_shape(step.entering)
        why = f"a fully connected layer on {shown} is a convolution of {show_shape(whole)}"
        return Result("contradiction", 1, f"kernel {show_shape(whole)}", explanation=why), f"f={show_shape(whole)}"

    def _facts(self, step: Step, entry: Entry) -> int:
        """How many things that a cell says are borne out by the row's sizes.

        A kernel is where the padding is certain: with half of an odd kernel around it, any would do.
        """
        output = step.row.output
        if output is None:
            return 0
        said = _said(entry)
        if isinstance(entry.value, Number) and step.row.said and isinstance(step.row.said[0], Said):
            one = step.row.said[0]
            kept = {
                role: getattr(one, role)
                for role in ("kernel", "stride", "padding", "filters")
                if role == entry.column.role
            }
            said = [Said(one.text, one.kind, **kept)]
        free = (
            any(text.startswith(("padding", "rounded")) for text in step.fitted.phrase.assumed) if step.fitted else True
        )
        several = sum(one.kind in _WINDOWED for one in layers(step.row.said)) > 1
        facts = 0
        for one in said:
            kind = one.kind or ""
            if kind in _WINDOWED:
                facts += one.stride is not None
                facts += one.padding is not None and not several
                facts += one.kernel is not None and not free and not several
            elif kind == "fc":
                facts += one.kernel is not None
        last = said[-1] if said else None
        if last is not None and last.filters is not None and len(output.parts) > 2:
            facts += 1
        return facts

    # ------------------------------------------------------------ branches

    def _branch(self, step: Step, entry: Entry, choices: Mapping[Quantity, Choices]) -> tuple[Result, str]:
        """The widths that end in the row's output add up to its channels; the others only the counts tell."""
        name = entry.column.detail.lower()
        ends = [
            width for detail, width in step.row.widths.items() if "reduce" not in detail and "squeeze" not in detail
        ]
        if "reduce" in name or "squeeze" in name:
            return self._inner(step, entry, choices), ""
        output = step.row.output
        if step.computed is None or output is None or len(output.parts) < 3:
            return _open(step.why or "no channels are printed to compare it with"), ""
        shown = " + ".join(map(str, ends))
        total = f"{shown} = {sum(ends)}" if len(ends) > 1 else shown
        if not step.blame:
            return Result("holds", 1, entry.cell.text, explanation=total), ""
        if step.blame == "output":
            return Result("holds", 1, entry.cell.text, explanation=total), ""
        if step.mends and step.mends[0].text.rpartition(" ")[0] == name:
            mine = f"{total}, and {output.text} leaves"
            return Result("contradiction", 1, step.mends[0].text.removeprefix(f"{name} "), explanation=mine), _mends(
                step
            )
        return _open(f"{total}, and {output.text} leaves: one of them is wrong"), ""

    def _inner(self, step: Step, entry: Entry, choices: Mapping[Quantity, Choices]) -> Result:
        counts = [
            e for e in self._entries(step.line) if e.column.role in ("params", "ops") and isinstance(e.value, Number)
        ]
        results = [self._count(step, one, choices) for one in counts]
        if any(result.verdict in ("holds", "rounded", "convention") for result in results):
            told_by = next(
                one for one, result in zip(counts, results, strict=True) if result.verdict != "contradiction"
            )
            return Result("holds", 1, entry.cell.text, explanation=f"{told_by.column.header} come out with it")
        return _open("only the row's counts depend on it, and none of them comes out")


def _is_input(line: Line) -> bool:
    return {one.kind for one in layers(line.said)} == {"input"}


def _said(entry: Entry) -> list[Said]:
    return list(layers(entry.value)) if isinstance(entry.value, tuple) else []


def _says_more(entry: Entry) -> bool:
    """Whether a cell says more than a name."""
    return any(one.kernel or one.stride or one.filters or one.padding for one in _said(entry))


def _shown(shape: Shape, size: Size) -> str:
    """A size as the table writes it: 1x1x4096 for a vector where its neighbours are images."""
    if len(shape) == 1 and len(size.parts) == 3:
        shape = (1, 1, *shape)
    return f"{shape[-1]}@{show_shape(shape[:-1])}" if size.order == "first" else show_shape(shape)


def _mends(step: Step) -> str:
    """The smallest change, and another one that is about as small."""
    near = [change for change in step.mends[:2] if change.size <= step.mends[0].size + _NEAR]
    return ", or ".join(change.text for change in near)
