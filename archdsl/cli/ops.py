"""`archdsl ops`: what a text can use.

In: the name of an op or a standard block, or none for the list. Out: signatures, documentation and worked examples on
standard output. The facts come from `archdsl.catalogue`.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from archdsl.catalogue import BlockEntry, OpEntry, Worked

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl ops
  archdsl ops conv
  archdsl ops bottleneck
  archdsl ops --json
"""
_WIDTH = 100
_SHOWN = 4
_WORDS = (
    ("id", "the branch that does nothing"),
    ("first", "the first of several tensors"),
    ("choice<a | b>", "one of several chains, left open: --choose takes one"),
)


@click.command("ops", epilog=_EXAMPLES)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def command(name: str | None, as_json: bool) -> None:
    """List the ops and standard blocks with their signatures, or explain the one of that NAME.

    An op's examples show the size that comes out, its parameters (trainable) and its MACs; a block shows its text.
    """
    from archdsl.catalogue import blocks, op, ops

    if name is None:
        click.echo(_records(ops(), blocks()) if as_json else _list(ops(), blocks()))
        return
    block = next((block for block in blocks() if block.name == name), None)
    found = op(name)
    if found is not None:
        click.echo(_op_record(found) if as_json else _op_page(found))
    elif block is not None:
        click.echo(_block_record(block) if as_json else _block_page(block))
    else:
        raise click.UsageError(_unknown(name, [*(entry.name for entry in ops()), *(entry.name for entry in blocks())]))


def _unknown(name: str, known: list[str]) -> str:
    from archdsl.diagnostics import nearest

    close = nearest(name, known)
    return f"there is no op or standard block `{name}`" + (
        f"; did you mean `{close}`?" if close else "; `archdsl ops` lists all"
    )


# ---------------------------------------------------------------- text


def _list(ops: tuple[OpEntry, ...], blocks: tuple[BlockEntry, ...]) -> str:
    from typing import get_args

    from archdsl.ops.base import Style

    parts: list[str] = []
    for style in get_args(Style):
        rows = [_row(entry.signature, entry.summary) for entry in ops if entry.style == style]
        if rows:
            parts.append("\n".join([style, *rows]))
    rows = [_row(form.signature, form.summary) for block in blocks for form in block.forms]
    parts.append("\n".join(["standard blocks", *rows]))
    parts.append("\n".join(["words of the language", *(_row(word, text) for word, text in _WORDS)]))
    return "\n\n".join(parts)


def _row(signature: str, summary: str) -> str:
    text = textwrap.wrap(summary, _WIDTH - 6, break_on_hyphens=False)
    return "\n".join([f"  {signature}", *(f"      {line}" for line in text)])


def _op_page(entry: OpEntry) -> str:
    from archdsl.catalogue import worked

    parts = [entry.signature, entry.doc]
    examples = worked(entry.name)[:_SHOWN]
    if examples:
        widest = max(len(example.text) for example in examples)
        rows = [f"  {example.text:{widest}}  {_outcome(example)}" for example in examples]
        parts.append("\n".join(["Examples", *rows]))
    return "\n\n".join(parts)


def _outcome(example: Worked) -> str:
    sizes = f"{_sizes(example.inputs)} -> {_sizes(example.outputs)}"
    params = f", {example.params:,} params (trainable)" if example.params else ""
    macs = f", {example.macs:,} MACs" if example.macs else ""
    return sizes + params + macs


def _sizes(shapes: tuple[tuple[int, ...], ...]) -> str:
    from archdsl.ops.base import show_shape

    return ", ".join(map(show_shape, shapes))


def _block_page(block: BlockEntry) -> str:
    parts: list[str] = []
    for form in block.forms:
        parts.append(form.signature)
        if form.doc:
            parts.append(form.doc)
        parts.append(textwrap.indent(form.text, "  "))
    parts.append(f"a standard block of {block.file}; a file may define its own of that name")
    return "\n\n".join(parts)


# ---------------------------------------------------------------- JSON


def _records(ops: tuple[OpEntry, ...], blocks: tuple[BlockEntry, ...]) -> str:
    import json

    records: list[dict[str, object]] = [
        {
            "name": entry.name,
            "kind": "op",
            "style": entry.style,
            "signatures": [entry.signature],
            "summary": entry.summary,
        }
        for entry in ops
    ]
    records += [
        {
            "name": block.name,
            "kind": "block",
            "file": block.file,
            "signatures": [form.signature for form in block.forms],
            "summary": block.summary,
        }
        for block in blocks
    ]
    return json.dumps(records, indent=2, ensure_ascii=False)


def _op_record(entry: OpEntry) -> str:
    import json

    from archdsl.catalogue import worked
    from archdsl.ops.base import show_shape

    examples = [
        {
            "text": example.text,
            "inputs": [show_shape(shape) for shape in example.inputs],
            "outputs": [show_shape(shape) for shape in example.outputs],
            "params": example.params,
            "macs": example.macs,
        }
        for example in worked(entry.name)
    ]
    record = {
        "name": entry.name,
        "kind": "op",
        "style": entry.style,
        "signatures": [entry.signature],
        "summary": entry.summary,
        "doc": entry.doc,
        "examples": examples,
    }
    return json.dumps(record, indent=2, ensure_ascii=False)


def _block_record(block: BlockEntry) -> str:
    import json

    forms = [
        {
            "signature": form.signature,
            "parameters": [
                {
                    "name": parameter.name,
                    "default": None if parameter.default is None else " ".join(parameter.default.span.text.split()),
                    "any_number": parameter.star,
                }
                for parameter in form.parameters
            ],
            "doc": form.doc,
            "text": form.text,
        }
        for form in block.forms
    ]
    record = {
        "name": block.name,
        "kind": "block",
        "file": block.file,
        "signatures": [form.signature for form in block.forms],
        "summary": block.summary,
        "forms": forms,
    }
    return json.dumps(record, indent=2, ensure_ascii=False)
