"""`train { … }`: what a recipe says, and every mistake in one.

In: texts of the language. Out: facts of the design: the settings of papers as given there, and located errors.
"""

from __future__ import annotations

import pytest

import archdsl
from archdsl.diagnostics import Collector, Diagnostic, render_text
from archdsl.elaborate import Request, Workspace
from archdsl.elaborate.recipe import Recipe, read_settings
from archdsl.elaborate.recipe_init import DISTRIBUTIONS, Filled, HeNormal, Initial, Normal, Penalty
from archdsl.elaborate.recipe_learning import (
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
    Adam,
    Auxiliary,
    CrossEntropy,
    Exponential,
    Loss,
    Sgd,
    Step,
    Table,
)
from archdsl.elaborate.recipe_settings import SETTINGS, Augment, Data, Setting
from archdsl.elaborate.recipe_values import Crop

_NET = """\
let rate = 0.1
input 32x32x3
conv 3x3+1 8 -> gap @x -> fc 10
output aux1 training = @x -> fc 10
output aux2 training = @x -> fc 10
"""


def _read(block: str) -> tuple[Recipe | None, tuple[Diagnostic, ...]]:
    found = Collector()
    network = Workspace.text(_NET + block, found).network(Request(), found)
    return (network.recipe if network is not None else None), found.sorted()


def _recipe(block: str) -> Recipe:
    recipe, found = _read(block)
    assert not found, render_text(found)
    assert recipe is not None
    return recipe


def _mistakes(block: str) -> list[tuple[str, str]]:
    """The id and the text under the caret of every diagnostic."""
    recipe, found = _read(block)
    assert recipe is None
    return [(d.id, d.span.text) for d in found if d.span is not None]


def test_no_block_is_no_recipe() -> None:
    assert _read("")[0] is None


def test_the_recipe_of_the_design() -> None:
    recipe = _recipe("""
train {
  data cifar10
  augment crop=32+4 flip
  batch 128    epochs 164
  optimizer sgd lr=0.1 momentum=0.9 weight_decay=1e-4
  schedule step at=[82, 123] factor=0.1      # He et al., 2016
  loss cross_entropy label_smoothing=0.1 + 0.3 aux1 + 0.3 aux2
  init conv=he_normal fc=normal(0.01)
}
""")
    assert recipe == Recipe(
        data=Data("cifar10"),
        augment=Augment(crop=Crop((32, 32), 4), flip=True),
        batch=128,
        epochs=164,
        optimizer=Sgd(lr=0.1, momentum=0.9, weight_decay=1e-4),
        schedule=Step(at=(82, 123), factor=0.1),
        loss=Loss(CrossEntropy(label_smoothing=0.1), (Auxiliary("aux1", 0.3), Auxiliary("aux2", 0.3))),
        init=(Initial("conv", HeNormal()), Initial("fc", Normal(std=0.01))),
    )
    place = recipe.place("schedule")
    assert place is not None
    assert place.text == "schedule step at=[82, 123] factor=0.1"
    assert recipe.place("seed") is None


def test_several_settings_stand_on_one_line() -> None:
    recipe = _recipe(
        "train { epochs 3 batch 4 optimizer sgd lr=0.1 nesterov momentum=0.9 schedule step at=[2] seed 0 }"
    )
    assert (recipe.epochs, recipe.batch, recipe.seed) == (3, 4, 0)
    assert recipe.optimizer == Sgd(lr=0.1, momentum=0.9, nesterov=True)
    assert recipe.schedule == Step(at=(2,))


def test_an_output_may_be_called_like_a_setting() -> None:
    text = _NET.replace("aux1", "batch") + "train { loss cross_entropy + 0.3 batch  batch 8 }"
    found = Collector()
    network = Workspace.text(text, found).network(Request(), found)
    assert network is not None, render_text(found.sorted())
    assert network.recipe == Recipe(batch=8, loss=Loss(CrossEntropy(), (Auxiliary("batch", 0.3),)))


def test_googlenet_falls_by_4_percent_every_8_epochs() -> None:
    recipe = _recipe("train { schedule exponential every=8 factor=0.96 warmup=0.5 }")
    assert recipe.schedule == Exponential(every=8, factor=0.96, warmup=0.5)


