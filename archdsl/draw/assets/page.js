// The whole: drawing anew after a change, and what mouse and keys do.

// ---------------------------------------------------------------- the whole

const redraw = () => {
  shown = new Map();
  edges = [];
  spot.clear();
  model = build();
  arrange(model.page);
  model.items = nodes.filter((node) => standing(node.key).key === node.key && model.itemOf.get(node.key).type === "piece");
  model.items.push(...new Set([...model.itemOf.values()].filter((item) => item.type === "closed").map((item) => item.box)));
  const marker = make("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto", markerUnits: "userSpaceOnUse" });
  marker.append(make("path", { d: "M0,0.5L8,4L0,7.5Z", class: "arrow" }));
  const defs = make("defs", {});
  defs.append(marker);
  world = make("g", {});
  paint(model.page, world, 0, 0, 0);
  sheet.replaceChildren(defs, world);
  place();
  table();
  legend();
  mark();
};

const legend = () => {
  const made = [];
  const entry = (fill_, text) => {
    const item = html("span"), swatch = html("i");
    swatch.style.background = fill_;
    item.append(swatch, text);
    made.push(item);
  };
  if (colour === "kind") {
    for (const kind of new Set(nodes.map((node) => node.style))) if (kind !== "input") entry(`var(--kind-${kind})`, kind);
  } else {
    const most = Math.max(...model.items.map((item) => item[colour] || 0));
    for (let step = 1; most && step <= 5; step++) {
      const value = Math.ceil((most * step) / 5);
      entry(`var(--heat${step})`, "≤ " + (colour === "memory" ? bytes(value) : quantity(value)));
    }
  }
  $("legend").replaceChildren(...made);
};

// What was hit keeps its place on the screen.
const change = (ref, work) => {
  const before = spot.get(ref);
  work();
  redraw();
  const after = spot.get(ref);
  if (before && after) {
    view.x += (before.x + before.w / 2 - after.x - after.w / 2) * view.k;
    view.y += (before.y - after.y) * view.k;
    place();
  }
};
const toggle = (id) => {
  change("b" + id, () => (open.has(id) ? open.delete(id) : open.add(id)));
  focusOn("b" + id);
};
const fold = (first) => {
  change("b" + first, () => {
    if (unfolded.delete(first)) return;
    unfolded.add(first);
    if (open.has(first)) boxes[first].run.forEach((id) => open.add(id));
  });
  focusOn("b" + first);
};
let byKey = false;
const focusOn = (ref) => {
  const inTable = rows.dataset.focus === "1";
  const found = (shown.get(ref) || []).find((element) => (element.tagName === "TR") === inTable);
  rows.dataset.focus = "";
  if (byKey && found) (inTable ? found.querySelector("button") || found : found).focus({ preventScroll: true });
};
const reveal = (key) => {
  for (let id = nodes[key].box; id >= 0; id = boxes[id].up) {
    if (boxes[id].run[0] !== id) unfolded.add(boxes[id].run[0]);
    open.add(id);
  }
};

// ---------------------------------------------------------------- events

