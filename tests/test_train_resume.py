"""Nothing lost: runs that are stopped, damaged, starved of disk or broken by a number go on, or say why they do not.

In: a small run. Out: facts: files equal to those of a run that was never stopped. Killing is in test_train_killed.py.
"""

from __future__ import annotations

import errno
import json
import math
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import archdsl
from archdsl.files import write_whole
from archdsl.train.checkpoint import Checkpoint, Damaged, decode, encode
from archdsl.train.dataset import Dataset, Examples
from archdsl.train.display import Display
from archdsl.train.errors import TrainError
from archdsl.train.folder import RunFolder
from archdsl.train.interval import Clock, Interval
from archdsl.train.loop import train
from archdsl.train.plan import Overrides, plan
from archdsl.train.progress import Epoch, Progress, Sums
from archdsl.train.randomness import order, seed_of, uniforms
from archdsl.train.record import differences
from archdsl.train.signals import at_once
from tests.devices import DEVICES, machine_on
from tests.killed import TEXT, Ticks, contents, examples, run

_EPOCHS = Interval(seconds=None)
_STEPS = 35
"""5 epochs of 7 steps."""


class Listener(Display):
    """Keeps what is said, and asks for an end by a signal after some steps."""

    def __init__(self, stop_after: int | None = None, number: int = signal.SIGTERM) -> None:
        super().__init__()
        self.said: list[str] = []
        self.warnings: list[str] = []
        self.steps = 0
        self._stop_after = stop_after
        self._number = number

    def _line(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def step(self, epoch: int, loss: float | None, images: int, accuracy: float) -> None:
        self.steps += 1
        if self.steps == self._stop_after:
            os.kill(os.getpid(), self._number)


# ---------------------------------------------------------------- random numbers by place


def test_uniform_numbers_are_splitmix64() -> None:
    # The published first outputs of SplitMix64 from the seed 0; a number is the upper 24 bits.
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    ours = uniforms(0, torch.tensor([0]), 3)
    assert (ours * 2**24).long()[0].tolist() == [number >> 40 for number in published]


def test_numbers_of_an_example_depend_on_nothing_else_in_its_batch() -> None:
    key = seed_of("crop", 1, 2)
    alone = uniforms(key, torch.tensor([7]), 2)
    assert torch.equal(uniforms(key, torch.tensor([3, 7, 1]), 2)[1], alone[0])
    assert not torch.equal(uniforms(seed_of("crop", 1, 3), torch.tensor([7]), 2), alone)
    many = uniforms(key, torch.arange(50_000), 2)
    assert float(many.min()) >= 0
    assert float(many.max()) < 1
    # The mean of 100,000 uniform numbers is within 5 standard deviations, 5 / sqrt(12 * 100,000), of a half.
    assert abs(float(many.mean()) - 0.5) < 5 / math.sqrt(1_200_000)


def test_the_order_is_a_permutation_of_its_own_for_every_epoch() -> None:
    assert sorted(order(1, 0, 50).tolist()) == list(range(50))
    assert torch.equal(order(1, 0, 50), order(1, 0, 50))
    assert not torch.equal(order(1, 0, 50), order(1, 1, 50))
    assert not torch.equal(order(1, 0, 50), order(2, 0, 50))


# ---------------------------------------------------------------- going on


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    run(folder)
    return contents(folder)


_RECIPES = {
    "adam": TEXT,
    "sgd": TEXT.replace("optimizer adam lr=0.01", "optimizer sgd lr=0.1 momentum=0.9 nesterov"),
    "adagrad": TEXT.replace("optimizer adam lr=0.01", "optimizer adagrad lr=0.1"),
    "muon": TEXT.replace("optimizer adam lr=0.01", "optimizer muon lr=0.01"),
    "lookahead": TEXT.replace("ema 0.9", "lookahead k=3 alpha=0.4 power=2"),
    "accumulated": TEXT.replace("batch 16", "batch 5 accumulate 3"),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", _RECIPES)
def test_a_run_stopped_again_and_again_is_the_run_that_was_not(tmp_path: Path, name: str, device: str) -> None:
    text, machine = _RECIPES[name], machine_on(device)
    run(tmp_path / "whole", text, machine=machine)
    parts = 0
    while run(tmp_path / "parts", text, machine=machine, display=Listener(4)).status == 128 + signal.SIGTERM:
        parts += 1
    assert parts >= 8
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_a_stop_between_the_last_step_of_an_epoch_and_its_test(tmp_path: Path, never_stopped: dict[str, bytes]) -> None:
    listener = Listener(7)
    result = run(tmp_path, display=listener, every=_EPOCHS)
    assert (result.steps, result.status, result.last) == (7, 143, None)
    assert (tmp_path / "metrics.jsonl").read_text() == ""
    again = Listener()
    run(tmp_path, display=again)
    assert again.steps == _STEPS - 7
    assert contents(tmp_path) == never_stopped


def test_a_signal_during_the_test_keeps_the_epoch(
    tmp_path: Path, never_stopped: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from archdsl.train import evaluation

    whole = evaluation.losses
    count = 0

    def interrupting(*given: object) -> torch.Tensor:
        nonlocal count
        count += 1
        if count == 3:  # the third epoch's
            os.kill(os.getpid(), signal.SIGINT)
        return whole(*given)  # type: ignore[arg-type]

    # Two batches, so that there is a place to stop in a test.
    monkeypatch.setattr("archdsl.train.feed.TEST_BATCH", 25)
    monkeypatch.setattr(evaluation, "losses", interrupting)
    result = run(tmp_path)
    assert (result.steps, result.status) == (14, 130)
    monkeypatch.undo()
    again = Listener()
    run(tmp_path, display=again)
    assert again.steps == _STEPS - 14
    assert (tmp_path / "model.safetensors").read_bytes() == never_stopped["model.safetensors"]


def test_a_signal_during_the_report_leaves_it_to_the_next_time(
    tmp_path: Path, never_stopped: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from archdsl.train import inference

    whole = inference.probabilities

    def interrupting(*given: object, **named: object) -> torch.Tensor:
        os.kill(os.getpid(), signal.SIGTERM)
        return whole(*given, **named)  # type: ignore[arg-type]

    # Two batches, so that there is a place to stop between them.
    monkeypatch.setattr("archdsl.train.feed.TEST_BATCH", 25)
    monkeypatch.setattr(inference, "probabilities", interrupting)
    result = run(tmp_path)
    assert (result.steps, result.status) == (_STEPS, 143)
    assert not (tmp_path / "report.html").exists()
    monkeypatch.undo()
    again = Listener()
    assert run(tmp_path, display=again).status == 0
    assert again.steps == 0
    ours = contents(tmp_path)
    assert ours["model.safetensors"] == never_stopped["model.safetensors"]
    assert ours["confusion.csv"] == never_stopped["confusion.csv"]
    assert "report.html" in ours


def test_a_second_ctrl_c_ends_at_once_and_loses_what_is_after_the_checkpoint(
    tmp_path: Path, never_stopped: dict[str, bytes]
) -> None:
    class Twice(Listener):
        def step(self, epoch: int, loss: float | None, images: int, accuracy: float) -> None:
            self.steps += 1
            if self.steps == 18:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, display=Twice(), every=_EPOCHS)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    again = Listener()
    run(tmp_path, display=again)
    assert again.steps == _STEPS - 14
    assert contents(tmp_path) == never_stopped


def test_ctrl_c_ends_a_process_that_loads_torch() -> None:
    # Python's own exception is lost where it falls into the lock of an import, and aborts in torch's.
    code = (
        "import signal; from archdsl.train.signals import at_once\nwith at_once(): signal.raise_signal(signal.SIGINT)"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (made.returncode, made.stderr) == (-signal.SIGINT, "")
    with at_once():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_finished_run_given_again_does_nothing_and_mends_what_is_missing(
    tmp_path: Path, never_stopped: dict[str, bytes]
) -> None:
    run(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "metrics.csv").write_text("nonsense")
    listener = Listener()
    result = run(tmp_path, display=listener)
    assert listener.steps == 0
    assert result.last is not None
    assert "is finished" in listener.said[0]
    assert contents(tmp_path) == never_stopped


def test_resume_asks_for_something_to_resume(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no checkpoint to go on from"):
        run(tmp_path, resume=True)
    run(tmp_path, display=Listener(3))
    assert run(tmp_path, resume=True).status == 0


def test_two_checkpoints_and_the_best_are_kept(tmp_path: Path) -> None:
    run(tmp_path, every=Interval(steps=3, seconds=None, epochs=False))
    names = sorted(path.name for path in (tmp_path / "checkpoints").glob("step-*"))
    # Every third step, 33 the last; then the end.
    assert names == ["step-0000000033.safetensors", "step-0000000035.safetensors"]
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    best = max(lines, key=lambda line: (line["test_accuracy"], -line["test_loss"]))
    from safetensors import safe_open

    with safe_open(tmp_path / "best.safetensors", framework="pt") as file:
        assert file.metadata()["epoch"] == str(best["epoch"])


# ---------------------------------------------------------------- damage


def _checkpoint() -> bytes:
    tensors = {"model.a": torch.arange(6.0).reshape(2, 3), "optimizer.a:step": torch.tensor(3)}
    return encode(Checkpoint(tensors, {"text": 'with "quotes" and ü', "number": 0.1}))


def test_a_checkpoint_comes_back_as_it_was() -> None:
    found = decode(_checkpoint())
    assert found.record == {"text": 'with "quotes" and ü', "number": 0.1}
    assert torch.equal(found.tensors["model.a"], torch.arange(6.0).reshape(2, 3))
    assert int(found.tensors["optimizer.a:step"]) == 3


def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a loss of power leaves is only sure where both were flushed, in this order: fsync(2), "calling fsync() does
    # not necessarily ensure that the entry in the directory containing the file has also reached disk".
    done: list[str] = []
    flush, rename = os.fsync, os.replace

    def flushed(handle: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{handle}"))
        assert not done[-1].endswith(".unfinished") or Path(done[-1]).read_bytes() == b"content"
        flush(handle)

    def renamed(before: Path, after: Path) -> None:
        done.append(f"{before} is {after}")
        rename(before, after)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", renamed)
    write_whole(tmp_path / "a", b"content")
    beside = tmp_path / ".a.unfinished"
    assert done == [str(beside), f"{beside} is {tmp_path / 'a'}", str(tmp_path)]


def test_what_a_killed_process_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "checkpoints"):
        place.mkdir(exist_ok=True)
        (place / ".something.unfinished").write_bytes(b"half")
    run(tmp_path, display=Listener(1))
    assert not [name for name in contents(tmp_path) if name.endswith(".unfinished")]


def test_the_average_has_the_statistics_of_the_network_and_weights_of_its_own(tmp_path: Path) -> None:
    run(tmp_path)
    tested = load_file(tmp_path / "model.safetensors")
    network = load_file(tmp_path / "checkpoints" / f"step-{_STEPS:010d}.safetensors")
    for name in ("bn.running_mean", "bn.running_var", "bn.num_batches_tracked"):
        assert torch.equal(tested[name], network[f"model.{name}"])
    assert int(tested["bn.num_batches_tracked"]) == _STEPS
    assert not torch.equal(tested["conv.weight"], network["model.conv.weight"])


def test_every_step_drops_others(tmp_path: Path) -> None:
    # One image a hundred times in each step, and weights that stay as they are: what is dropped is all that changes the
    # loss. In float32 the order of a sum does so too, by some 1e-7.
    losses: list[float] = []

    class Listen(Listener):
        def step(self, epoch: int, loss: float | None, images: int, accuracy: float) -> None:
            assert loss is not None
            losses.append(loss)

    text = "input 6x6x1\ndropout 0.5 -> fc 7\ntrain { data digits  batch 100  epochs 4  optimizer sgd lr=1e-30 }"
    one = examples(0, 1)
    alike = Examples(one.images.repeat(100, 1, 1, 1), one.labels.repeat(100))
    net = archdsl.loads(text)
    data = Dataset("alike", alike, alike, 7, (6, 6, 1))
    train(net.graph, plan(net.recipe, Overrides()), data, RunFolder(tmp_path), display=Listen())
    assert len(losses) == 4
    assert min(abs(a - b) for number, a in enumerate(losses) for b in losses[:number]) > 1e-4


def test_every_flipped_bit_and_every_truncation_is_found() -> None:
    whole = _checkpoint()
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << (place % 8)
        with pytest.raises(Damaged):
            decode(bytes(flipped))
        with pytest.raises(Damaged):
            decode(whole[:place])
    with pytest.raises(Damaged):
        decode(whole + b"\0")
    with pytest.raises(Damaged):
        decode(whole.replace(b"archdsl checkpoint 1", b"archdsl checkpoint 2"))


@pytest.mark.parametrize("harm", ["truncated", "flipped", "empty", "zeros"])
def test_a_damaged_newest_falls_back_with_a_loud_word(
    tmp_path: Path, never_stopped: dict[str, bytes], harm: str
) -> None:
    run(tmp_path, display=Listener(20))
    newest = tmp_path / "checkpoints" / "step-0000000020.safetensors"
    content = bytearray(newest.read_bytes())
    if harm == "flipped":
        content[random.Random(1).randrange(len(content))] ^= 4
    cut = {"truncated": content[:-100], "flipped": content, "empty": b"", "zeros": bytes(len(content))}[harm]
    newest.write_bytes(cut)
    listener = Listener()
    run(tmp_path, display=listener)
    (warning,) = listener.warnings
    assert "step-0000000020.safetensors is damaged" in warning
    assert listener.steps == _STEPS - 19
    aside = tmp_path / "checkpoints" / "step-0000000020.safetensors.damaged"
    assert aside.read_bytes() == cut
    aside.unlink()
    assert contents(tmp_path) == never_stopped


def test_nothing_is_overwritten_where_all_checkpoints_are_damaged(tmp_path: Path) -> None:
    run(tmp_path, display=Listener(5))
    for path in (tmp_path / "checkpoints").glob("step-*"):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(TrainError, match="put aside: 2"):
        run(tmp_path)
    with pytest.raises(TrainError, match="put aside: 2"):
        run(tmp_path)
    assert len(list((tmp_path / "checkpoints").glob("step-*"))) == 2


# ---------------------------------------------------------------- a full disk


def test_a_disk_that_is_full_for_a_moment_loses_nothing(tmp_path: Path, never_stopped: dict[str, bytes]) -> None:
    counted = Ticks(lambda count: None)
    with pytest.MonkeyPatch.context() as patch:
        counted.install(patch.setattr)
        run(tmp_path / "counted", every=_EPOCHS)
    stopped = 0
    for place in random.Random(5).sample(range(1, counted.count + 1), 20):

        def full(count: int, place: int = place) -> None:
            if count == place:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        folder = tmp_path / str(place)
        listener = Listener()
        with pytest.MonkeyPatch.context() as patch:
            Ticks(full).install(patch.setattr)
            said = listener.warnings
            try:
                run(folder, display=listener, every=_EPOCHS)
            except TrainError as error:
                stopped += 1
                said = [error.message]
        assert len(said) == 1
        assert "No space left on device" in said[0]
        run(folder)
        ours = contents(folder)
        for name in ("model.safetensors", "best.safetensors", "metrics.jsonl", "metrics.csv", "recipe.json"):
            assert ours[name] == never_stopped[name], name
        assert not [name for name in ours if name.endswith(".unfinished")]
    assert 0 < stopped < 20


def test_a_disk_that_stays_full_stops_the_run_with_the_last_checkpoint_whole(tmp_path: Path) -> None:
    run(tmp_path, display=Listener(20))
    before = contents(tmp_path)

    def full(count: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        Ticks(full).install(patch.setattr)
        with pytest.raises(TrainError, match="No space left on device"):
            run(tmp_path)
    assert contents(tmp_path) == before
    assert run(tmp_path).status == 0


# ---------------------------------------------------------------- another run in the folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("lr=0.01", "lr=0.02"), "recipe.optimizer.lr: it was 0.01, and is 0.02"),
        (lambda text: text.replace("crop=6+1 flip", "flip"), "recipe.augment.crop"),
        (lambda text: text.replace("-> relu", "-> tanh"), "network: had `"),
        (lambda text: text.replace("3x3+1 4", "3x3+1 5"), "network: has `"),
        (lambda text: text.replace("seed 3", "seed 4"), "recipe.seed: it was 3, and is 4"),
    ],
)
def test_another_network_or_recipe_is_refused(tmp_path: Path, change: Callable[[str], str], message: str) -> None:
    run(tmp_path, display=Listener(3))
    with pytest.raises(TrainError) as caught:
        run(tmp_path, change(TEXT))
    assert message in caught.value.message
    assert "--force" in caught.value.hint
    assert run(tmp_path).status == 0


def test_what_differs_beside_a_quite_other_network_is_said_too(tmp_path: Path) -> None:
    run(tmp_path, display=Listener(3))
    layers = " -> ".join(f"fc {width} -> relu" for width in range(10, 30))
    with pytest.raises(TrainError) as caught:
        run(
            tmp_path,
            TEXT.replace("conv 3x3+1 4", f"{layers} -> fc 7")
            .replace("seed 3", "seed 4")
            .replace(
                "-> bn -> relu -> dropout 0.3 -> fc 7",
                "",
            ),
        )
    lines = caught.value.message.splitlines()
    assert any("more lines" in line for line in lines)
    assert lines[-1].strip() == "recipe.seed: it was 3, and is 4"


def test_a_file_in_another_place_is_the_same_while_its_digest_is() -> None:
    before = {"network": {"source": ""}, "recipe": {"data": {"kind": "npz", "path": "a"}}, "data": {"sha256": "1"}}
    before |= {"machine": {}, "versions": {}}
    moved = before | {"recipe": {"data": {"kind": "npz", "path": "b"}}}
    assert differences(before, moved).refused == ()
    assert len(differences(before, moved | {"data": {"sha256": "2"}}).refused) == 1


def test_other_data_are_refused(tmp_path: Path) -> None:
    run(tmp_path, display=Listener(3))
    with pytest.raises(TrainError, match=r"data\.sha256"):
        run(tmp_path, seed=9)
    with pytest.raises(TrainError, match=r"data\.train_images: it was 100, and is 90"):
        run(tmp_path, count=90)


def test_comments_and_names_are_no_difference(tmp_path: Path) -> None:
    run(tmp_path, display=Listener(3))
    assert run(tmp_path, "# a remark\n" + TEXT).status == 0


@pytest.mark.parametrize("name", ["other.arch", "elsewhere/basic.arch"])
def test_a_file_that_was_renamed_or_moved_goes_on_bit_by_bit(tmp_path: Path, name: str) -> None:
    # The second name is that of a block, which cannot have it in the PyTorch source then.
    text = TEXT.replace("conv 3x3+1 4 -> bn -> relu", "basic -> basic")
    text = "block basic = conv 3x3+1 4 -> bn -> relu\n" + text
    before, after = tmp_path / "net.arch", tmp_path / name
    after.parent.mkdir(exist_ok=True)
    for path in (before, after):
        path.write_text(text)
    run(tmp_path / "whole", after)
    run(tmp_path / "run", before, display=Listener(4))
    listener = Listener()
    run(tmp_path / "run", after, display=listener)
    assert listener.steps == _STEPS - 4
    assert listener.warnings == []
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_force_goes_on_with_what_there_is_now(tmp_path: Path) -> None:
    run(tmp_path, display=Listener(7))
    listener = Listener()
    result = run(tmp_path, TEXT.replace("lr=0.01", "lr=0.02"), display=listener, force=True)
    assert listener.steps == _STEPS - 7
    assert listener.warnings == ["forced to go on although recipe.optimizer.lr: it was 0.01, and is 0.02"]
    assert result.status == 0
    assert json.loads((tmp_path / "recipe.json").read_text())["recipe"]["optimizer"]["lr"] == 0.02
    # Wider by one: the weights and bias of conv, the two of bn and its two statistics, and the weights behind it.
    with pytest.raises(TrainError, match=r"does not fit the network: 7 weights differ, `conv.weight` the first"):
        run(tmp_path, TEXT.replace("3x3+1 4", "3x3+1 5"), force=True)


def test_not_even_force_goes_on_within_epochs_of_another_length(tmp_path: Path) -> None:
    run(tmp_path, display=Listener(15))
    # After two epochs of 7 steps and one more. 100 images in batches of 14 are 8 steps, in batches of 40 they are 3.
    for batch in (14, 40):
        with pytest.raises(TrainError, match="is of epochs of another length"):
            run(tmp_path, TEXT.replace("batch 16", f"batch {batch}"), force=True)
    # 15 makes 7, too.
    listener = Listener()
    assert run(tmp_path, TEXT.replace("batch 16", "batch 15"), display=listener, force=True).status == 0
    assert listener.steps == _STEPS - 15


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    # A lock of another process: those of one process do not shut each other out.
    held = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX); print(1, flush=True); input()"
    folder = RunFolder(tmp_path)
    lock = tmp_path / "checkpoints" / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", held, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(TrainError, match="another process is training"), folder.locked():
            pass
        other.communicate(b"\n")
    with folder.locked():
        pass


# ---------------------------------------------------------------- numbers that are not finite


# Weights of 1e13 after the first step, 1e52 after four layers of them.
_EXPLODING = "input 6x6x1\n(fc 7) x4\ntrain { data digits  batch 16  epochs 2  optimizer sgd lr=1e15 }"


@pytest.mark.parametrize("device", DEVICES)
def test_a_loss_that_is_not_finite_stops_and_names_layer_and_step(tmp_path: Path, device: str) -> None:
    with pytest.raises(
        TrainError, match=r"the loss is (nan|inf) at step \d: the first layer to give it is `group.\d`"
    ) as caught:
        run(tmp_path, _EXPLODING, every=_EPOCHS, machine=machine_on(device))
    assert "--on-nan skip" in caught.value.hint
    # What is on the disk is from before, and finite.
    found = RunFolder(tmp_path).newest(lambda text: None)
    assert found is not None
    assert all(bool(torch.isfinite(tensor).all()) for tensor in found.tensors.values())


def test_weights_that_are_not_finite_are_never_kept(tmp_path: Path) -> None:
    # Batch norm hides what is before it from the loss, and its running variance, 1e30 squared, does not.
    text = TEXT.replace("optimizer adam lr=0.01", "optimizer sgd lr=1e15").replace(" warmup=1", "")
    with pytest.raises(TrainError, match=r"`bn.running_var` is not finite after step \d"):
        run(tmp_path, text)
    found = RunFolder(tmp_path).newest(lambda text: None)
    assert found is not None
    assert all(bool(torch.isfinite(tensor).all()) for tensor in found.tensors.values())


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("device", DEVICES)
def test_steps_that_are_not_finite_are_skipped_where_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, precision: str
) -> None:
    from archdsl.train.objective import Objective

    whole = Objective.__call__
    count = 0

    def broken(self: Objective, *given: object) -> torch.Tensor:
        nonlocal count
        count += 1
        loss = whole(self, *given)  # type: ignore[arg-type]
        return loss * math.nan if count in (3, 10) else loss

    monkeypatch.setattr(Objective, "__call__", broken)
    listener = Listener()
    run(tmp_path, display=listener, on_nan="skip", machine=machine_on(device, precision=precision))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["skipped_steps"] for line in lines] == [1, 1, 0, 0, 0]
    assert all(math.isfinite(line["train_loss"]) for line in lines)


def test_a_run_of_nothing_but_skipped_steps_stops(tmp_path: Path) -> None:
    text = "input 6x6x1\n(fc 7) x4\ntrain { data digits  init fc=constant(1e15) }"
    with pytest.raises(TrainError, match="no step of epoch 1 had a finite loss"):
        run(tmp_path, text, on_nan="skip")


# ---------------------------------------------------------------- intervals, progress


def test_intervals() -> None:
    assert Interval.of("500") == Interval(500, None, False)
    assert Interval.of("30s").seconds == 30
    assert Interval.of("2h").seconds == 7200
    assert Interval.of("epoch") == Interval(None, None, True)
    for wrong in ("0", "-1", "5x", "", "m", "1.5m"):
        with pytest.raises(TrainError, match="is not an interval"):
            Interval.of(wrong)
    clock = Clock(Interval(steps=3, seconds=None, epochs=False))
    assert [clock.due(step) for step in (1, 2, 3)] == [False, False, True]
    clock.done(3)
    assert not clock.due(5, epoch_ends=True)
    assert Clock(Interval(seconds=0)).due(1)


def test_progress_comes_back_exactly() -> None:
    epoch = Epoch(1, 7, 0.1, 1 / 3, 0.25, math.pi, 0.5, None)
    progress = Progress(9, Sums(0.1 + 0.2, 3.0, 8, 1), (epoch,), 1)
    assert Progress.of(json.loads(json.dumps(progress.record()))) == progress


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_command_stopped_by_a_signal_goes_on(tmp_path: Path, number: int, status: int) -> None:
    file = tmp_path / "net.arch"
    file.write_text("input 8x8x1\nfc 10\ntrain { data digits  batch 256  epochs 100000 }\n")
    given = [sys.executable, "-m", "archdsl", "train", str(file), "--out", str(tmp_path / "run")]
    for part in range(2 if number == signal.SIGTERM else 1):
        with subprocess.Popen(given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines: list[str] = []
            while not (lines and lines[-1].startswith("epoch")):
                lines.append(process.stdout.readline())
                assert lines[-1], process.communicate()
            process.send_signal(number)
            _, errors = process.communicate()
        assert process.returncode == status, errors
        assert "the same command goes on from there" in errors
        assert any("going on after step" in line for line in lines) == (part == 1)
