"""A summary for programs: JSON whose keys stay.

In: a `Summary`. Out: JSON text, a record a layer.
"""

from __future__ import annotations

import json

from archdsl.analysis.receptive import Field
from archdsl.analysis.rows import Row, summary_rows
from archdsl.analysis.training_memory import NOT_CONTAINED
from archdsl.graph import Graph
from archdsl.ops.base import Shape, show_shape
from archdsl.report.numbers import stride_text
from archdsl.report.summary import Summary

__all__ = ["to_json"]


def to_json(found: Summary) -> str:
    """The network, its totals, and a line for every layer, repeats unfolded.

    ```json
    {"name": "lenet5", "variant": null, "title": "", "input": "32x32x1", "inputs": {"input": "32x32x1"},
     "outputs": {"output": "10"}, "training_outputs": {},
     "totals": {"params": 61706, "buffers": 0, "macs": 416520, "flops": 833040, "work": 17754, "connections": 423038,
                "depth": 5, "layers": 11, "weight_bytes": 246824, "activation_bytes": 58408, "peak_bytes": 37632},
     "training_only": {"layers": 0, "params": 0, "buffers": 0, "macs": 0},
     "training_memory": {"batch": 32, "optimizer": "sgd-momentum", "total_bytes": 2740600, "weight_bytes": 246824,
                         "gradient_bytes": 246824, "optimizer_bytes": 246824, "activation_bytes": 2000128,
                         "not_contained": "…"},
     "layers": [{"name": "conv1", "op": "conv 5x5 6", "block": "", "output": "28x28x6", "outputs": ["28x28x6"],
                 "params": 156, "buffers": 0, "macs": 117600, "work": 4704, "activation_bytes": 18816,
                 "receptive_field": "5x5", "stride": "1x1", "shared_with": null, "training_only": false,
                 "kind": "conv", "inputs": ["input"]}, …]}
    ```

    Counts are for one image, bytes for float32. `totals` leave out what exists in training only. `input` is the first
    input, `block` the full name of the block that holds a layer, empty outside of blocks. `receptive_field` is `"all"`
    where a position sees the whole input; it and `stride` are null where there are no positions. Of `training_memory`,
    `activation_bytes` are for the batch. New keys may be added; those that are here stay.
    """
    graph, total, extra = found.graph, found.counts.total, found.counts.training
    record = {
        "name": graph.name,
        "variant": graph.variant,
        "title": graph.title,
        "input": show_shape(graph.inputs[0].shape) if graph.inputs else None,
        "inputs": {graph.names[node.key]: show_shape(node.shape) for node in graph.inputs},
        "outputs": _outputs(graph, training=False),
        "training_outputs": _outputs(graph, training=True),
        "totals": {
            "params": total.params,
            "buffers": total.buffers,
            "macs": total.macs,
            "flops": total.flops,
            "work": total.work,
            "connections": total.connections,
            "depth": found.depth,
            "layers": total.layers,
            "weight_bytes": found.memory.weights,
            "activation_bytes": found.memory.activations,
            "peak_bytes": found.memory.peak,
        },
        "training_only": {
            "layers": extra.layers,
            "params": extra.params,
            "buffers": extra.buffers,
            "macs": extra.macs,
        },
        "training_memory": {
            "batch": found.training.batch,
            "optimizer": found.training.optimizer,
            "total_bytes": found.training.total,
            "weight_bytes": found.training.weights,
            "gradient_bytes": found.training.gradients,
            "optimizer_bytes": found.training.optimizer_state,
            "activation_bytes": found.training.activations,
            "moment": found.training.moment,
            "not_contained": NOT_CONTAINED,
        },
    }
    head = json.dumps(record, indent=2).removesuffix("\n}")
    layers = ",\n    ".join(json.dumps(layer) for layer in _layers(found))
    return f'{head},\n  "layers": [\n    {layers}\n  ]\n}}\n'


def _outputs(graph: Graph, *, training: bool) -> dict[str, str]:
    return {out.name: show_shape(graph.shape(out.port)) for out in graph.outputs if out.training is training}


def _layers(found: Summary) -> list[dict[str, object]]:
    graph = found.graph
    rows = {row.path: row for row in summary_rows(graph, found.counts, fold=False) if row.kind == "layer"}
    records = []
    for node in graph.layers:
        row = rows[graph.names[node.key]]
        inputs = [graph.names[port.node] for port in node.inputs]
        records.append({**_layer(row), "kind": node.kind, "inputs": inputs})
    return records


def _layer(row: Row) -> dict[str, object]:
    return {
        "name": row.path,
        "op": row.op,
        "block": row.block,
        "output": show_shape(row.outputs[0]),
        "outputs": [show_shape(shape) for shape in row.outputs],
        "params": row.params,
        "buffers": row.buffers,
        "macs": row.macs,
        "work": row.work,
        "activation_bytes": row.activation_bytes,
        "receptive_field": _size(row.field),
        "stride": None if row.field.stride is None else stride_text(row.field.stride),
        "shared_with": row.shared,
        "training_only": row.training,
    }


def _size(field: Field) -> str | None:
    if field.whole:
        return "all"
    shape: Shape | None = field.size
    return None if shape is None else show_shape(shape)