const refAt = (target) => { const found = target.closest && target.closest("[data-ref]"); return found ? found.dataset.ref : null; };
for (const [element, from] of [[sheet, "picture"], [rows, "table"]]) {
  element.addEventListener("pointerover", (event) => { if (!drag) light(refAt(event.target), from); });
  element.addEventListener("pointerleave", () => light(null, from));
  element.addEventListener("focusin", (event) => light(refAt(event.target), from));
  element.addEventListener("focusout", () => light(null, from));
}
const act = (target) => {
  const times = target.closest("[data-fold]");
  if (times) { fold(Number(times.dataset.fold)); return true; }
  const ref = refAt(target);
  if (!ref) return false;
  choose(ref, false);
  if (ref[0] === "b") toggle(Number(ref.slice(1)));
  return true;
};
let drag = null, moved = false;
sheet.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  drag = { id: event.pointerId, x: event.clientX - view.x, y: event.clientY - view.y, from: [event.clientX, event.clientY] };
  moved = false;
});
sheet.addEventListener("pointermove", (event) => {
  if (!drag || event.pointerId !== drag.id) return;
  if (!moved && Math.hypot(event.clientX - drag.from[0], event.clientY - drag.from[1]) < 4) return;
  if (!moved) { moved = true; sheet.setPointerCapture(drag.id); sheet.classList.add("moving"); }
  view.x = event.clientX - drag.x;
  view.y = event.clientY - drag.y;
  place();
});
const drop = () => { drag = null; sheet.classList.remove("moving"); };
sheet.addEventListener("pointerup", drop);
sheet.addEventListener("pointercancel", drop);
sheet.addEventListener("click", (event) => {
  if (moved) { moved = false; return; }
  byKey = false;
  if (!act(event.target)) choose(null, false);
});
sheet.addEventListener("wheel", (event) => {
  event.preventDefault();
  const box = sheet.getBoundingClientRect();
  const unit = event.deltaMode === 1 ? 16 : 1;
  zoom(Math.exp(-Math.max(-200, Math.min(200, event.deltaY * unit)) * 0.0022), event.clientX - box.left, event.clientY - box.top);
}, { passive: false });
sheet.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  byKey = true;
  act(event.target);
});
rows.addEventListener("click", (event) => {
  const button = event.target.closest("[data-toggle]"), ref = refAt(event.target);
  if (button) {
    byKey = event.detail === 0;
    rows.dataset.focus = "1";
    toggle(Number(button.dataset.toggle.slice(1)));
  }
  if (ref) choose(ref, true);
});
rows.addEventListener("keydown", (event) => {
  const line = event.target.closest("tr");
  if (!line) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const next = event.key === "ArrowDown" ? line.nextElementSibling : line.previousElementSibling;
    if (next) { event.preventDefault(); next.focus(); }
  } else if (event.target === line && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    choose(line.dataset.ref, true);
  }
});
source.addEventListener("pointerover", (event) => {
  const line = event.target.closest(".line.used");
  paintClass("hot", line ? refsOfLine(line.dataset.name) : []);
  hot = null;
});
source.addEventListener("pointerleave", () => paintClass("hot", []));
source.addEventListener("click", (event) => {
  const line = event.target.closest(".line.used");
  if (line) choose(refsOfLine(line.dataset.name)[0], true);
});
$("search").addEventListener("input", (event) => search(event.target.value));
$("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") { event.preventDefault(); step(event.shiftKey ? -1 : 1); }
  if (event.key === "Escape") { event.target.value = ""; search(""); event.target.blur(); }
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
  const middle = [pane.clientWidth / 2, pane.clientHeight / 2];
  if (event.key === "/") { event.preventDefault(); $("search").focus(); }
  else if (event.key === "+" || event.key === "=") zoom(1.25, ...middle);
  else if (event.key === "-") zoom(0.8, ...middle);
  else if (event.key === "0") fit(0);
  else if (event.key === "Escape") choose(null, false);
});
$("nearer").addEventListener("click", () => zoom(1.25, pane.clientWidth / 2, pane.clientHeight / 2));
$("farther").addEventListener("click", () => zoom(0.8, pane.clientWidth / 2, pane.clientHeight / 2));
$("fit").addEventListener("click", () => fit(0));
$("heat").value = colour;
$("heat").addEventListener("change", (event) => { colour = event.target.value; redraw(); });
$("open-all").addEventListener("click", () => { boxes.forEach((box) => open.add(box.id)); redraw(); fit(0.8); });
$("close-all").addEventListener("click", () => { open.clear(); unfolded.clear(); redraw(); fit(0.8); });
for (const [button, part] of [["show-table", $("table")], ["show-source", source]])
  $(button).addEventListener("click", (event) => {
    part.hidden = !part.hidden;
    event.currentTarget.setAttribute("aria-pressed", String(!part.hidden));
  });

$("name").textContent = data.name;
$("name").title = data.title;
const totals = data.totals;
$("totals").textContent = [plural(totals.layers, "layer"), exact(totals.params) + " parameters", quantity(totals.macs) + " MACs", bytes(totals.activations) + " activations"].join(" · ");
redraw();
fit(0.8);
tell(null);

// What a newer page of the same file takes over from this one.
window.archdsl = {
  keep: () => ({ open: [...open].map((id) => boxes[id].path), unfolded: [...unfolded].map((id) => boxes[id].path), view: { ...view }, known: boxes.map((box) => box.path) }),
  restore: (kept) => {
    const known = new Set(kept.known);
    for (const [set, paths] of [[open, new Set(kept.open)], [unfolded, new Set(kept.unfolded)]])
      for (const box of boxes) if (known.has(box.path)) set[paths.has(box.path) ? "add" : "delete"](box.id);
    redraw();
    Object.assign(view, kept.view);
    place();
  },
};