def test_lenet5_has_a_table() -> None:
    recipe = _recipe("train { optimizer sgd\n schedule table {1: 5e-4, 3: 2e-4, 6: 1e-4}\n epochs 20 }")
    assert recipe.schedule == Table(rates=((1, 5e-4), (3, 2e-4), (6, 1e-4)))
    assert recipe.optimizer == Sgd(lr=None)


def test_values_are_literals_and_arithmetic_on_them() -> None:
    recipe = _recipe(
        "train { optimizer adam lr=(1/1000) betas=[0.9, 1 - 0.01]\n batch (2*64) \n init bias=constant(-0.5) }"
    )
    assert recipe.optimizer == Adam(lr=0.001, betas=(0.9, 0.99))
    assert recipe.batch == 128
    assert recipe.init == (Initial("bias", Filled(value=-0.5)),)


def test_penalties_by_op() -> None:
    assert _recipe("train { l2 fc=5e-4 conv=0 }").l2 == (Penalty("fc", 5e-4), Penalty("conv", 0.0))


def test_data_with_a_place() -> None:
    assert _recipe('train { data "fashion-mnist:data/f:1" }').data == Data("fashion_mnist", "data/f:1")


def test_every_mistake_is_found_in_one_run() -> None:
    block = """train {
  agment flip
  augment flp crop=32/2+4
  batch 12.5    epoch 164
  optimizer sgd lr=rate momentum=1 nestrov
  schedule stp at=[82, 123]
  loss cross_entropy label_smoothng=0.1 + 0.3 axu + aux2
  init conv=he_norml fc=normal(-0.01) cnv=ones
  batch 3
  seed -1
}"""
    assert _mistakes(block.replace("seed -1", "seed 0.5")) == [
        ("unknown-setting", "agment"),
        ("unknown-setting", "flp"),
        ("bad-recipe", "2"),
        ("bad-recipe", "12.5"),
        ("bad-recipe", "rate"),
        ("bad-recipe", "1"),
        ("unknown-setting", "nestrov"),
        ("unknown-setting", "stp"),
        ("unknown-setting", "label_smoothng"),
        ("unknown-setting", "axu"),
        ("bad-recipe", "+ aux2"),
        ("unknown-setting", "he_norml"),
        ("bad-recipe", "-0.01"),
        ("unknown-setting", "cnv"),
        ("doubled-setting", "batch"),
        ("bad-recipe", "0.5"),
    ]


@pytest.mark.parametrize(
    ("block", "hint"),
    [
        ("train { epoch 3 }", "did you mean `epochs`?"),
        ("train { batch 3 epoch 3 }", "did you mean `epochs`?"),
        ("train { optimizer sdg lr=0.1 }", "did you mean `sgd`?"),
        ("train { optimizer sgd lr=0.1 momentm=0.9 }", "did you mean `momentum`?"),
        ("train { optimizer sgd lr=0.1 epoch 3 }", "did you mean `epochs`?"),
        ("train { schedule cosin }", "did you mean `cosine`?"),
        ("train { loss cross_entrpy }", "did you mean `cross_entropy`?"),
        ("train { loss cross_entropy + 0.3 aux3 }", "did you mean `aux2`?"),
        ("train { augment crp=32 }", "did you mean `crop`?"),
        # as PyTorch and Keras have them
        ("train { lr 0.1 }", "`lr` is an option of the optimizer: optimizer sgd lr=…"),
        ("train { learning_rate 0.1 }", "`lr` is an option of the optimizer: optimizer sgd lr=…"),
        ("train { label_smoothing 0.1 }", "`label_smoothing` is an option of the loss: loss cross_entropy"),
        ("train { hflip }", "`flip` is an option of `augment`: augment crop=32+4 flip"),
        ("train { batch_size 128 }", "did you mean `batch`?"),
        ("train { optimizer SGD lr=0.1 }", "did you mean `sgd`?"),
        ("train { optimizer sgd lr=0.1 wd=1e-4 }", "did you mean `weight_decay`?"),
        ("train { loss sparse_categorical_crossentropy }", "did you mean `cross_entropy`?"),
        ("train { schedule CosineAnnealingLR }", "did you mean `cosine`?"),
        ("train { data CIFAR10 }", "did you mean `cifar10`?"),
        ("train { init conv=kaiming_normal }", "did you mean `he_normal`?"),
        ("train { init fc=nrmal(0.1) }", "did you mean `normal`?"),
        ("train { init cnv=ones }", "did you mean `conv`?"),
        ("train { rate bsa=2 }", "did you mean `bias`? ops with weights here: conv, fc; groups: first, weight, bias"),
        ("train { l2 wieght=1e-4 }", "did you mean `weight`?"),
        ("train { init frist=whiten }", "did you mean `first`?"),
        ("train { rate Linear=2 }", "did you mean `fc`?"),
        ("train { rate kernel=2 }", "ops with weights here: conv, fc; groups: first, weight, bias"),
        ("train { rate bn=0 }", "ops with weights here: conv, fc; groups: first, weight, bias"),
        ("train { data cifar }", "did you mean `cifar10`?"),
        ("train { data svhn }", f"there are: {', '.join(('digits', 'mnist', 'fashion_mnist', 'cifar10', 'cifar100'))}"),
    ],
)
def test_unknown_words_have_a_suggestion(block: str, hint: str) -> None:
    found = _read(block)[1]
    assert [d.id for d in found] == ["unknown-setting"]
    assert found[0].hint.startswith(hint)


