"""The page at the end of a run: what it did, how well, and where it is wrong.

In: a module, the data, the epochs. Out: the files `report.html` (nothing outside of it is needed), `curves.svg`,
`confusion.svg` and `confusion.csv`, as bytes by name. Writing them is left to `archdsl.train.folder`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

from torch import nn

from archdsl.elaborate.recipe_learning import Criterion
from archdsl.graph import Graph
from archdsl.train.charts import Curve, line_chart, matrix_chart
from archdsl.train.dataset import Dataset
from archdsl.train.feed import Batch
from archdsl.train.inference import Answers, answers, class_name, score
from archdsl.train.machine import Machine
from archdsl.train.pictures import image_tag, tiles
from archdsl.train.progress import Epoch
from archdsl.train.weight_pictures import weight_pictures

__all__ = ["CONFUSION", "CURVES", "REPORT", "confusion_csv", "report"]

REPORT: Final = "report.html"
CURVES: Final = "curves.svg"
CONFUSION: Final = "confusion.csv"
MATRIX: Final = "confusion.svg"
_WORST: Final = 24
_MATRIX_CLASSES: Final = 100
_INK: Final = "#222"
_ROWS: Final = 25
"""Classes in a table; more stand in further ones beside it."""
_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { padding: 0.15rem 0.8rem 0.15rem 0; text-align: left; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
figure { display: inline-block; margin: 0 1rem 1rem 0; font-size: 12px; vertical-align: top; }
img { image-rendering: pixelated; max-width: 100%; } pre { overflow-x: auto; font-size: 12px; }
pre.wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
table.side { display: inline-table; vertical-align: top; margin: 0 2rem 1rem 0; }
svg { max-width: 100%; height: auto; }
"""


def report(
    graph: Graph,
    record: Mapping[str, Any],
    history: Sequence[Epoch],
    best: int,
    made: nn.Module,
    data: Dataset,
    tests: Iterable[Batch],
    criterion: Criterion,
    machine: Machine,
) -> dict[str, bytes]:
    """The files by their names; `made` is the module of `graph`, `tests` are the test images in batches, `best` is the
    epoch, from 1, of the best weights.
    """
    found = answers([made], tests, criterion, machine, flip=False)
    names = [class_name(data.names, label) for label in range(found.probabilities.shape[1])]
    curves = _curves(history)
    confusion = found.confusion().tolist()
    parts = [
        f"<h1>{escape(graph.own_name)} on {escape(data.name)}</h1>",
        _results(found, history, best),
        "<h2>Learning</h2>",
        *curves,
        "<h2>Classes</h2>",
        _classes(confusion, names),
    ]
    matrix = matrix_chart("Confusion", confusion, names) if len(names) <= _MATRIX_CLASSES else None
    parts.append(f"<div>{matrix}</div>" if matrix else f"<p>What was taken for what stands in {CONFUSION}.</p>")
    parts += weight_pictures(made, graph, names)
    parts += ["<h2>Worst of the test</h2>", _worst(found, data, names)]
    shown = {key: value for key, value in record.items() if key != "network"}
    parts += ["<h2>Recipe</h2>", f'<pre class="wrap">{escape(_json(shown))}</pre>']
    parts += ["<h2>Network</h2>", f"<pre>{escape(str(record['network']['text']))}</pre>"]
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(graph.own_name)}</title><style>{_STYLE}</style>"
    )
    files = {
        REPORT: head + "\n".join(parts) + "</html>\n",
        CURVES: _stacked(curves),
        CONFUSION: confusion_csv(confusion, names),
    }
    if matrix:
        files[MATRIX] = _alone(matrix)
    return {name: text.encode() for name, text in files.items()}


def _json(value: Any, inset: str = "") -> str:
    """A record as its file has it, but for lists, which take one line."""
    if not isinstance(value, Mapping) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = inset + "  "
    lines = (f"{inner}{json.dumps(key)}: {_json(part, inner)}" for key, part in value.items())
    return "{\n" + ",\n".join(lines) + f"\n{inset}}}"


