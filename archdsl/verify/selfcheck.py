"""The verdict on every cell of a table without any network: whether the table agrees with itself.

In: a `Reading`, and a way to elaborate a text. Out: a `Judgement` whose `network` is empty. Which sizes are true is
`walking.py`'s; counts are judged as against a network, each row being a network of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from archdsl.ops.base import Shape, show_shape
from archdsl.verify import derive
from archdsl.verify.adding import Counts, not_checked
from archdsl.verify.content import layers
from archdsl.verify.conventions import Quantity
from archdsl.verify.drafting import come_out, operations, table_style
from archdsl.verify.figures import matches_size, square
from archdsl.verify.finding import Finding, Judgement, Match, Result, combined
from archdsl.verify.fitting import Elaborate, Trials
from archdsl.verify.kinds import flatten
from archdsl.verify.phrase import Style
from archdsl.verify.sheet import SILENT, Choices, Sheet, table_choice, told
from archdsl.verify.subject import Stretch, Subject
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
    networks = [_Network(reading, column, _walked(reading, column, style, trials), style.letters) for column in columns]
    sheets = [sheet for network in networks for sheet in network.sheets]
    choices: dict[Quantity, Choices] = {}
    sentences = [text for text in assumed if text.startswith("layers in brackets")]
    for quantity in ("params", "ops"):
        made = table_choice(quantity, sheets)
        if made is not None:
            choices[quantity] = made
            sentences.append(told(quantity, made))
    sentences += dict.fromkeys(network.guess for network in networks if network.guess)
    results: dict[int, list[tuple[str, Result]]] = {}
    suggestions: dict[int, str] = {}
    for network in networks:
        for entry, result, suggestion in network.results(choices):
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


def _walked(reading: Reading, column: Column | None, style: Style, trials: Trials) -> list[Step]:
    """The rows of a network, a bottleneck's stride where its printed operations want it."""

    def macs(steps: Sequence[Step]) -> int:
        return sum(Subject(step.graph).total.macs for step in steps if step.graph is not None)

    steps = walk(reading, column, style, trials)
    printed = operations(reading, column)
    if come_out(printed, macs(steps)):
        return steps
    later = walk(reading, column, replace(style, early=False), trials)
    return later if come_out(printed, macs(later)) else steps


def _with(finding: Finding, suggestion: str) -> Finding:
    return replace(finding, suggestion=suggestion) if finding.verdict == "contradiction" else finding