@pytest.mark.parametrize(
    ("block", "under", "message"),
    [
        ("train { batch }", "batch", "is a whole number"),
        ("train { batch 0 }", "0", "not 0"),
        ("train { batch true }", "true", "true or false"),
        ("train { batch [3] }", "[3]", "a list"),
        ("train { batch 3 4 }", "4", "does not take this"),
        ("train { epochs 1e10 }", "1e10", "at most 1,000,000"),
        ("train { 128 }", "128", "starts with the name of a setting"),
        ("train { batch=3 }", "batch=3", "takes no `=`"),
        ("train { clip }", "clip", "says nothing"),
        ("train { clip norm=1 value=2 }", "value=2", "cannot stand together"),
        ("train { ema 1 }", "1", "below 1"),
        ("train { lookahead }", "lookahead", "says nothing"),
        ("train { lookahead 5 }", "5", "does not take this"),
        ("train { lookahead k=5 }", "lookahead k=5", "needs `alpha`"),
        ("train { lookahead k=0 alpha=0.5 }", "0", "at least 1"),
        ("train { lookahead k=5 alpha=1 }", "1", "below 1"),
        ("train { ema 0.9  lookahead k=5 alpha=0.5 }", "lookahead k=5 alpha=0.5", "which weights are tested"),
        ("train { optimizer }", "optimizer", "names one of sgd"),
        ("train { optimizer sgd }", "optimizer sgd", "needs `lr`"),
        ("train { optimizer sgd lr }", "lr", "needs a value"),
        ("train { optimizer sgd lr=0.1 3 }", "3", "does not take this"),
        ("train { optimizer sgd lr=0.1 nesterov }", "nesterov", "needs a momentum"),
        ("train { optimizer adam lr=0.1 betas=[0.9] }", "[0.9]", "this has 1"),
        ("train { optimizer adam lr=0.1 betas=[0.9, 1] }", "[0.9, 1]", "each a number of at least 0 and below 1"),
        ("train { schedule step factor=0.1 }", "schedule step factor=0.1", "needs `at`"),
        ("train { schedule step at=[3, 3] }", "[3, 3]", "that rises"),
        ("train { schedule step at=[3]  epochs 3 }", "schedule step at=[3]", "changes after epoch 3"),
        ("train { schedule cosine warmup=3  epochs 3 }", "schedule cosine warmup=3", "warm-up"),
        ("train { schedule table }", "schedule table", "needs `rates`"),
        ("train { schedule table {1: 0.1, 1: 0.2} }", "1", "cannot stand behind"),
        ("train { schedule table {0: 0.1} }", "0", "at least 1"),
        ("train { schedule cosine {1: 0.1} }", "{1: 0.1}", "does not take this"),
        ("train { schedule triangular warmup=3 }", "warmup=3", "rises by itself"),
        ("train { optimizer sgd lr=1\n schedule table {1: 2} }", "optimizer sgd lr=1", "never used"),
        ("train { optimizer sgd\n schedule table {2: 2} }", "optimizer sgd", "needs `lr`"),
        ("train { loss cross_entropy + 1 output }", "output", "the main output"),
        ("train { loss cross_entropy + 0 aux1 }", "0", "above 0"),
        ("train { init conv }", "conv", ""),
        ("train { init fc=0.1 }", "0.1", "takes a distribution"),
        ("train { init xavier }", "xavier", "does not say of which weights"),
        ("train { init fc=normal }", "normal", "needs `std`"),
        ("train { augment flip=3 }", "3", "true or false"),
        ("train { augment crop=32 resized_crop=32 }", "resized_crop=32", "cannot stand together"),
        ("train { seed pace }", "pace", "takes a literal"),
        ("train { rate }", "rate", "says nothing"),
        ("train { rate fc=-1 }", "-1", "at least 0"),
        ("train { rate fc=2 fc=3 }", "fc=3", "given twice"),
        ("train { rate fc=he_normal }", "he_normal", "takes a literal"),
    ],
)
def test_values_are_checked(block: str, under: str, message: str) -> None:
    found = _read(block)[1]
    assert len(found) == 1, render_text(found)
    assert found[0].span is not None
    assert found[0].span.text == under
    assert message in found[0].message


