"""The page of a network as a file: what is in it, that nothing of it is markup, that it needs nothing else.

In: networks of `specs/` and hostile names. Out: the file read back. What it does in a browser is in
`test_draw_browser.py`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import archdsl
from archdsl.cli.draw import command
from archdsl.draw.image import Misfit, Page, image
from archdsl.draw.page import page_data, to_page
from archdsl.draw.plan import Wish
from archdsl.draw.style import THEMES
from tests import zoo
from tests.test_draw import HOSTILE, hostile

_SAMPLE = {"lenet5", "resnet50", "googlenet", "unet", "siamese", "densenet121", "nasnet_large", "fractalnet"}
_ENTRIES = [e for e in zoo.entries() if os.environ.get("ARCHDSL_ZOO") == "all" or e.name in _SAMPLE]
_NAMES = (*HOSTILE, "<!--<script>", "]]>", "a\u2028b\u2029c", "&lt;&amp;", "${x}`", "{{data}}", "\\u003c")
_VOID = {"meta", "input", "br", "link", "img", "hr"}


class _Reader(HTMLParser):
    """The file as a browser reads it: elements that close where they should, their texts and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.texts.setdefault(tag, []).append("")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]][-1] += data


def _read(text: str) -> dict[str, Any]:
    found = _Reader(text).texts["script"]
    assert len(found) == 3
    read: dict[str, Any] = json.loads(found[0])
    return read


def _keys(data: dict[str, Any]) -> list[int]:
    """Every layer that the tree holds, in the order of the tree."""
    made: list[int] = []
    pending = list(reversed(data["root"]))
    while pending:
        part = pending.pop()
        if isinstance(part, int):
            made.append(part)
        else:
            pending += [inner for box in reversed(part) for inner in reversed(data["boxes"][box]["parts"])]
    return made


# ---------------------------------------------------------------- the data


@pytest.mark.parametrize("entry", _ENTRIES, ids=str)
def test_every_layer_is_there_once_and_joined_to_the_right_ones(entry: zoo.Entry) -> None:
    graph = entry.graph()
    data = page_data(graph)
    assert sorted(_keys(data)) == list(range(len(graph)))
    assert [node["name"] for node in data["nodes"]] == list(graph.names)
    assert [node["in"] for node in data["nodes"]] == [[list(port) for port in node.inputs] for node in graph.nodes]
    assert (
        sum(node.get("params", 0) for node, of in zip(data["nodes"], graph.nodes, strict=True) if of.op)
        >= (data["totals"]["params"])
    )
    paths = {graph.path(frame) for node in graph.nodes for frame in node.frame.path()}
    assert {box["path"] for box in data["boxes"]} <= paths
    for node in data["nodes"]:
        file, first, last = node["at"]
        assert 1 <= first <= last <= data["sources"][file]["text"].count("\n") + 1


@pytest.mark.parametrize("entry", _ENTRIES, ids=str)
def test_alike_iterations_hold_as_many_layers(entry: zoo.Entry) -> None:
    """The page shows the first in the place of each, layer by layer."""
    data = page_data(entry.graph())

    def kinds(box: int) -> list[str]:
        return [data["nodes"][key]["style"] for key in sorted(_keys({**data, "root": [[box]]}))]

    for box in data["boxes"]:
        for part in box["parts"]:
            if isinstance(part, list):
                assert all(kinds(other) == kinds(part[0]) for other in part)


def test_the_stages_of_resnet50_fold_as_the_paper_has_them() -> None:
    """Table 1 has 3, 4, 6 and 3 units a stage; the first of each differs, by its projection."""
    data = page_data(zoo.graph("resnet50"))
    stages = [part[0] for part in data["root"] if isinstance(part, list)]
    runs = [[len(part) for part in data["boxes"][stage]["parts"]] for stage in stages]
    assert runs == [[1, 2], [1, 3], [1, 5], [1, 2]]
    assert data["totals"]["params"] == 25_557_032  # torchvision's
    last = next(node for node in reversed(data["nodes"]) if node["style"] == "activation")
    # 11 behind the pool, then every 3x3 adds twice the stride it reads at: 4 at 4, 4 at 8, 6 at 16, 2 at 32.
    assert [axis[0] for axis in last["field"]] == [11 + 2 * (4 * 4 + 4 * 8 + 6 * 16 + 2 * 32)] * 2
    assert data["nodes"][1]["field"] == [[7, 2, 3], [7, 2, 3]]


def test_what_is_open_at_first() -> None:
    graph = zoo.graph("resnet50")
    calls = {index: box["call"] for index, box in enumerate(page_data(graph)["boxes"])}
    assert page_data(graph, Wish(depth=1))["open"] == []
    opened = page_data(graph, Wish(depth=2))["open"]
    assert [calls[box].partition("<")[0] for box in opened] == ["stage"] * 4
    opened = page_data(graph, Wish(depth=1, expand=frozenset({"project"})))["open"]
    assert {calls[box].partition("<")[0] for box in opened} == {"stage", "bottleneck", "project"}
    assert len(page_data(graph, Wish(fold=False))["unfolded"]) == 4
    assert page_data(graph, Wish(heat="macs"))["heat"] == "macs"


