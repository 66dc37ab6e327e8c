"""The run: epochs of steps, a test after each, and nothing lost on the way.

In: a checked graph, a plan, data, a folder, a machine. Out: a `Result`, and the folder filled. Deciding the plan is
left to `archdsl.train.plan`, reading the data to `archdsl.train.data`, a step to `archdsl.train.learner`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

from archdsl.graph import Graph
from archdsl.train.checkpoint import Checkpoint
from archdsl.train.dataset import Dataset
from archdsl.train.display import Display
from archdsl.train.errors import TrainError
from archdsl.train.evaluation import evaluate
from archdsl.train.events import Events
from archdsl.train.feed import Batch, Feed
from archdsl.train.folder import BEST, WEIGHTS, RunFolder
from archdsl.train.interval import Clock, Interval
from archdsl.train.learner import Learner
from archdsl.train.machine import CPU, Machine, computing
from archdsl.train.plan import Plan
from archdsl.train.progress import Epoch, Progress, Sums
from archdsl.train.record import differences, record
from archdsl.train.report import report
from archdsl.train.schedule import learning_rate, stale
from archdsl.train.signals import Stop, stop_on_signals
from archdsl.train.team import ALONE

__all__ = ["Keeping", "Result", "train"]

_OPTIMIZER: Final = "optimizer."
"""How the names of the learner's tensors begin that are the optimizer's."""
_PARTS: Final = ("record", "progress", "learner")


@dataclass(frozen=True)
class Keeping:
    """How a run is kept: how often a checkpoint is written, whether one has to be there, whether it may be another's.

    `resume` refuses to start anew; `force` goes on with another network, recipe or data as far as they fit; with
    `tensorboard` there are event files too.
    """

    every: Interval = Interval()  # noqa: RUF009 - frozen
    resume: bool = False
    force: bool = False
    tensorboard: bool = False


@dataclass(frozen=True)
class Result:
    """How a run ended: its last epoch, or None when it was stopped within the first; `status` is the exit status."""

    last: Epoch | None
    steps: int
    status: int


def train(
    graph: Graph,
    plan: Plan,
    data: Dataset,
    folder: RunFolder,
    machine: Machine = CPU,
    display: Display | None = None,
    keeping: Keeping | None = None,
) -> Result:
    """Train a network from its first weights, or go on from the newest checkpoint that the folder has.

    The same graph, plan, data, machine and versions give the same weights, bit by bit on the CPU, however often the run
    was stopped or killed. torch's own generators are as they were afterwards. Raises `TrainError` where the network and
    the plan do not go together, a loss is not finite, a checkpoint is of another run, or the results cannot be written.
    """
    display = display or Display()
    lock = folder.locked() if machine.team.chief else nullcontext()
    with computing(machine, graph, plan.batch), lock, stop_on_signals() as stop, display:
        run = _Run(graph, plan, data, folder, machine, display, keeping or Keeping())
        with closing(run):
            return run.go(stop)


class _Run:
    """One run in memory."""

    def __init__(
        self,
        graph: Graph,
        plan: Plan,
        data: Dataset,
        folder: RunFolder,
        machine: Machine,
        display: Display,
        keeping: Keeping,
    ) -> None:
        self._graph = graph
        self._plan = plan
        self._data = data
        self._folder = folder
        self._machine = machine
        self._display = display
        self._learner = Learner(graph, plan, machine, data)
        self._feed = Feed(data, plan, machine)
        # As a checkpoint gives it back, so that the two can be compared.
        self._record: dict[str, Any] = json.loads(json.dumps(record(graph, plan, data, machine)))
        self._clock = Clock(keeping.every)
        self._progress = Progress()
        self._events: Events | None = None
        self._begin(keeping)

    # ------------------------------------------------------------ beginning, going on

    def _begin(self, keeping: Keeping) -> None:
        team = self._machine.team
        with team.agreed():
            other = differences(team.told(self._record), self._record).refused
            if other:
                raise TrainError("\n  ".join(("this process is to do another run than the first one:", *other)))
        # The others may have no such disk: the chief reads, and tells.
        found = team.told(self._folder.newest(self._display.warn) if team.chief else None)
        if found is not None:
            self._resume(found, force=keeping.force)
        elif keeping.resume:
            raise TrainError(f"{self._folder.path} holds no checkpoint to go on from", "leave out --resume")
        else:
            for text in self._learner.said:
                self._display.note(text)
        if not team.chief:
            return
        try:
            self._folder.write_recipe(self._record)
            self._folder.write_metrics(self._progress.history)
            if found is None:
                self._folder.save(0, self._checkpoint())
            if keeping.tensorboard and not self._finished():
                self._events = Events(
                    self._folder.path, self._progress.steps, self._progress.history, self._display.warn
                )
        except OSError as error:
            raise self._full(error) from None
        self._clock.done(self._progress.steps)

    def _resume(self, found: Checkpoint, *, force: bool) -> None:
        place = self._folder.path
        try:
            before, progress, learner = (found.record[part] for part in _PARTS)
            other = differences(before, self._record)
            self._progress = Progress.of(progress)
        except (KeyError, TypeError) as error:
            raise TrainError(f"the checkpoint of {place} is of another archdsl: {error}", "--overwrite") from None
        if other.refused and not force:
            lines = "".join(f"\n  {line}" for line in other.refused)
            hint = "--overwrite starts anew, --out another run; --force goes on with what there is now"
            raise TrainError(f"{place} holds another run:{lines}", hint)
        for line in other.refused:
            self._display.warn(f"forced to go on although {line}")
        for line in other.noted:
            self._display.warn(f"the result may differ in its last bits: {line}")
        if not 0 <= self._progress.steps - len(self._progress.history) * self._feed.per_epoch <= self._feed.per_epoch:
            raise TrainError(f"the checkpoint of {place} is of epochs of another length", "--overwrite starts anew")
        tensors, was, now = found.tensors, before["recipe"]["optimizer"], self._record["recipe"]["optimizer"]
        if was["name"] != now["name"] or (now.get("momentum") and not was.get("momentum")):
            # What one remembers of the gradients says nothing to the other.
            tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(_OPTIMIZER)}
            self._display.warn(f"what `{was['name']}` remembers of its gradients is left out")
        self._learner.restore(tensors, learner)
        steps = self._progress.steps
        if steps > self._plan.epochs * self._feed.per_epoch:
            at = math.ceil(steps / self._feed.per_epoch)
            message = f"{place} is in epoch {at} already, and the recipe has {self._plan.epochs}"
            raise TrainError(message, f"--epochs {at} or more; --overwrite starts anew")
        if self._finished():
            self._record = before
            self._display.note(f"the run in {place} is finished, after step {steps:,}: nothing is left to do")
            return
        changed = [*other.refused, *other.noted]
        entry = [{"after_step": steps, "changed": changed}] if changed else []
        self._record["changes"] = [*before.get("changes", []), *entry]
        if steps:
            self._display.note(f"going on after step {steps:,}, in epoch {len(self._progress.history) + 1}")

    def _checkpoint(self) -> Checkpoint:
        values = (self._record, self._progress.record(), self._learner.record())
        return Checkpoint(self._learner.tensors(), dict(zip(_PARTS, values, strict=True)))

    # ------------------------------------------------------------ the run

    def go(self, stop: Stop) -> Result:
        """Train to the end, or until a signal asks for it."""
        self._display.start(self._plan.epochs, self._feed.per_epoch, self._progress.steps)
        while not self._finished():
            if not (self._learn(stop) and self._test(stop)):
                self._asked(stop)
                self._keep()
                return self._result(stop, done=False)
            if self._clock.due(self._progress.steps, epoch_ends=True) or self._finished():
                self._keep()
        written = self._machine.team.told(self._write_results(stop) if self._machine.team.chief else False)
        if not written:
            self._asked(stop)
        return self._result(stop, done=written)

    def close(self) -> None:
        """Let go of what is open, however the run ended."""
        if self._events is not None:
            self._events.close()

    def _asked(self, stop: Stop) -> bool:
        """Whether a signal asks for an end: one process that hears it ends all of a team, after the same step."""
        asked, signals = self._machine.team.added([stop.asked, stop.signal or 0], self._machine.device)
        if asked and not stop.asked:
            stop.signal = round(signals / asked)
        return stop.asked

    def _result(self, stop: Stop, *, done: bool) -> Result:
        history = self._progress.history
        return Result(history[-1] if history else None, self._progress.steps, 0 if done else stop.exit_status)

    def _finished(self) -> bool:
        history, early = self._progress.history, self._plan.early_stopping
        if early is not None and stale([epoch.test_loss for epoch in history]) >= early.patience:
            return True
        return len(history) >= self._plan.epochs

    def _rate(self, step: int) -> float:
        return learning_rate(
            self._plan.schedule,
            self._plan.optimizer.lr,
            step=step,
            per_epoch=self._feed.per_epoch,
            epochs=self._plan.epochs,
            losses=[epoch.test_loss for epoch in self._progress.history],
        )

    def _learn(self, stop: Stop) -> bool:
        """What is left of an epoch; False where a signal asked for an end."""
        epoch = len(self._progress.history)
        first = self._progress.steps - epoch * self._feed.per_epoch
        with closing(self._feed.steps(epoch, first)) as steps:
            for batches in steps:
                number, sums = self._progress.steps, self._progress.sums
                rate = self._rate(number)
                learned = self._learner.step(number, batches, rate)
                self._progress = replace(self._progress, steps=number + 1, sums=sums + learned.sums)
                done = self._progress.sums
                accuracy = done.right / done.seen if done.seen else math.nan
                self._display.step(epoch + 1, learned.loss, sum(map(len, batches)), accuracy)
                if self._events is not None:
                    self._events.step(number, learned.loss, rate)
                if self._asked(stop):
                    return False
                if self._clock.due(number + 1):
                    self._keep()
        if not self._progress.sums.seen:
            raise TrainError(f"no step of epoch {epoch + 1} had a finite loss", "a lower learning rate, perhaps")
        return True

    def _test(self, stop: Stop) -> bool:
        """The test at the end of an epoch; False where a signal asked for an end."""
        progress, criterion = self._progress, self._plan.criterion
        tested = self._learner.tested()
        # On the CPU each process has its own means and variances of norms, and a checkpoint has the chief's.
        self._machine.team.share(tested.buffers())
        with closing(self._feed.tests()) as batches:
            score = evaluate(tested, batches, criterion, self._machine, lambda: stop.asked)
        if score is None:
            return False
        sums = progress.sums
        done = Epoch(
            epoch=len(progress.history) + 1,
            step=progress.steps,
            learning_rate=self._rate(progress.steps - 1),
            train_loss=sums.loss / sums.seen,
            train_accuracy=sums.right / sums.seen,
            test_loss=score.loss,
            test_accuracy=score.accuracy,
            test_top5_accuracy=score.top5,
            skipped_steps=sums.skipped,
        )
        self._learner.check_finite(progress.steps)
        if not math.isfinite(score.loss):
            raise TrainError(
                f"the test loss is {score.loss} after epoch {done.epoch}", "a lower learning rate, perhaps"
            )
        history = (*progress.history, done)
        best = progress.best
        if best == 0 or done.better_than(history[best - 1]):
            best = done.epoch
            if self._machine.team.chief:
                self._write_weights(BEST, best)
        self._progress = replace(progress, sums=Sums(), history=history, best=best)
        if self._machine.team.chief:
            self._unless_full("the metrics", lambda: self._folder.write_metrics(history))
        self._display.epoch(done)
        if self._events is not None:
            self._events.epoch(done)
        return True

    # ------------------------------------------------------------ keeping

    def _keep(self) -> None:
        """Write a checkpoint."""
        step = self._progress.steps
        self._learner.check_finite(step)
        if not self._machine.team.chief:
            return
        if self._events is not None:
            # Before the checkpoint, so that what is done before it is never missing.
            self._events.flush()
        self._unless_full(f"the checkpoint of step {step:,}", lambda: self._folder.save(step, self._checkpoint()))
        self._clock.done(step)

    def _unless_full(self, what: str, write: Callable[[], object]) -> None:
        """Write what is written anew later; where the disk is full, say so and go on."""
        try:
            write()
        except OSError as error:
            kept = self._folder.steps()
            if not kept:
                raise TrainError(f"cannot write {what}: {error.strerror}, and no checkpoint is left") from None
            self._display.warn(
                f"cannot write {what}: {error.strerror}; "
                f"training goes on, and the last checkpoint is of step {kept[-1]:,}"
            )

    def _write_weights(self, name: str, epoch: int) -> None:
        """Write the weights that are tested. Raises `TrainError` where the disk is full."""
        remarks = {"network": self._graph.own_name, "epoch": str(epoch), "steps": str(self._progress.steps)}
        try:
            self._folder.write_weights(name, self._learner.weights(), remarks)
        except OSError as error:
            raise self._full(error) from None

    def _full(self, error: OSError) -> TrainError:
        hint = "make room; then the same command goes on from the last checkpoint"
        return TrainError(f"cannot write to {self._folder.path}: {error.strerror}", hint)

    def _write_results(self, stop: Stop) -> bool:
        """What a finished run leaves; False where a signal asked for an end before there is a report.

        The same command writes it then. Raises `TrainError` where it cannot.
        """
        history = self._progress.history
        try:
            self._folder.write_metrics(history)
        except OSError as error:
            raise self._full(error) from None
        self._write_weights(WEIGHTS, len(history))
        alone = replace(self._machine, team=ALONE)
        with closing(Feed(self._data, self._plan, alone).tests()) as tests:
            try:
                made = report(
                    self._graph,
                    self._record,
                    history,
                    self._progress.best,
                    self._learner.tested(),
                    self._data,
                    _until(stop, tests),
                    self._plan.criterion,
                    alone,
                )
            except _Asked:
                return False
        try:
            self._folder.write_report(made)
        except OSError as error:
            raise self._full(error) from None
        return True


class _Asked(Exception):
    """A signal asked for an end."""


def _until(stop: Stop, batches: Iterable[Batch]) -> Iterator[Batch]:
    """Batches until a signal asks for an end, which raises `_Asked`."""
    for batch in batches:
        if stop.asked:
            raise _Asked
        yield batch