@pytest.mark.parametrize(
    ("block", "under"),
    [
        ("train { batch 1\n batch 2 }", "batch"),
        ("train { augment flip flip }", "flip"),
        ("train { optimizer sgd lr=1 lr=2 }", "lr=2"),
        ("train { loss cross_entropy + 1 aux1 + 2 aux1 }", "aux1"),
        ("train { init fc=ones fc=zeros }", "fc=zeros"),
    ],
)
def test_nothing_is_given_twice(block: str, under: str) -> None:
    found = _read(block)[1]
    assert [(d.id, d.span and d.span.text) for d in found] == [("doubled-setting", under)]
    assert found[0].notes[0].span is not None


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=list(SETTINGS))
def test_the_example_of_every_setting_is_right(setting: Setting) -> None:
    recipe = _recipe(f"train {{ {setting.example} }}")
    assert getattr(recipe, setting.name) not in (None, ())


def test_every_entry_is_explained() -> None:
    for table in (OPTIMIZERS, SCHEDULES, LOSSES, DISTRIBUTIONS):
        for name, kind in table.items():
            assert kind.name == name
            assert kind.__doc__
            assert all(option.doc and option.kind.says for option in kind.options.values())


def test_a_wrong_network_leaves_its_outputs_unchecked() -> None:
    found = Collector()
    Workspace.text(
        "input 8x8x3\nfc 3 @x -> fc 4\noutput aux training = @x -> fc y\ntrain { loss mse + 1 aux\n batch 0 }",
        found,
    ).network(Request(), found)
    assert [d.id for d in found.sorted()] == ["unknown-name", "bad-recipe"]


@pytest.mark.parametrize("setting", ["rate {}=0", "l2 {}=1e-3", "init {}=ones"])
@pytest.mark.parametrize("word", ["bn", "relu", "norm_bias", "residual_gamma"])
def test_words_that_name_no_weight_are_found_where_they_stand(setting: str, word: str) -> None:
    recipe, found = _read(f"train {{ batch 8\n  {setting.format(word)} }}")
    assert recipe is None
    assert [(d.id, d.message) for d in found] == [("unknown-setting", f"the network has no weights of `{word}`")]
    span = found[0].span
    assert span is not None
    assert (span.text, span.line) == (word, len(_NET.splitlines()) + 2)