def test_layers_of_a_tower_used_twice_own_their_weights_once() -> None:
    data = page_data(zoo.graph("siamese"))
    shared = [node for node in data["nodes"] if "shared" in node]
    assert shared
    assert not any(node.get("params") for node in shared)
    assert sum(node.get("params", 0) for node in data["nodes"]) == data["totals"]["params"]


# ---------------------------------------------------------------- the file


@pytest.mark.parametrize("name", ["lenet5", "googlenet"])
def test_the_file_is_whole(name: str) -> None:
    graph = zoo.graph(name)
    text = to_page(graph)
    assert text.startswith("<!DOCTYPE html>")
    assert "{{" not in text.replace(json.dumps(graph.source_text), "")
    assert _read(text) == json.loads(json.dumps(page_data(graph)))
    assert "Chris Pettitt" in text  # the library's licence asks for its notice in every copy
    assert "The above copyright notice and this permission notice shall be included" in text


def test_nothing_in_the_file_leads_outside() -> None:
    reader = _Reader(to_page(zoo.graph("lenet5")))
    _, library, script = reader.texts["script"]
    (style,) = reader.texts["style"]
    addresses = re.findall(r"\w+://[^\s\"'`]*", library + script + style)
    assert set(addresses) == {"http://www.w3.org/2000/svg"}  # a name, which is not fetched
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", style)
    assert not re.search(
        r"\b(fetch|XMLHttpRequest|WebSocket|EventSource|importScripts|sendBeacon)\b|\bimport\(", script
    )
    assert not [
        at for at in reader.attributes if at[1] in {"src", "href", "action", "srcset"} or at[1].startswith("on")
    ]
    assert "innerHTML" not in script
    assert "sourceMappingURL" not in library


def test_the_policy_allows_these_scripts_alone() -> None:
    """The hashes are of the texts as a browser sees them (Content Security Policy Level 3, section 6.7.3.3)."""
    reader = _Reader(to_page(zoo.graph("lenet5")))
    policy = next(value for tag, name, value in reader.attributes if (tag, name) == ("meta", "content"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    for text in (*reader.texts["style"], *reader.texts["script"][1:]):
        assert f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", _NAMES)
def test_a_hostile_name_is_itself_and_nothing_else(name: str) -> None:
    text = to_page(hostile(name, label=name))
    data = _read(text)
    assert data["title"] == name
    assert data["outputs"][0]["name"] == name
    assert data["nodes"][-1]["label"] == name
    assert data["boxes"][0]["label"] == name
    raw = text[text.index('id="data">') + len('id="data">') : text.index("</script>")]
    assert not set(raw) & set("<>&\u2028\u2029\n\r\0")
    assert text.count("</script") == 3
    assert {tag for tag, _, _ in _Reader(text).attributes} <= {
        "html", "meta", "style", "h1", "p", "div", "label", "span", "input", "output", "select", "option", "button",
        "main", "section", "table", "th", "tbody", "svg", "script",
    }  # fmt: skip


@pytest.mark.parametrize("entry", _ENTRIES, ids=str)
def test_the_file_is_small(entry: zoo.Entry) -> None:
    """About 100 KB for the page, half of it the library; of a layer a few hundred bytes."""
    graph = entry.graph()
    assert len(to_page(graph).encode()) < 110_000 + 350 * len(graph)


def test_the_same_text_gives_the_same_bytes(tmp_path: Path) -> None:
    text = Path(zoo.graph("googlenet").nodes[0].span.source.path).read_text()
    made = []
    for folder, seed in (("a", "1"), ("b", "2")):
        place = tmp_path / folder
        place.mkdir()
        (place / "net.arch").write_text(text)
        call = [sys.executable, "-m", "archdsl", "draw", "net.arch", "-o", "net.html"]
        subprocess.run(call, cwd=place, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True)
        made.append((place / "net.html").read_bytes())
    assert made[0] == made[1]


def test_themes() -> None:
    graph = zoo.graph("lenet5")
    assert "prefers-color-scheme:dark" in to_page(graph)
    assert "prefers-color-scheme" not in to_page(graph, theme="dark")
    assert "--page:#16191d" in to_page(graph, theme="dark")
    grey = THEMES["print"].fills["convolution"]
    assert f"--kind-convolution:{grey}" in to_page(graph, theme="print")
    assert f"--kind-convolution:{grey}" not in to_page(graph)


@pytest.mark.parametrize(
    ("wish", "page", "words"),
    [
        (Wish(), Page("table"), "style table does not go with html"),
        (Wish(), Page("volumes"), "style volumes does not go with html"),
        (Wish(), Page(width=250), "width does not go with html"),
        (Wish(), Page(dpi=300), "dpi does not go with html"),
        (Wish(), Page(direction="right"), "direction does not go with html"),
        (Wish(show=("params",)), Page(), "show does not go with html"),
        (Wish(expand=frozenset({"stge"})), Page(), "did you mean `stage`"),
    ],
)
def test_wishes_that_do_not_go_together(wish: Wish, page: Page, words: str) -> None:
    with pytest.raises(Misfit, match=words):
        image(zoo.graph("resnet50"), "html", wish, page)


def test_the_command_and_the_interface(tmp_path: Path) -> None:
    place = tmp_path / "net.html"
    ran = CliRunner().invoke(command, ["zoo:lenet5", "-o", str(place)])
    assert ran.exit_code == 0, ran.output
    assert place.read_bytes() == archdsl.load("zoo:lenet5").draw(format="html")
