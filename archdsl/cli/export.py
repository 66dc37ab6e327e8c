"""`archdsl export`: the network for another program.

In: a network and a path. Out: ONNX, a `.pt2` or weights, and how far their outputs are from the module's on standard
output. Writing and comparing are left to `archdsl.codegen.export`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.common import fail, format_of, refusal, refuse_folder, target_options, writing
from archdsl.codegen.export import FORMATS, TOLERANCE, Exported, ExportError, Format
from archdsl.report.numbers import clean

if TYPE_CHECKING:
    from torch import nn

    from archdsl.api import Architecture

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl export zoo:resnet50 -o resnet50.onnx
  archdsl export zoo:resnet50 --weights resnet50.safetensors -o resnet50.pt2
  archdsl export lenet5.arch --seed 1 -o lenet5.safetensors
"""


@click.command("export", epilog=_EXAMPLES)
@target_options
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help=f"Where to; the name decides the format: {', '.join(f'.{name}' for name in FORMATS)}.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With these weights, as `archdsl weights` and `archdsl train` write them; initial ones unless given.",
)
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="For the initial weights [0].")
@click.option("--batch", type=click.IntRange(min=1), metavar="N", help="A fixed batch; any size unless given.")
@click.option("--opset", type=click.IntRange(min=1), metavar="N", help="Of ONNX; torch's unless given.")
@click.option("--json", "as_json", is_flag=True, help="For a program: what was written, and the difference.")
def command(
    architecture: Architecture,
    output: Path,
    weights: Path | None,
    seed: int | None,
    batch: int | None,
    opset: int | None,
    as_json: bool,
) -> None:
    """Write the network, as it is outside of training, and compare what the file computes with the PyTorch module.

    ONNX is checked by onnx and run by onnxruntime, which `pip install 'archdsl[export]'` brings along; a .pt2 is what
    torch.export.load reads. A file whose outputs differ is not written.
    """
    from archdsl.codegen.export import export
    from archdsl.codegen.weights_file import CheckpointError
    from archdsl.diagnostics import ArchError

    format = format_of(output, FORMATS)
    if opset is not None and format != "onnx":
        raise click.UsageError(f"--opset does not go with .{format}: it is a number of ONNX")
    if batch is not None and format == "safetensors":
        raise click.UsageError("--batch does not go with .safetensors: weights are the same for any batch")
    if weights is not None and seed is not None:
        raise click.UsageError("--seed does not go with --weights: none are drawn")
    refuse_folder(output)
    begun = time.perf_counter()
    try:
        made = _module(architecture, weights, seed)
        with writing(output), _Steps() as step:
            found = export(architecture.graph, made, output, format, batch=batch, opset=opset, step=step)
    except (CheckpointError, ExportError) as error:
        raise refusal(error) from None
    except ArchError as error:
        fail(error.diagnostics)
    seconds = time.perf_counter() - begun
    click.echo(_json(found, output, format, seconds) if as_json else _text(found, output, format, batch, seconds))


def _module(architecture: Architecture, weights: Path | None, seed: int | None) -> nn.Module:
    return architecture.module(weights=weights) if weights is not None else architecture.module(seed=seed or 0)


class _Steps:
    """What is being done, on a terminal alone, gone when it is done."""

    def __enter__(self) -> _Steps:
        from rich.console import Console

        self._status = Console(stderr=True).status("building")
        self._status.start()
        return self

    def __call__(self, doing: str) -> None:
        self._status.update(doing)

    def __exit__(self, *error: object) -> None:
        self._status.stop()


def _text(found: Exported, path: Path, format: Format, batch: int | None, seconds: float) -> str:
    opset = f", opset {found.opset}" if found.opset is not None else ""
    lines = [f"wrote {path}: {found.size:,} bytes{opset}, in {seconds:.1f} s"]
    if format == "safetensors":
        return "\n".join([*lines, "read back: the same, bit by bit"])
    size = "batch" if batch is None else str(batch)
    for what, tensors in (("input", found.inputs), ("output", found.outputs)):
        lines += [f"  {what:6}  {clean(name)}  {' x '.join(map(str, (size, *shape)))}" for name, shape in tensors]
    with_ = "onnxruntime" if format == "onnx" else "torch.export.load"
    batches = " and ".join(map(str, found.batches))
    lines.append(f"{with_} against the module, batches of {batches}:")
    lines.append(f"  largest difference {found.difference:.1e} of the largest value ({TOLERANCE:.0e} is allowed)")
    return "\n".join(lines)


def _json(found: Exported, path: Path, format: Format, seconds: float) -> str:
    record = {
        "path": str(path),
        "format": format,
        "bytes": found.size,
        "opset": found.opset,
        "inputs": [{"name": name, "shape": list(shape)} for name, shape in found.inputs],
        "outputs": [{"name": name, "shape": list(shape)} for name, shape in found.outputs],
        "difference": found.difference,
        "tolerance": TOLERANCE,
        "batches": list(found.batches),
        "seconds": round(seconds, 3),
    }
    return json.dumps(record, indent=2, ensure_ascii=False)
