"""A module as a file for other programs: ONNX, torch.export's `.pt2`, or its weights alone.

In: a graph, its module, a path. Out: the file, written once what it computes has been compared with the module. How
that is told is left to the command line.
"""

from __future__ import annotations

import copy
import functools
import io
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from archdsl.diagnostics import HintedError
from archdsl.files import write_whole
from archdsl.graph import Graph
from archdsl.ops.base import torch_shape
from archdsl.ops.embedding import Embed

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.export import ExportedProgram

__all__ = ["FORMATS", "TOLERANCE", "ExportError", "Exported", "Format", "export"]

Format = Literal["onnx", "pt2", "safetensors"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
TOLERANCE: Final = 1e-4
"""Of the largest value of an output: what float32 may differ by where sums are taken in another order."""

_NEEDED: Final = ("onnx", "onnxscript", "onnxruntime")
_TRACED: Final = 2
_COMPARED: Final = (1, 3)
"""Examples in the batch that is traced, and in those that are compared, where the batch may have any size."""
_ONNX_BYTES: Final = 2_000_000_000
"""Of weights that an ONNX file holds by itself; protobuf ends at 2 GiB."""


class ExportError(HintedError):
    """Why a network cannot be written."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: its size in bytes, and how far its outputs are from the module's.

    `difference` is the largest one, as a part of the largest value of that output, over `batches`, which are in
    examples; it is 0 for weights, which are read back and compared bit by bit. `inputs` and `outputs` are the names in
    the file, with the sizes of one example in PyTorch's order. `opset` is ONNX's.
    """

    size: int
    difference: float
    batches: tuple[int, ...]
    inputs: tuple[tuple[str, tuple[int, ...]], ...]
    outputs: tuple[tuple[str, tuple[int, ...]], ...]
    opset: int | None = None


def export(
    graph: Graph,
    made: nn.Module,
    path: Path,
    format: Format,
    *,
    batch: int | None = None,
    opset: int | None = None,
    step: Callable[[str], None] = lambda doing: None,
) -> Exported:
    """Write a module, as it is outside of training, and compare what the file computes with what it computes.

    ResNet-50 as `.onnx` takes `input` (batch, 3, 224, 224) to `output` (batch, 1000).

    - `batch`: examples in a batch, where it is fixed; None leaves it open.
    - `opset`: of ONNX; None takes torch's.
    - `step`: told what is being done.

    Raises `ExportError` where a package is missing, the network cannot be written so, or the outputs differ by more
    than `TOLERANCE`; `OSError` where the file cannot be written.
    """
    made = made.eval()
    if format == "safetensors":
        return _weights(graph, made, path, step)
    if format == "onnx":
        _require()
    inputs = _inputs(graph, batch or _TRACED)
    with _quiet():
        step("tracing")
        program = _traced(_lasting(graph, made), inputs, batch is None)
        batches = _COMPARED if batch is None else (batch,)
        if format == "onnx":
            return _onnx(graph, made, program, path, batches, opset, step)
        return _program(graph, made, program, path, batches, step)


def _require() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ExportError(f"ONNX needs {', '.join(missing)}", f"pip install {' '.join(missing)}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch and onnxscript say of themselves; what goes wrong raises."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


# ---------------------------------------------------------------- inputs and outputs


def _inputs(graph: Graph, batch: int) -> tuple[torch.Tensor, ...]:
    """A batch of numbers for every input; whole ones where words are looked up."""
    import torch

    generator = torch.Generator().manual_seed(batch)
    layers = [(node.key, node.op) for node in graph.layers if len(node.input_shapes[0]) == 1]
    tables = [(key, op) for key, op in layers if isinstance(op, Embed)]
    found = []
    for node in graph.inputs:
        shape = (batch, *torch_shape(node.shape))
        sizes = [op.vocab for key, op in tables if node.key in graph.reaching([key])]
        if sizes:
            found.append(torch.randint(min(sizes), shape, generator=generator, device="cpu"))
        else:
            found.append(torch.randn(shape, generator=generator, device="cpu"))
    return tuple(found)


def _named(graph: Graph) -> tuple[list[str], list[str]]:
    """Names for the inputs and outputs, no two alike."""
    taken = {output.name for output in graph.outputs}
    inputs = []
    for node in graph.inputs:
        name = node.label or "input"
        while name in taken:
            name += "_in"
        taken.add(name)
        inputs.append(name)
    return inputs, [output.name for output in graph.outputs if not output.training]


def _shapes(graph: Graph) -> tuple[tuple[tuple[str, tuple[int, ...]], ...], tuple[tuple[str, tuple[int, ...]], ...]]:
    inputs, outputs = _named(graph)
    lasting = [output for output in graph.outputs if not output.training]
    return (
        tuple((name, torch_shape(node.shape)) for name, node in zip(inputs, graph.inputs, strict=True)),
        tuple((name, torch_shape(graph.shape(output.port))) for name, output in zip(outputs, lasting, strict=True)),
    )


def _outputs(result: Any) -> list[torch.Tensor]:
    """What a module or a program gives outside of training."""
    if isinstance(result, Mapping):
        return list(result.values())
    return [tensor for tensor in result if tensor is not None] if isinstance(result, tuple) else [result]


def _lasting(graph: Graph, made: nn.Module) -> nn.Module:
    """The module, which gives its outputs by name where it has several, and never one that is for training only.

    Its tuple of outputs is a class of the compiled source, which a file for other programs cannot name.
    """
    if len(graph.outputs) == 1:
        return made
    names = _named(graph)[1]
    kind = type(made)

    @functools.wraps(kind.forward)
    def forward(self: nn.Module, *inputs: torch.Tensor) -> torch.Tensor | dict[str, torch.Tensor]:
        found = _outputs(kind.forward(self, *inputs))
        return dict(zip(names, found, strict=True)) if len(names) > 1 else found[0]

    plain = copy.copy(made)
    plain.__class__ = type(kind.__name__, (kind,), {"forward": forward})
    return plain


def _traced(made: nn.Module, inputs: Sequence[torch.Tensor], any_batch: bool) -> ExportedProgram:
    import torch

    dynamic = tuple({0: torch.export.Dim("batch", min=1)} for _ in inputs) if any_batch else None
    try:
        with torch.no_grad():
            return torch.export.export(made, tuple(inputs), dynamic_shapes=dynamic)
    # Whatever PyTorch raises for a network that it cannot trace: these five, by where it gives up. NotImplementedError
    # is PyTorch's, for an operator without a rule for sizes that are not known; nothing here is unfinished.
    except (RuntimeError, ValueError, NotImplementedError, AssertionError, TypeError) as error:
        hint = "a fixed batch may do: --batch 1" if any_batch else ""
        raise ExportError(f"torch.export cannot trace this network: {_sentence(error)}", hint) from None


def _sentence(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _difference(
    graph: Graph,
    made: nn.Module,
    run: Callable[[Sequence[torch.Tensor]], Sequence[torch.Tensor]],
    batches: Sequence[int],
) -> float:
    """The largest difference of an output, as a part of its largest value. Raises `ExportError` beyond `TOLERANCE`."""
    import torch

    worst = 0.0
    names = _named(graph)[1]
    for batch in batches:
        inputs = _inputs(graph, batch)
        with torch.no_grad():
            expected = _outputs(made(*inputs))
        for name, one, other in zip(names, expected, run(inputs), strict=True):
            if one.shape != other.shape:
                raise ExportError(
                    f"the output `{name}` is {tuple(other.shape)} in the file and {tuple(one.shape)} here"
                )
            scale = float(one.abs().max())
            difference = float((one - other).abs().max()) / (scale or 1.0)
            if not difference <= TOLERANCE:
                part = f"{difference:.1e} of its largest value, {scale:.3g}"
                raise ExportError(f"the output `{name}` of the file differs by {part}; {TOLERANCE:.0e} is allowed")
            worst = max(worst, difference)
    return worst


# ---------------------------------------------------------------- formats


def _weights(graph: Graph, made: nn.Module, path: Path, step: Callable[[str], None]) -> Exported:
    import torch
    from safetensors.torch import load_file

    from archdsl.codegen.weights_file import write_weights

    values = made.state_dict()
    step("writing")
    size = write_weights(path, values, {"network": graph.own_name})
    step("reading it back")
    back = load_file(path)
    if back.keys() != values.keys() or any(not torch.equal(back[name], values[name].cpu()) for name in values):
        raise ExportError(f"{path} holds other weights than were written")
    return Exported(size, 0.0, (), *_shapes(graph))


def _program(
    graph: Graph,
    made: nn.Module,
    program: ExportedProgram,
    path: Path,
    batches: Sequence[int],
    step: Callable[[str], None],
) -> Exported:
    import torch

    held = io.BytesIO()
    step("writing")
    torch.export.save(program, held)
    step("reading it back")
    held.seek(0)
    loaded: Any = torch.export.load(held).module()
    step("comparing")
    difference = _difference(graph, made, lambda inputs: _outputs(loaded(*inputs)), batches)
    content = held.getvalue()
    write_whole(path, content)
    return Exported(len(content), difference, tuple(batches), *_shapes(graph))


def _onnx(
    graph: Graph,
    made: nn.Module,
    program: ExportedProgram,
    path: Path,
    batches: Sequence[int],
    opset: int | None,
    step: Callable[[str], None],
) -> Exported:
    import onnx
    import torch
    from torch.onnx import OnnxExporterError

    inputs, outputs = _named(graph)
    held = sum(value.numel() * value.element_size() for value in made.state_dict().values())
    if held > _ONNX_BYTES:
        raise ExportError(f"an ONNX file holds 2 GB, and these weights are {held / 1e9:.1f} GB", "write it as .pt2")
    step("translating")
    try:
        # As it was traced: with gradients torch chooses other kernels, whose results lie otherwise in memory.
        with torch.no_grad():
            written: Any = torch.onnx.export(
                _divided(program),
                (),
                dynamo=True,
                verbose=False,
                input_names=inputs,
                output_names=outputs,
                opset_version=opset,
            )
    # Likewise for an operator without a translation; NotImplementedError is PyTorch's, nothing here is unfinished.
    except (OnnxExporterError, RuntimeError, ValueError, NotImplementedError) as error:
        raise ExportError(f"torch cannot write this network as ONNX: {_sentence(error)}") from None
    model = written.model_proto
    got = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset is not None and got != opset:
        raise ExportError(f"torch cannot write this network in opset {opset}: it comes out in {got}", f"--opset {got}")
    step("checking")
    content = model.SerializeToString()
    onnx.checker.check_model(content, full_check=True)
    step("comparing")
    difference = _difference(graph, made, _onnxruntime(content, inputs, outputs), batches)
    write_whole(path, content)
    return Exported(len(content), difference, tuple(batches), *_shapes(graph), opset=got)


def _divided(program: ExportedProgram) -> ExportedProgram:
    """The program without pools that divide by anything but the size of their window.

    ONNX has none, and torch's translation leaves the divisor out without a word. Where windows are cut off at the edge,
    as `ceil` does, such a pool stays, and is found when outputs are compared.
    """
    import torch

    def rewritten(pool: Any) -> Callable[..., Any]:
        def run(
            x: torch.Tensor,
            kernel: Sequence[int],
            stride: Sequence[int] = (),
            padding: Sequence[int] | int = 0,
            ceil_mode: bool = False,
            count_include_pad: bool = True,
            divisor: int | None = None,
        ) -> Any:
            if divisor is None or ceil_mode:
                return NotImplemented
            return pool(x, kernel, stride, padding, False, True) * (math.prod(kernel) / divisor)

        return run

    pools = (torch.ops.aten.avg_pool2d.default, torch.ops.aten.avg_pool3d.default)
    if not any(node.target in pools for node in program.graph.nodes):
        return program
    without: ExportedProgram = program.run_decompositions({pool: rewritten(pool) for pool in pools})
    return without


def _onnxruntime(
    content: bytes, inputs: Sequence[str], outputs: Sequence[str]
) -> Callable[[Sequence[torch.Tensor]], list[torch.Tensor]]:
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(given: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        fed = {name: tensor.numpy() for name, tensor in zip(inputs, given, strict=True)}
        return [torch.from_numpy(array) for array in session.run(list(outputs), fed)]

    return run
