"""The page of a network in headless Chromium: open, close, search, hover; nothing on the console, nothing asked for.

In: pages of `specs/` and of a network of 2,000 layers. Out: what a reader sees. `make browser` runs these.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import archdsl

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.browser

_HOSTILE = '</script><b>"'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    place = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert place is not None, "these tests drive Chromium: apt-get install chromium"
    with sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=place, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """A tab that may say nothing on its console and ask for nothing but the file."""
    made = browser.new_page(viewport={"width": 1500, "height": 900})
    said: list[str] = []
    asked: list[str] = []
    made.on("console", lambda message: said.append(message.text))
    made.on("pageerror", lambda error: said.append(str(error)))
    made.on("request", lambda request: asked.append(request.url))
    yield made
    made.close()
    assert said == []
    assert [url for url in asked if not url.startswith("file://")] == []
    assert len(asked) == 1


def _visit(tab: Tab, folder: Path, net: archdsl.Architecture) -> None:
    place = folder / "net.html"
    net.draw(place)
    tab.goto(place.as_uri())


def _cells(tab: Tab) -> int:
    return tab.locator("#sheet .cell").count()


def _texts(badges: Locator) -> list[str]:
    return [text.text_content() or "" for text in badges.locator("text").all()]


def _fact(tab: Tab, word: str) -> str:
    return tab.locator(f'#facts dt:text-is("{word}") + dd').inner_text()


def _middle(found: Locator) -> tuple[float, float]:
    box = found.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_blocks_open_and_close_where_they_are(tab: Tab, tmp_path: Path) -> None:
    """A bottleneck with a projection: three convolutions, their norms, two rectifiers in it, a sum and a third."""
    _visit(tab, tmp_path, archdsl.load("zoo:resnet50"))
    shut = tab.get_by_role("button", name="stage1.bottleneck1,")
    assert shut.get_attribute("aria-expanded") == "false"
    cells, rows = _cells(tab), tab.locator("#rows tr").count()
    x, y = _middle(shut)
    shut.click()
    opened = tab.locator('#sheet .open > .head[aria-label^="stage1.bottleneck1,"]')
    assert opened.get_attribute("aria-expanded") == "true"
    assert _cells(tab) == cells + 3 + 3 + 2 + 2
    assert tab.locator("#rows tr").count() == rows + 3 + 3 + 2 + 2 + 1  # the projection is a block of its own
    now_x, now_y = _middle(opened)
    assert abs(now_x - x) < 2
    assert abs(now_y - y) < 20
    tab.mouse.click(now_x, now_y)
    assert _cells(tab) == cells


def test_repeats_unfold(tab: Tab, tmp_path: Path) -> None:
    _visit(tab, tmp_path, archdsl.load("zoo:resnet50"))
    badges = tab.locator("#sheet .times")
    assert _texts(badges) == ["× 2", "× 3", "× 5", "× 2"]
    badges.nth(1).click()
    assert _texts(badges) == ["× 2", "1/3", "2/3", "3/3", "× 5", "× 2"]
    badges.nth(2).click()
    assert _texts(badges) == ["× 2", "× 3", "× 5", "× 2"]


def test_hover_tells_and_links(tab: Tab, tmp_path: Path) -> None:
    """LeNet-5: C1 has 6 maps of 5x5 weights and a bias, on 28x28 positions (LeCun et al., 1998, page 7)."""
    _visit(tab, tmp_path, archdsl.load("zoo:lenet5"))
    cell = tab.locator('#sheet .cell[aria-label*="conv 5×5 6,"]').first
    row = tab.locator("#rows tr", has_text="conv 5×5 6").first
    cell.hover()
    assert _fact(tab, "parameters") == "156"
    assert _fact(tab, "MACs") == f"{28 * 28 * 6 * 25:,}"
    assert _fact(tab, "receptive field") == "5×5"
    assert _fact(tab, "output") == "28×28×6"
    assert "hot" in (row.get_attribute("class") or "")
    assert tab.locator("#source .line.hot").count() >= 1
    field, whole = (tab.locator(f"#facts svg .{name}").bounding_box() for name in ("field", "input"))
    assert field is not None
    assert whole is not None
    assert field["width"] / whole["width"] == pytest.approx(5 / 32, abs=0.02)  # the input has 32x32
    tab.mouse.move(2, 2)
    assert "hot" not in (row.get_attribute("class") or "")
    row.hover()
    assert "hot" in (cell.get_attribute("class") or "")
    tab.locator("#source .line.used").last.hover()
    assert tab.locator("#sheet .hot").count() >= 1


def test_keys_do_what_the_mouse_does(tab: Tab, tmp_path: Path) -> None:
    _visit(tab, tmp_path, archdsl.load("zoo:resnet50"))
    shut = tab.locator('#sheet .closed[aria-label^="stage1.bottleneck1,"]')
    shut.focus()
    assert _fact(tab, "parameters") == "75,008"  # 64*64 + 64*64*9 + 64*256 + 64*256 and the norms' 2*(64+64+256+256)
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.getAttribute('aria-expanded')") == "false"
    before = tab.locator("#sheet > g").get_attribute("transform")
    tab.keyboard.press("+")
    assert tab.locator("#sheet > g").get_attribute("transform") != before
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.id") == "search"


def test_search_opens_what_it_finds(tab: Tab, tmp_path: Path) -> None:
    """ResNet-50 has 16 units with one 3x3 convolution each."""
    _visit(tab, tmp_path, archdsl.load("zoo:resnet50"))
    tab.fill("#search", "conv 3x3")
    assert tab.locator("#found").inner_text() == "16 found"
    assert tab.locator("#sheet .cell.match").count() == 0
    tab.keyboard.press("Enter")
    assert tab.locator("#found").inner_text() == "1 of 16"
    chosen = tab.locator("#sheet .chosen")
    assert chosen.get_attribute("aria-label") == "stage1.bottleneck1.conv2, conv 3×3+1 64 bias=false, 56×56×64"
    assert tab.locator("#rows tr.chosen").inner_text().startswith("conv2")
    tab.fill("#search", "nothing of that name")
    assert tab.locator("#found").inner_text() == "none found"


def test_pan_and_zoom(tab: Tab, tmp_path: Path) -> None:
    _visit(tab, tmp_path, archdsl.load("zoo:lenet5"))
    cell = tab.locator("#sheet .cell").nth(2)
    x, y = _middle(cell)
    tab.mouse.move(700, 800)
    tab.mouse.down()
    tab.mouse.move(760, 770, steps=3)
    tab.mouse.up()
    assert _middle(cell) == pytest.approx((x + 60, y - 30), abs=1)
    x, y = _middle(cell)
    width = (cell.bounding_box() or {})["width"]
    tab.mouse.move(x, y)
    tab.mouse.wheel(0, -200)
    assert (cell.bounding_box() or {})["width"] > 1.3 * width
    assert _middle(cell) == pytest.approx((x, y), abs=2)


def test_a_hostile_label_shows_as_itself(tab: Tab, tmp_path: Path) -> None:
    from archdsl.draw.page import to_page
    from tests.test_draw import hostile

    place = tmp_path / "net.html"
    place.write_text(to_page(hostile(_HOSTILE, label=_HOSTILE)))
    tab.goto(place.as_uri())
    assert tab.locator("b").count() == 0
    assert tab.title() == _HOSTILE
    assert tab.locator("#name").inner_text() == _HOSTILE
    assert _HOSTILE in (tab.locator("#sheet .head").text_content() or "")
    assert _HOSTILE in (tab.locator("#sheet .exit").text_content() or "")


def test_nothing_overlaps(tab: Tab, tmp_path: Path) -> None:
    """Cells and closed blocks lie apart, inside the box that they are in, and hold their texts."""
    for name in ("googlenet", "unet"):
        archdsl.load(f"zoo:{name}").draw(tmp_path / f"{name}.html", depth=9)
    tab.goto((tmp_path / "googlenet.html").as_uri())
    assert tab.evaluate(_OVERLAPS) == []
    tab.locator("#open-all").click()
    assert tab.evaluate(_OVERLAPS) == []


_OVERLAPS = """() => {
  const found = [], inside = (a, b) => a.x >= b.x - 1 && a.y >= b.y - 1 && a.right <= b.right + 1 && a.bottom <= b.bottom + 1;
  const box = (element) => element.getBoundingClientRect();
  const things = [...document.querySelectorAll("#sheet .cell, #sheet .closed, #sheet .exit")].map((element) => {
    const rect = box(element.querySelector("rect"));
    for (const text of element.querySelectorAll("text")) if (!inside(box(text), rect)) found.push("cut " + text.textContent);
    const outer = element.parentElement.closest(".open");
    if (outer && !inside(rect, box(outer.querySelector("rect")))) found.push("outside " + element.textContent);
    return rect;
  });
  things.forEach((a, index) => things.slice(0, index).forEach((b) => {
    if (Math.min(a.right, b.right) - Math.max(a.x, b.x) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.y, b.y) > 1) found.push("overlap");
  }));
  return found;
}"""  # noqa: E501


_CLICK = """([button, times]) => {
  for (let index = 0; index < times; index++) document.getElementById(button).click();
}"""


def _worked(tab: Tab, button: str, times: int) -> float:
    """Milliseconds that the page's thread works for one click, which other work on the machine does not lengthen."""
    session = tab.context.new_cdp_session(tab)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def total() -> float:
        found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
        return 1000 * float(found["TaskDuration"])

    before = total()
    tab.evaluate(_CLICK, [button, times])
    worked = (total() - before) / times
    session.detach()
    assert worked > 0
    return worked


