"""`archdsl weights`: a checkpoint of another implementation, brought onto our names.

In: a network and a file. Out: a safetensors file, and what was matched to what on standard output. Matching is left to
`archdsl.codegen.matching`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.common import fail, refusal, refuse_folder, target_options, writing

if TYPE_CHECKING:
    from archdsl.api import Architecture

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl weights zoo:resnet50 --from resnet50.pth -o resnet50.safetensors
  archdsl weights zoo:resnet50 --from resnet50.pth --set classes=10
  archdsl export zoo:resnet50 --weights resnet50.safetensors -o resnet50.onnx
"""


@click.command("weights", epilog=_EXAMPLES)
@target_options
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The checkpoint: .pth, .pt, .bin, .ckpt, .safetensors.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help="Where to, a .safetensors file; nothing is written unless given.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="For what begins anew."
)
@click.option("--json", "as_json", is_flag=True, help="For a program: every tensor and what it was matched to.")
def command(architecture: Architecture, source: Path, output: Path | None, seed: int, as_json: bool) -> None:
    """Bring a checkpoint of PyTorch, torchvision's, timm's or any other, onto the names of the network.

    Tensors are matched by kind, shape, module and order, whatever they are called. A head with another number of
    outputs begins anew, as the recipe's `init` says, and so does what only training needs where the checkpoint lacks
    it; anything else that does not fit is an error. Code in a file is never run. Checkpoints of TensorFlow and Caffe,
    whose tensors are laid out otherwise, are not read.
    """
    from archdsl.codegen.initialise import InitialiseError
    from archdsl.codegen.weights import transfer
    from archdsl.codegen.weights_file import CheckpointError, read_checkpoint, write_weights
    from archdsl.diagnostics import ArchError, Diagnostic
    from archdsl.report.weights import transfer_json, transfer_text

    if output is not None and output.suffix.lower() != ".safetensors":
        raise click.BadParameter(f"`{output.name}` does not end in .safetensors", param_hint="-o")
    if output is not None:
        refuse_folder(output)
    rules = architecture.recipe.init if architecture.recipe is not None else ()
    try:
        checkpoint = read_checkpoint(source)
        found = transfer(architecture.graph, checkpoint, rules, seed)
    except CheckpointError as error:
        raise refusal(error) from None
    except InitialiseError as error:
        place = architecture.recipe.place("init") if architecture.recipe is not None else None
        fail([Diagnostic("bad-recipe", error.message, place, hint=error.hint)])
    except ArchError as error:
        fail(error.diagnostics)
    name = architecture.name
    if as_json:
        written = None if output is None else str(output)
        click.echo(transfer_json(found, checkpoint, str(source), name, seed, written))
    else:
        click.echo(transfer_text(found, checkpoint, source.name, name, seed), nl=False)
    if output is None:
        click.echo("nothing is written without -o", err=True)
        return
    with writing(output):
        size = write_weights(output, found.values, {"network": name, "from": source.name})
    click.echo(f"wrote {output}: {size:,} bytes", err=True)