class _Network:
    """The rows of one network, each with its own small sheet for counts."""

    def __init__(
        self, reading: Reading, column: Column | None, steps: Sequence[Step], letters: Mapping[str, int]
    ) -> None:
        self._reading = reading
        self._column = column
        self._steps = {id(step.line): step for step in steps}
        self._order = steps
        self._letters = letters
        self._input_row = any(_is_input(line) for line in reading.lines)
        self._entries = {
            id(line): [e for e in line.entries if e.column.role != "network" or e.column == column]
            for line in reading.lines
        }
        self._counts = Counts(column, steps, self._entries, reading.lines, letters, self.guess)

    @property
    def sheets(self) -> list[Sheet]:
        return self._counts.sheets

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

    # ------------------------------------------------------------ cells

    def results(self, choices: Mapping[Quantity, Choices]) -> Iterator[tuple[Entry, Result, str]]:
        """Every cell with its verdict and what would mend it."""
        before: Step | None = None
        for line in self._reading.lines:
            step = self._steps.get(id(line))
            for entry in self._entries[id(line)]:
                if entry.column.role in SILENT:
                    continue
                if entry.problem:
                    yield entry, not_checked(entry.problem), ""
                elif entry.column.role == "unknown":
                    yield entry, not_checked("nobody knows what the column means; say so with --columns"), ""
                elif line.quantity:
                    yield entry, self._counts.total(line, entry, choices), ""
                elif step is None and _is_input(line) and self._order and isinstance(entry.value, Size):
                    yield entry, *self._first_input(self._order[0], entry.value)
                elif step is None:
                    yield entry, self._outside(line), ""
                else:
                    yield entry, *self._cell(step, before, entry, choices)
            before = step or before

    def _outside(self, line: Line) -> Result:
        if line.unit is not None:
            return not_checked("the row is computed together with the last of those that are repeated with it")
        if self._column is not None:
            return not_checked(f"the row says nothing of {self._column.header}")
        return not_checked("the row names no layer, so that there is nothing to compute")

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
            return self._counts.cell(step, entry, choices), ""
        if role in _ARGUMENTS:
            return self._arguments(step, entry)
        return not_checked("nothing else in the row depends on it"), ""

    # ------------------------------------------------------------ sizes

    def _input(self, step: Step, before: Step | None, size: Size) -> tuple[Result, str]:
        if before is None:
            return self._first_input(step, size)
        if before.leaving is None or (before.computed is None and _silent(before)):
            return not_checked("what leaves the row before is not known"), ""
        if matches_size(size, before.leaving, self._letters):
            assumed = _assumed(before) if before.row.borrowed else ""
            return Result("convention" if assumed else "holds", 1, show_shape(before.leaving), assumed), ""
        why = f"the row before gives {_shown(before.leaving, size)}"
        if before.computed is not None and matches_size(size, before.computed, self._letters):
            why += f", though its arguments would make {show_shape(before.computed)}"
        return Result("contradiction", 1, _shown(before.leaving, size), explanation=why), _shown(before.leaving, size)

    def _first_input(self, step: Step, size: Size) -> tuple[Result, str]:
        if step.blame == "input":
            why = self._arithmetic(step) or f"the row makes {show_shape(step.computed or ())} of it"
            return Result("contradiction", 1, show_shape(step.mends[0].input), explanation=why), _mends(step)
        if step.computed is None or step.row.output is None:
            return not_checked("nothing stands before it, and the row's output cannot be computed from it"), ""
        if step.blame:
            return not_checked("nothing stands before it, and the row does not come out"), ""
        return Result("holds", 1, size.text, explanation="its sides: the row's output comes out of it"), ""

    def _output(self, step: Step, size: Size) -> tuple[Result, str]:
        if step.leaving is None or (step.computed is None and step.votes < 2):
            return not_checked(step.why or "the row could not be computed"), ""
        if step.blame == "output":
            shown = _shown(step.leaving, size)
            return Result("contradiction", 1, shown, explanation=self._arithmetic(step)), shown
        if step.blame:
            if step.votes < 2:
                return not_checked("it and the row's arguments contradict each other"), ""
            return Result("holds", 1, size.text, explanation="other cells bear it out"), ""
        if step.guessed:
            return not_checked("the table does not print what enters, which was taken from this size"), ""
        assumed = _assumed(step)
        return Result("convention" if assumed else "holds", 1, size.text, assumed), ""

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
            return not_checked(step.why or "the row could not be computed"), ""
        if step.guessed:
            return not_checked("the table does not print what enters the first row"), ""
        facts = self._facts(step, entry)
        if not facts:
            why = "no output is printed to compare it with" if step.row.output is None else "no size depends on it"
            return not_checked(why if entry.column.role != "layer" else "a name"), ""
        if blamed is not None and step.blame == "arguments":
            return not_checked("the row does not come out, and another of its cells may be wrong"), ""
        return Result("holds", facts, entry.cell.text), ""

    def _blamed(self, step: Step) -> Entry | None:
        """The cell of a row whose arguments are wrong."""
        entries = self._entries[id(step.line)]
        if step.blame == "input" and (step.row.input is not None or self._input_row):
            return None
        if step.blame not in ("input", "arguments") or step.row.widths:
            return None
        about = step.mends[0].about if step.mends else frozenset()
        ordered = sorted(
            (entry for entry in entries if entry.column.role in _ARGUMENTS),
            key=lambda entry: _ARGUMENTS.index(entry.column.role),
        )
        changed = (e for e in ordered if e.column.role in about or any(_has(one, about) for one in _said(e)))
        saying = (e for e in ordered if isinstance(e.value, Number) or any(_has(one) for one in _said(e)))
        return next((entry for some in (changed, saying, iter(ordered)) for entry in some), None)

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
            return not_checked(step.why or "no channels are printed to compare it with"), ""
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
        return not_checked(f"{total}, and {output.text} leaves: one of them is wrong"), ""

    def _inner(self, step: Step, entry: Entry, choices: Mapping[Quantity, Choices]) -> Result:
        counts = [
            e
            for e in self._entries[id(step.line)]
            if e.column.role in ("params", "ops") and isinstance(e.value, Number)
        ]
        results = [self._counts.cell(step, one, choices) for one in counts]
        if any(result.verdict in ("holds", "rounded", "convention") for result in results):
            told_by = next(
                one for one, result in zip(counts, results, strict=True) if result.verdict != "contradiction"
            )
            return Result("holds", 1, entry.cell.text, explanation=f"{told_by.column.header} come out with it")
        return not_checked("only the row's counts depend on it, and none of them comes out")


def _assumed(step: Step) -> str:
    """What a row's size depends on and nobody prints; empty where there is nothing."""
    texts = step.fitted.phrase.assumed if step.fitted is not None else ()
    sizes = [text for text in texts if text.startswith(("padding", "stride", "rounded", "a pool", "the first unit"))]
    return f"{'; '.join(sizes)}, which is not printed" if sizes else ""


def _silent(step: Step) -> bool:
    """Whether a row prints no output of its own."""
    return step.row.output is None or step.row.borrowed


def _is_input(line: Line) -> bool:
    return {one.kind for one in layers(line.said)} == {"input"}


def _said(entry: Entry) -> list[Said]:
    return list(layers(entry.value)) if isinstance(entry.value, tuple) else []


def _has(one: Said, names: Collection[str] = ("kernel", "stride", "padding", "filters")) -> bool:
    """Whether a layer says any of these."""
    return any(getattr(one, name) is not None for name in names)


def _shown(shape: Shape, size: Size) -> str:
    """A size as the table writes it: 1x1x4096 for a vector where its neighbours are images."""
    if len(shape) == 1 and len(size.parts) == 3:
        shape = (1, 1, *shape)
    return f"{shape[-1]}@{show_shape(shape[:-1])}" if size.order == "first" else show_shape(shape)


def _mends(step: Step) -> str:
    """The smallest change, and another one that is about as small."""
    near = [change for change in step.mends[:2] if change.size <= step.mends[0].size + _NEAR]
    return ", or ".join(change.text for change in near)