@pytest.mark.parametrize(
    ("net", "words"),
    [
        ("conv 1x1 4 bias=false -> fc 2 bias=false", "conv fc first weight"),
        ("bn -> fc 2", "bn fc weight bias norm_bias"),
        ("bn affine=false -> fc 2 bias=false", "fc first weight"),
        ("prelu -> fc 2 bias=false", "prelu fc weight"),
        ("residual<conv 1x1 3 -> bn> -> gap", "conv bn first weight bias norm_bias residual_gamma"),
        ("residual<conv 1x1 3> -> gap", "conv first weight bias"),
    ],
)
def test_a_word_is_right_where_the_network_has_such_weights(net: str, words: str) -> None:
    # The groups are those of chapter 11 of the language: `first` is a matrix that no other weight is before.
    text = f"input 8x8x3\n{net}\n"
    for word in ("conv", "fc", "bn", "prelu", "first", "weight", "bias", "norm_bias", "residual_gamma"):
        found = Collector()
        Workspace.text(f"{text}train {{ rate {word}=2 }}", found).network(Request(), found)
        assert found.failed is (word not in words.split()), word


def test_no_first_weights_are_drawn_for_offsets() -> None:
    # The offsets of a deformable convolution begin at zero (Dai et al., 2017), but learn as all others do.
    net = "input 8x8x3\ndeform_conv 3x3+1 4 bias=false -> gap\n"
    for setting, fails in (("init bias=ones", True), ("rate bias=2", False)):
        found = Collector()
        Workspace.text(f"{net}train {{ {setting} }}", found).network(Request(), found)
        assert found.failed is fails


def test_a_word_to_which_narrower_ones_leave_nothing() -> None:
    found = _read("train { init fc=ones weight=he_normal conv=dirac }")[1]
    assert [(d.id, d.span and d.span.text) for d in found] == [("bad-recipe", "weight=he_normal")]
    assert "`fc` and `conv` say of each of its weights" in found[0].message
    assert _recipe("train { init weight=he_normal conv=dirac }").init[1].op == "conv"


@pytest.mark.parametrize(
    ("init", "under"),
    [
        ("bias=he_normal", "bias=he_normal"),  # in PyTorch, too, a bias has no fans
        ("fc=ones bias=ones conv=orthogonal", None),
        ("bias=zeros weight=dirac", None),
    ],
)
def test_scaled_distributions_are_for_matrices(init: str, under: str | None) -> None:
    found = _read(f"train {{ init {init} }}")[1]
    assert [d.span and d.span.text for d in found] == ([under] if under else [])
    assert all("needs a matrix" in d.message for d in found)


def test_words_of_a_wrong_network_are_checked_by_the_language_alone() -> None:
    found = Collector()
    Workspace.text("input 8\nfc y\ntrain { rate bn=2 bsa=0 }", found).network(Request(), found)
    assert [(d.id, d.span and d.span.text) for d in found.sorted()] == [
        ("unknown-name", "y"),
        ("unknown-setting", "bsa"),
    ]
    assert found.sorted()[1].hint == ("did you mean `bias`? groups: first, weight, bias, norm_bias, residual_gamma")


@pytest.mark.parametrize(
    ("text", "line", "column", "shown"),
    [
        ("epochs 1\nrate bn=0", 2, 6, "rate bn=0"),
        ("rate bsa=2", 1, 6, "rate bsa=2"),
        ("batch 3\nseed (", 2, 7, "seed ("),
        ("batch 3 }\ntrain { seed 4", 1, 1, "batch 3 }"),
    ],
)
def test_settings_that_stand_alone_are_shown_as_they_were_written(
    text: str, line: int, column: int, shown: str
) -> None:
    found = Collector()
    graph = archdsl.loads("input 8x8x3\nfc 10").graph
    assert read_settings(text, graph, found) is None
    span = found.sorted()[0].span
    assert span is not None
    assert (span.source.path, span.line, span.column) == ("--recipe", line, column)
    assert span.source.line(line) == shown


def test_an_init_that_stands_alone_is_shown_as_it_was_written() -> None:
    for text, under in (("bn=ones", "bn"), (" he_nrmal", "he_nrmal"), ("conv=normal(0)", "0")):
        with pytest.raises(archdsl.ArchError) as caught:
            archdsl.loads("input 8x8x3\nconv 3 3").module(init=text)
        (found,) = caught.value.diagnostics
        assert found.span is not None
        assert (found.span.source.path, found.span.text, found.span.source.text) == ("init", under, text.strip())
