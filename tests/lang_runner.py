"""The literate tests, run: whether a case of a chapter holds.

In: a `Case` and an empty folder. Out: nothing, or `Wrong` with the place and every difference. Knows no layer and no
rule of the language: what is right stands in the chapters alone.
"""

from __future__ import annotations

import ast
import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from lang_chapters import Case, Fence, Wrong

from archdsl.analysis.claims import check_claims
from archdsl.analysis.counts import Counts, count
from archdsl.analysis.depth import depth
from archdsl.checking import check_workspace
from archdsl.diagnostics import Collector, Diagnostic, render_text
from archdsl.elaborate import Request, Unresolved, Workspace
from archdsl.graph import Graph
from archdsl.ops.base import Shape, show_shape
from archdsl.space import explore

__all__ = ["graph", "verify"]

_ANNOTATION = re.compile(r'# (error|warning): \[([a-z0-9-]+)\](?: "([^"]*)")?')
_LAYER = re.compile(r"^(\S+)\s+(.+?)\s*::\s*(.+?)(?:\s+<-\s+(.+?))?(?:\s+shares\s+(\S+))?$")
_COMMENT = re.compile(r"(?:^|\s+)#(?: .*)?$")


def verify(case: Case, folder: Path) -> None:
    """Raise `Wrong` where a case does not hold; `folder` is an empty one for its files."""
    found = Collector()
    workspace = _workspace(case, folder, found)
    request = _request({**case.program.options, **(case.said.options if case.said else {})})
    if case.said is None:
        reported = check_workspace(workspace, request, found).diagnostics
        problems = _announced(case, folder, reported)
    elif case.said.kind == "message":
        reported = check_workspace(workspace, request, found).diagnostics
        problems = _printed(case, folder, reported)
    else:
        problems = _said(case, workspace, request, found)
    if problems:
        raise Wrong("\n".join(f"{case.chapter}:{line}: {problem}" for line, problem in problems))


def graph(case: Case, folder: Path) -> Graph | None:
    """The network of a case; None where its program is wrong or leaves a choice open."""
    found = Collector()
    request = _request({**case.program.options, **(case.said.options if case.said else {})})
    try:
        network = _workspace(case, folder, found).network(request, found)
    except Unresolved:
        return None
    return None if network is None else network.graph


def _workspace(case: Case, folder: Path, found: Collector) -> Workspace:
    text = case.program.text
    if "pad" in case.program.options:
        wanted = int(case.program.options["pad"])
        text += "#" * (wanted - len(text))
    if not case.files:
        return Workspace.text(text, found, "net.arch")
    (folder / ".archroot").touch()
    entry = case.program.options.get("file", "net.arch")
    for name, body in [*((f.options["file"], f.text) for f in case.files), (entry, text)]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")
    return Workspace.open(folder / entry, found)


def _request(options: Mapping[str, str]) -> Request:
    settings = {key.partition(":")[2]: value for key, value in options.items() if key.startswith("set:")}
    choices = {key.partition(":")[2]: value for key, value in options.items() if key.startswith("choose:")}
    inputs: dict[str | None, Shape] = {}
    for key, value in options.items():
        if key == "input" or key.startswith("input:"):
            inputs[key.partition(":")[2] or None] = tuple(int(part) for part in value.split("x"))
    return Request(options.get("variant"), settings, inputs, choices)


# ---------------------------------------------------------------- mistakes

_Problems = list[tuple[int, str]]
_Key = tuple[str, int, str, str]


def _announced(case: Case, folder: Path, reported: tuple[Diagnostic, ...]) -> _Problems:
    """Compare what is reported with the comments `# error: [id]`, line by line."""
    entry = case.program.options.get("file", "net.arch")
    texts = {entry: case.program} | {f.options["file"]: f for f in case.files}
    wanted: list[tuple[_Key, str]] = []
    for name, fence in texts.items():
        for row, line in enumerate(fence.text.splitlines(), 1):
            for severity, id, excerpt in _ANNOTATION.findall(line):
                wanted.append(((name, row, severity, id), excerpt))
    problems: _Problems = []
    left = list(wanted)
    for diagnostic in reported:
        name, row = _place(diagnostic, folder)
        key = (name, row, diagnostic.severity, diagnostic.id)
        match = next((w for w in left if w[0] == key and w[1] in _words(diagnostic)), None)
        if match is not None:
            left.remove(match)
            continue
        place = texts[name].line + row - 1 if name in texts else case.line
        what = f"{diagnostic.severity}: [{diagnostic.id}] in {name}:{row}"
        problems.append((place, f"not announced: {what}\n{render_text([diagnostic])}\n"))
    for (name, row, severity, id), excerpt in left:
        if name == entry:  # what another file announces is looked at where that file is the program
            said = f' with "{excerpt}"' if excerpt else ""
            problems.append((case.program.line + row - 1, f"announced and not reported: {severity}: [{id}]{said}"))
    return problems


