"""`archdsl explain` and `archdsl ops`, as a user calls them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from archdsl.cli.explain import command as explain
from archdsl.cli.ops import command as ops
from archdsl.ops import registry
from archdsl.rules import RULES

_LIB = Path(__file__).parent.parent / "specs" / "lib"


def _run(command: click.Command, *arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


# ---------------------------------------------------------------- explain


def test_explain_lists_every_id() -> None:
    result = _run(explain)
    assert result.exit_code == 0
    listed = re.findall(r"^(\S+)", result.output, re.MULTILINE)
    assert listed == list(RULES)
    assert max(map(len, result.output.splitlines())) <= 100


@pytest.mark.parametrize("id", [id for id in RULES if id != "limit-steps"])
def test_explain_shows_what_why_example_and_fix(id: str) -> None:
    rule = RULES[id]
    result = _run(explain, id)
    assert result.exit_code == 0
    flat = " ".join(result.output.split())
    assert result.output.startswith(f"{id} ({rule.severity})\n")
    for text in (rule.what, rule.why, rule.example, rule.fix):
        assert " ".join(text.split()) in flat


def test_explain_shows_the_message_itself() -> None:
    assert "error[shape-mismatch]" in _run(explain, "shape-mismatch").output
    assert "warning[unused-let]" in _run(explain, "unused-let").output


def test_explain_of_an_unknown_id_names_the_nearest() -> None:
    result = _run(explain, "shape-missmatch")
    assert result.exit_code == 2
    assert "did you mean `shape-mismatch`?" in result.output
    assert _run(explain, "qqq").exit_code == 2


# ---------------------------------------------------------------- ops


def test_ops_lists_every_op_and_every_standard_block() -> None:
    output = _run(ops).output
    heads = [line.split()[0].partition("<")[0] for line in re.findall(r"^  (\S.*)", output, re.MULTILINE)]
    defined = [
        name for path in _LIB.glob("*.arch") for name in re.findall(r"^block (\w+)", path.read_text(), re.MULTILINE)
    ]
    assert set(heads) == {*registry.names(), *defined, "id", "first", "choice"}
    assert "      convolution.\n" in output


def test_ops_shows_sizes_that_papers_and_arithmetic_give() -> None:
    """AlexNet's first layer: (227 - 11) / 4 + 1 = 55; 11*11*3*96 + 96 = 34,944; 55*55*96*11*11*3 = 105,415,200."""
    output = _run(ops, "conv").output
    assert output.startswith("conv K[/S][+P] filters [groups=1]")
    assert "227x227x3 -> 55x55x96, 34,944 params (trainable), 105,415,200 MACs" in output
    assert "- `groups`:" in output


def test_ops_shows_a_merge_with_its_branches() -> None:
    output = _run(ops, "concat").output
    assert output.startswith("concat<a | b | …> [axis=channels]")
    # 64 + 128 + 32 channels, side by side
    assert "28x28x64, 28x28x128, 28x28x32 -> 28x28x224" in output


def test_ops_shows_a_block_with_its_comment_parameters_and_text() -> None:
    output = _run(ops, "se").output
    assert output.startswith("se<r=16>\n")
    assert "Squeeze and excitation. Hu, Shen, Albanie, Sun & Wu, 2017." in output
    assert "block se<r=16> = mul<id | gap -> fc (in.c//r) -> relu -> fc (in.c) -> sigmoid>" in output
    assert "gate.arch" in output


def test_ops_shows_both_forms_of_a_block() -> None:
    output = _run(ops, "inception").output
    assert "inception<*branches>\n" in output
    assert "inception<n1, r3, n3, r5, n5, pp>\n" in output


def test_ops_of_an_unknown_name_names_the_nearest() -> None:
    result = _run(ops, "maxpol")
    assert result.exit_code == 2
    assert "did you mean `maxpool`?" in result.output


@pytest.mark.parametrize("name", registry.names())
def test_every_op_has_a_page_with_an_example(name: str) -> None:
    result = _run(ops, name, "--json")
    assert result.exit_code == 0
    record = json.loads(result.output)
    assert (record["name"], record["kind"]) == (name, "op")
    assert record["summary"]
    assert record["signatures"][0].startswith(name)
    accepted = [example for example in _op(name).examples if example.output is not None]
    assert [example["text"] for example in record["examples"]] == [example.text for example in accepted]
    for shown, example in zip(record["examples"], accepted, strict=True):
        output = example.output
        assert output is not None
        several = output if isinstance(output[0], tuple) else (output,)
        assert shown["outputs"] == ["x".join(map(str, shape)) for shape in several]


def _op(name: str) -> type[registry.Op]:
    found = registry.lookup(name)
    assert found is not None
    return found


def test_ops_as_json() -> None:
    records = json.loads(_run(ops, "--json").output)
    assert {record["kind"] for record in records} == {"op", "block"}
    assert all(record["signatures"] and record["summary"] for record in records)
    block = json.loads(_run(ops, "bottleneck", "--json").output)
    assert block["kind"] == "block"
    assert block["forms"][0]["parameters"][:2] == [
        {"name": "w", "default": None, "any_number": False},
        {"name": "s", "default": "1", "any_number": False},
    ]