def test_two_thousand_layers_open_without_stalling(tab: Tab, tmp_path: Path) -> None:
    """400 residual units of five layers, no two alike in a row, so that nothing folds; none takes a second to draw."""
    units = "\n".join(f"-> unit<{8 + index % 2}>" for index in range(400))
    text = (
        "input 16x16x8\n"
        "block unit<w> = residual<conv 3x3+1 w -> bn -> relu -> conv 3x3+1 8> -> relu\n"
        f"conv 3x3+1 8\n{units}\n-> gap -> fc 10\n"
    )
    _visit(tab, tmp_path, archdsl.loads(text))
    assert tab.locator("#sheet .closed").count() == 400
    took = _worked(tab, "open-all", 1)
    assert _cells(tab) == 400 * 6 + 4
    assert took < 10_000
    tab.mouse.move(700, 500)
    moved = _worked(tab, "nearer", 20)
    assert moved < 50
    print(f"open all: {took:.0f} ms, zoom step: {moved:.1f} ms")


def test_a_live_page_follows_its_file(browser: Browser, tmp_path: Path) -> None:
    """The blocks that were open stay open; a mistake stands in the page with its caret."""
    file = tmp_path / "net.arch"
    text = "input 16x16x3\nblock unit<w> = conv 3x3+1 w -> bn -> relu -> conv 3x3+1 w\nunit<8> -> gap -> fc 10\n"
    file.write_text(text)
    call = [sys.executable, "-m", "archdsl", "draw", "net.arch", "--watch", "--depth", "1"]
    with subprocess.Popen(call, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        tab = browser.new_page()
        tab.goto(server.stderr.readline().partition(" ")[0])
        tab.locator("#sheet .closed").click()
        file.write_text(text.replace("3x3+1 w -> bn", "99x99 w -> bn"))
        tab.locator("pre", has_text="^^^").wait_for()
        file.write_text(text.replace("3x3+1 w -> bn", "5x5+2 w -> bn"))
        tab.locator('#sheet .cell[aria-label*="conv 5×5+2 8,"]').wait_for()
        tab.close()
        server.kill()


def test_a_folded_run_is_the_sum_of_its_iterations(tab: Tab, tmp_path: Path) -> None:
    """DenseNet-121's first block: 6 layers on c = 64, 96, … 224: bn, conv 1x1 128, bn, conv 3x3 32."""
    _visit(tab, tmp_path, archdsl.load("zoo:densenet121"))
    tab.locator('#sheet .head[aria-label*="group"]').first.hover()
    each = [2 * c + 128 * c + 2 * 128 + 128 * 32 * 9 for c in range(64, 225, 32)]
    assert _fact(tab, "parameters") == f"{sum(each):,}"
    assert tab.locator("#rows tr.hot td").nth(2).get_attribute("title") == f"{sum(each):,}"


def test_branches_stand_in_the_order_of_the_text(tab: Tab, tmp_path: Path) -> None:
    _visit(tab, tmp_path, archdsl.load("zoo:siamese"))
    left, right = (_middle(tab.locator(f'#sheet .cell[aria-label^="{name},"]')) for name in ("left", "right"))
    assert left[0] < right[0]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(["conv 3x3+1 8", *["-> conv 3x3+1 8 -> relu"] * 1000, "-> gap"]),
        f"conv 3x3+1 8 -> add<{' -> '.join(['residual<conv 3x3+1 8 -> conv 3x3+1 8>'] * 660)} | id> -> gap",
    ],
    ids=["chain", "a skip over everything"],
)
def test_two_thousand_layers_without_blocks(tab: Tab, tmp_path: Path, text: str) -> None:
    """Nothing can be closed; a skip from the first to the last leaves no place to cut the picture in two."""
    net = archdsl.loads(f"input 16x16x8\n{text}\n")
    _visit(tab, tmp_path, net)
    assert _cells(tab) == len(net.graph)
    assert _worked(tab, "open-all", 1) < 10_000
    assert tab.locator("#sheet .edge").count() >= len(net.graph) - 1 - sum(
        node.op is not None and node.op.style == "activation" for node in net.graph.nodes
    )