def _place(diagnostic: Diagnostic, folder: Path) -> tuple[str, int]:
    if diagnostic.span is None:
        return "<nowhere>", 0
    path = diagnostic.span.source.path
    return path.removeprefix(f"{folder}/"), diagnostic.span.line


def _words(diagnostic: Diagnostic) -> str:
    """Everything that a diagnostic says."""
    notes = (note.message for note in diagnostic.notes)
    return "\n".join((diagnostic.message, diagnostic.label, *notes, diagnostic.hint))


def _printed(case: Case, folder: Path, reported: tuple[Diagnostic, ...]) -> _Problems:
    assert case.said is not None
    printed = render_text(reported).replace(f"{folder}/", "").rstrip()
    wanted = case.said.text.rstrip()
    if printed == wanted:
        return []
    return [(case.line, f"the message is\n{printed}\nand not\n{wanted}")]


# ---------------------------------------------------------------- results


def _said(case: Case, workspace: Workspace, request: Request, found: Collector) -> _Problems:
    assert case.said is not None
    lines = _logical(case.said)
    refusals = [(number, line) for number, line in lines if line.startswith(("error ", "warning "))]
    if refusals:
        return _refused(case, workspace, request, found, refusals)
    graph: Graph | None = None
    try:
        network = workspace.network(request, found)
        if network is not None:
            graph = network.graph
            check_claims(network.graph, network.claims, found)
    except Unresolved:
        return _space(case, workspace, request, lines)
    if graph is None or found.failed:
        return [(case.line, f"there is no such network:\n{render_text(found.sorted())}\n")]
    layers: list[tuple[int, str]] = []
    problems: _Problems = []
    counts = count(graph)
    for number, line in lines:
        word, _, rest = line.partition(" ")
        if word == "…" or ("::" in line and word not in ("output", "input")):
            layers.append((number, line))
        elif word in ("output", "input"):
            problems += _port(graph, number, line)
        elif word == "recipe":
            problems += _setting(network.recipe if network is not None else None, number, rest)
        elif word in _TOTALS:
            problems += _figure(number, word, rest.strip(), case.said, _TOTALS[word](graph, counts))
        else:
            problems.append((number, f"`{line}` says nothing that is known"))
    outputs = [line for _, line in lines if line.startswith("output ")]
    if outputs and len(outputs) != len(graph.outputs):
        problems.append(
            (case.line, f"there are {len(graph.outputs)} outputs: {', '.join(o.name for o in graph.outputs)}")
        )
    if layers:
        problems += _layers(graph, layers)
    if not lines:
        problems.append((case.line, "this result says nothing"))
    return problems


def _logical(fence: Fence) -> list[tuple[int, str]]:
    """Lines with their numbers, without comments; an indented line goes on with the one before."""
    found: list[tuple[int, str]] = []
    for number, line in enumerate(fence.text.splitlines(), fence.line):
        bare = _COMMENT.sub("", line)
        if not bare.strip():
            continue
        if bare[0] == " " and found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {bare.strip()}")
        else:
            found.append((number, " ".join(bare.split())))
    return found


def _refused(
    case: Case, workspace: Workspace, request: Request, found: Collector, wanted: list[tuple[int, str]]
) -> _Problems:
    reported = check_workspace(workspace, request, found).diagnostics
    left = list(wanted)
    problems: _Problems = []
    for diagnostic in reported:
        match = None
        for number, line in left:
            severity, id, excerpt = _ANNOTATION.findall(f"# {line.replace(' ', ': ', 1)}")[0]
            if (severity, id) == (diagnostic.severity, diagnostic.id) and excerpt in _words(diagnostic):
                match = (number, line)
        if match is None:
            problems.append((case.line, f"not announced:\n{render_text([diagnostic])}\n"))
        else:
            left.remove(match)
    return problems + [(number, f"announced and not reported: {line}") for number, line in left]


_TOTALS: dict[str, Callable[[Graph, Counts], int]] = {
    "params": lambda graph, counts: counts.total.params,
    "training_params": lambda graph, counts: counts.total.params + counts.training.params,
    "buffers": lambda graph, counts: counts.total.buffers,
    "macs": lambda graph, counts: counts.total.macs,
    "flops": lambda graph, counts: counts.total.flops,
    "depth": lambda graph, counts: depth(graph),
    "connections": lambda graph, counts: counts.total.connections,
    "layers": lambda graph, counts: sum(1 for _ in graph.layers),
}