def _alone(chart: str) -> str:
    """A chart as a file of its own, on white."""
    return chart.replace(">", f' color="{_INK}"><rect width="100%" height="100%" fill="#fff"/>', 1) + "\n"


def confusion_csv(rows: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """A row for each class, a column for each that it was taken for."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["class", *names])
    writer.writerows([name, *row] for name, row in zip(names, rows, strict=True))
    return text.getvalue()


def _results(found: Answers, history: Sequence[Epoch], best: int) -> str:
    last = score(found)
    rows = [("last", len(history), last.accuracy, last.top5, history[-1].test_loss)]
    kept = history[best - 1]
    rows.append(("best", best, kept.test_accuracy, kept.test_top5_accuracy, kept.test_loss))
    cells = "".join(
        f'<tr><td>{word}</td><td class="n">{epoch}</td><td class="n">{1 - accuracy:.2%}</td>'
        f'<td class="n">{"" if top5 is None else f"{1 - top5:.2%}"}</td><td class="n">{loss:.4f}</td></tr>'
        for word, epoch, accuracy, top5, loss in rows
    )
    heads = "".join(f'<th class="n">{word}</th>' for word in ("epoch", "top-1 error", "top-5 error", "test loss"))
    return f"<table><tr><th></th>{heads}</tr>{cells}</table><p>{last.images:,} test images.</p>"


def _curves(history: Sequence[Epoch]) -> list[str]:
    return [
        line_chart(
            "Loss",
            [Curve("train", [e.train_loss for e in history]), Curve("test", [e.test_loss for e in history])],
        ),
        line_chart(
            "Accuracy",
            [Curve("train", [e.train_accuracy for e in history]), Curve("test", [e.test_accuracy for e in history])],
            percent=True,
        ),
        line_chart("Learning rate", [Curve("learning rate", [e.learning_rate for e in history])]),
    ]


def _stacked(charts: Sequence[str]) -> str:
    """Charts of one size above each other in one file."""
    height = 260
    placed = [f'<g transform="translate(0 {height * number})">{chart}</g>' for number, chart in enumerate(charts)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="420" height="{height * len(charts)}" color="{_INK}">'
    return head + '<rect width="100%" height="100%" fill="#fff"/>' + "".join(placed) + "</svg>\n"


def _classes(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    rows = []
    for label, (name, row) in enumerate(zip(names, confusion, strict=True)):
        right = f"{row[label] / sum(row):.2%}" if sum(row) else "no test image"
        rows.append(f'<tr><td>{escape(name)}</td><td class="n">{sum(row):,}</td><td class="n">{right}</td></tr>')
    head = '<tr><th>class</th><th class="n">test images</th><th class="n">accuracy</th></tr>'
    starts = range(0, len(rows), _ROWS)
    return "".join(f'<table class="side">{head}{"".join(rows[start : start + _ROWS])}</table>' for start in starts)


def _worst(found: Answers, data: Dataset, names: Sequence[str]) -> str:
    """The wrong answers that were given with the least doubt."""
    given = found.probabilities.gather(1, found.labels[:, None])[:, 0]
    wrong = (found.guesses != found.labels).nonzero()[:, 0]
    if not len(wrong):
        return "<p>None is wrong.</p>"
    worst = wrong[given[wrong].argsort(stable=True)][:_WORST]
    device = data.test.labels.device
    images = data.prepare.floats(data.test.take(worst.to(device), None)).cpu()
    if images.shape[1] not in (1, 3):
        images = images[:, :1]
    figures = []
    for number, image in zip(worst.tolist(), images, strict=True):
        label, guess = int(found.labels[number]), int(found.guesses[number])
        share = float(found.probabilities[number, guess])
        said = f"{names[label]}, taken for {names[guess]} ({share:.0%})"
        figures.append(f"<figure>{image_tag(tiles(image[None]), said)}<figcaption>{escape(said)}</figcaption></figure>")
    return "".join(figures)