def _figure(number: int, word: str, written: str, fence: Fence, actual: int) -> _Problems:
    """A total: `61_706 = 5*5*6 + 6 + …`, whose every side must come out the same, or a figure with its source."""
    sides = [side.strip() for side in written.split("=")]
    comment = _COMMENT.search(fence.text.splitlines()[number - fence.line])
    if len(sides) == 1 and not (comment and comment[0].strip(" #")):
        return [(number, f"`{word} {written}` says neither how it comes out nor where it is from")]
    try:
        values = [_arithmetic(ast.parse(side, mode="eval").body) for side in sides]
    except (SyntaxError, Wrong) as error:
        return [(number, f"`{written}` is not arithmetic: {error}")]
    if len(set(values)) > 1:
        return [(number, f"the sides of `{written}` are {', '.join(f'{value:,}' for value in values)}")]
    return [] if values[0] == actual else [(number, f"{word} is {actual:_}, not {values[0]:_}")]


_SIGNS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}


def _arithmetic(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
        return _SIGNS[type(node.op)](_arithmetic(node.left), _arithmetic(node.right))
    raise Wrong(ast.unparse(node))


def _setting(recipe: object, number: int, written: str) -> _Problems:
    """`optimizer.lr = 0.1`: a value of the recipe; a word is the name of what stands there."""
    path, _, wanted = (part.strip() for part in written.partition(" = "))
    at = recipe
    for part in path.split("."):
        at = at[int(part)] if part.isdigit() and isinstance(at, tuple) else getattr(at, part, None)
    shown = str(getattr(type(at), "name", None) or at)
    return [] if shown == wanted else [(number, f"`{path}` of the recipe is {shown}")]


def _port(graph: Graph, number: int, line: str) -> _Problems:
    word, _, rest = line.partition(" ")
    name, _, size = (part.strip() for part in rest.partition("::"))
    training = size.endswith(" training")
    size = size.removesuffix(" training").strip()
    if word == "input":
        held = {node.label or "input": (show_shape(node.shape), False) for node in graph.inputs}
    else:
        held = {output.name: (show_shape(graph.shape(output.port)), output.training) for output in graph.outputs}
    if name not in held:
        return [(number, f"there is no {word} `{name}`: {', '.join(held)}")]
    if held[name] != (size, training):
        return [(number, f"the {word} `{name}` is {held[name][0]}{' in training only' if held[name][1] else ''}")]
    return []


def _layers(graph: Graph, wanted: list[tuple[int, str]]) -> _Problems:
    """The list of layers, where `…` stands for any number of them."""
    names = graph.names
    held = list(graph.layers)
    at = 0
    gap = False
    problems: _Problems = []
    for number, line in wanted:
        if line == "…":
            gap = True
            continue
        found = _LAYER.match(line)
        if found is None:
            problems.append((number, f"`{line}` is not a layer: name call :: size"))
            continue
        name, call, sizes, sources, shared = found.groups()
        if gap:
            at = next((i for i in range(at, len(held)) if names[held[i].key] == name), len(held))
        if at >= len(held):
            problems.append((number, f"there is no layer `{name}` here{_listed(graph) if len(held) < 40 else ''}"))
            break
        node = held[at]
        at, gap = at + 1, False
        shown = ", ".join(show_shape(shape) for shape in node.shapes)
        if (names[node.key], node.call, shown) != (name, call, sizes):
            problems.append((number, f"the layer here is `{names[node.key]} {node.call} :: {shown}`"))
        if sources is not None:
            edges = ", ".join(
                names[p.node] + (f"[{p.index}]" if len(graph.nodes[p.node].shapes) > 1 else "") for p in node.inputs
            )
            if edges != sources:
                problems.append((number, f"`{name}` reads {edges}"))
        owner = None if node.shared is None else names[node.shared]
        if shared != owner:
            problems.append((number, f"`{name}` shares the weights of {owner}"))
    if not gap and at < len(held) and not problems:
        problems.append(
            (wanted[-1][0], f"there are {len(held) - at} more layers{_listed(graph) if len(held) < 40 else ''}")
        )
    return problems


def _listed(graph: Graph) -> str:
    return ":" + "".join(
        f"\n  {graph.names[n.key]} {n.call} :: {', '.join(map(show_shape, n.shapes))}" for n in graph.layers
    )


def _space(case: Case, workspace: Workspace, request: Request, lines: list[tuple[int, str]]) -> _Problems:
    """What is said of a file with open choices: `open name = a | b`, `space 4`, `smallest …`, `largest …`."""
    assert case.said is not None
    space = explore(workspace, request)
    figures = {"space": space.size, "smallest": space.smallest.params, "largest": space.largest.params}
    named = Counter(line.partition(" ")[0] for _, line in lines)
    problems: _Problems = []
    opened: list[str] = []
    for number, line in lines:
        word, _, rest = line.partition(" ")
        if word in figures:
            problems += _figure(number, word, rest, case.said, figures[word])
        elif word == "open":
            opened.append(rest)
        else:
            problems.append((number, f"`{line}` says nothing of a file with open choices"))
    held = [f"{site.name} = {' | '.join(site.options)}" for site in space.sites]
    if opened != held and named["open"]:
        problems.append((case.line, f"the open choices are {held}"))
    return problems
