"""The Python interface: a file in, an `Architecture` out.

In: a path or a text. Out: an object that summarises, checks, compiles and draws itself, and shows itself in a notebook.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archdsl.diagnostics import ArchError, Collector, Diagnostic, counted
from archdsl.elaborate import Network, Request, Unresolved, Workspace
from archdsl.elaborate.claims import Claim
from archdsl.graph import Graph
from archdsl.ops.base import Shape, show_shape
from archdsl.zoo import split_target

if TYPE_CHECKING:
    from torch import nn

    from archdsl.draw.dot import Direction
    from archdsl.draw.image import ImageFormat, StyleName
    from archdsl.draw.picture import Count, Figure
    from archdsl.draw.style import ThemeName
    from archdsl.elaborate.recipe import Recipe
    from archdsl.report.summary import Summary

__all__ = ["Architecture", "load", "loads", "unresolved"]


@dataclass(frozen=True, eq=False)
class Architecture:
    """One network, checked.

    >>> net = archdsl.load("resnet.arch", variant="resnet50")
    >>> net.graph.shape(net.graph.outputs[0].port)
    (1000,)
    """

    network: Network
    workspace: Workspace
    request: Request

    def __repr__(self) -> str:
        sizes = ", ".join(show_shape(node.shape) for node in self.graph.inputs)
        return f"<Architecture {self.name}: {sizes}, {counted(len(self.graph) - len(self.graph.inputs), 'layer')}>"

    @property
    def name(self) -> str:
        """The variant's name, or the architecture's."""
        return self.graph.own_name

    @property
    def graph(self) -> Graph:
        """The layers, with every size."""
        return self.network.graph

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What the file's `expect` lines claim of this network."""
        return self.network.claims

    @property
    def recipe(self) -> Recipe | None:
        """The file's `train { … }`, or None."""
        return self.network.recipe

    def check(self) -> tuple[Diagnostic, ...]:
        """Claims that do not hold, and warnings.

        >>> archdsl.load("lenet5.arch").check()
        ()
        """
        from archdsl.checking import check_workspace

        return check_workspace(self.workspace, self.request, Collector()).diagnostics

    def summary(
        self, *, levels: int | None = None, fold: bool = True, batch: int = 32, optimizer: str = "sgd-momentum"
    ) -> Summary:
        """The table of layers and totals; `print` shows it, a notebook shows it as a table.

        >>> archdsl.load("lenet5.arch").summary().counts.total.params
        61706

        - `levels`: how far blocks are opened; None for all the way.
        - `fold`: whether like turns of a repeat are one row.
        - `batch`, `optimizer`: what the estimate of training memory is for.

        Raises `ValueError` for an unknown optimizer.
        """
        from archdsl.report.summary import summarize

        return summarize(self.graph, levels=levels, fold=fold, batch=batch, optimizer=optimizer)

    def source(self) -> str:
        """The PyTorch source of the network, as `archdsl compile` writes it."""
        from archdsl.codegen.source import source

        return source(self.graph)

    def module(
        self, *, seed: int | None = None, init: str | None = None, weights: str | Path | None = None
    ) -> nn.Module:
        """The network as a live `torch.nn.Module`: that same source, executed.

        >>> archdsl.load("lenet5.arch").module(seed=0)(torch.zeros(8, 1, 32, 32)).shape
        torch.Size([8, 10])
        >>> archdsl.load("zoo:resnet50").module(seed=0, init="weight=he_normal bias=zeros residual_gamma=zeros")

        - `seed`: for the initial weights, which are the same on every device; None leaves them to torch's generator.
        - `init`: how they are drawn, written as the `init` of a recipe; a distribution alone, `"he_normal"`, is that of
          every convolution, linear layer and attention. None takes what the file's recipe says, `"default"` nothing
          but what PyTorch does; so does what neither names, and `whiten`, which is for those who have images: training.
        - `weights`: a file with a tensor for every name in the module's `state_dict`, `.safetensors` or `.pth`, as
          `archdsl weights` writes it.

        Raises `ArchError` for an `init` that is wrong or does not go with the network, and for weights that do not
        fit; `CheckpointError` for a file that cannot be read; `ValueError` for weights beside a seed or an init, which
        they leave no use for.
        """
        from archdsl.codegen.initialise import InitialiseError, initialised
        from archdsl.codegen.weights import load_weights

        if weights is not None:
            if seed is not None or init is not None:
                raise ValueError("the weights are all in the file, so a seed or an init would change nothing")
            return load_weights(self.graph, Path(weights))
        found = Collector()
        place = self.recipe.place("init") if self.recipe is not None else None
        if init is None:
            rules = self.recipe.init if self.recipe is not None else ()
        elif init == "default":
            rules = ()
        else:
            from archdsl.elaborate.recipe import read_init

            rules, place = read_init(init, self.graph, found), None
        if found.failed:
            raise ArchError(found.sorted())
        try:
            return initialised(self.graph, rules, seed)
        except InitialiseError as error:
            raise ArchError([Diagnostic("bad-recipe", error.message, place, hint=error.hint)]) from None

    def draw(
        self,
        path: str | Path | None = None,
        *,
        format: ImageFormat | None = None,
        style: StyleName = "graph",
        depth: int | None = None,
        expand: Iterable[str] = (),
        fold: bool = True,
        show: Iterable[Figure] = (),
        heat: Count | None = None,
        theme: ThemeName = "light",
        direction: Direction = "down",
        width: float | None = None,
        dpi: int | None = None,
    ) -> bytes:
        """The picture, as bytes; written to `path` as well where one is given, whose suffix then decides the format.

        >>> archdsl.load("lenet5.arch").draw("lenet5.svg")
        b'<?xml version="1.0"…'

        - `format`: svg, png, pdf, dot, tex, mmd or html.
        - `style`: `graph`, `table`, or `volumes`, feature maps in perspective.
        - `depth`: levels of blocks that are open, None for as many as can be read in a paper's column; `expand`: blocks
          that are open however deep.
        - `fold`: whether like turns of a repeat are one box.
        - `show`: params, macs, memory, rf, in every node; `heat`: one of the first three as the colour.
        - `theme`: `light`, `dark` or `print`; `direction`: `down` or `right`.
        - `width`: of a paper's column in points; `dpi`: of a png.

        Raises `ValueError` for a format that is none of these, and for wishes that do not go together.
        """
        from archdsl.draw.image import FORMATS, Page, image
        from archdsl.draw.plan import Wish

        wanted = format or (Path(path).suffix.removeprefix(".").lower() if path is not None else "svg")
        known = next((name for name in FORMATS if name == wanted), None)
        if known is None:
            raise ValueError(f"`{wanted}` is not one of {', '.join(FORMATS)}")
        wish = Wish(depth, frozenset(expand), fold, tuple(show), heat)
        made = image(self.graph, known, wish, Page(style, theme, direction, width, dpi))
        if path is not None:
            Path(path).write_bytes(made)
        return made

    def _repr_html_(self) -> str:
        """The picture with the summary beneath, for a notebook."""
        from archdsl.report.html import to_html

        picture = self.draw(format="svg").decode()
        return picture[picture.index("<svg") :] + to_html(self.summary(levels=1))


def load(
    path: str | Path,
    variant: str | None = None,
    *,
    settings: Mapping[str, str | int | float] | None = None,
    inputs: Mapping[str | None, Shape] | None = None,
    choices: Mapping[str, str] | None = None,
) -> Architecture:
    """Read, check and unroll a network.

    >>> archdsl.load("resnet.arch", variant="resnet50", settings={"classes": 10}).name
    'resnet50'
    >>> archdsl.load("zoo:resnet50").name
    'resnet50'

    - `path`: a file, `file.arch:variant`, or `zoo:` and the name of a network of the zoo.
    - `variant`: a member of the file's family.
    - `settings`: the architecture's parameters.
    - `inputs`: sizes in place of the written ones, `{None: (64, 64, 3)}`; with several inputs, by their names.
    - `choices`: what to take where the file leaves something open, `{"width": "128"}`.

    Raises `ArchError`, which holds every diagnostic; `ValueError` for two variants at once; `TypeError` for a size that
    is none.
    """
    found = Collector()
    if isinstance(path, str):
        file, named = split_target(path)
        if None not in (named, variant):
            raise ValueError(f"`{path}` is a variant already, so it has no variant `{variant}`")
        path, variant = file, named or variant
    return _build(
        Workspace.open(path, found), Request(variant, _texts(settings), _sizes(inputs), _texts(choices)), found
    )


def loads(
    text: str,
    variant: str | None = None,
    *,
    settings: Mapping[str, str | int | float] | None = None,
    inputs: Mapping[str | None, Shape] | None = None,
    choices: Mapping[str, str] | None = None,
) -> Architecture:
    """The same for a text.

    >>> archdsl.loads("input 28x28x1\\nconv 5x5 6 -> relu -> gap -> fc 10").graph.names[-1]
    'fc'
    """
    found = Collector()
    return _build(
        Workspace.text(text, found), Request(variant, _texts(settings), _sizes(inputs), _texts(choices)), found
    )


def _texts(settings: Mapping[str, str | int | float] | Mapping[str, str] | None) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in (settings or {}).items()
    }


def _sizes(inputs: Mapping[str | None, Shape] | None) -> dict[str | None, Shape]:
    sizes: Mapping[str | None, object] = inputs or {}
    for name, size in sizes.items():
        if not isinstance(size, tuple) or not size or not all(type(part) is int and part > 0 for part in size):
            raise TypeError(
                f"the size of the input {name or ''} is a tuple of whole numbers, (64, 64, 3), not {size!r}"
            )
    return dict(inputs or {})


def _build(workspace: Workspace, request: Request, found: Collector) -> Architecture:
    try:
        network = workspace.network(request, found)
    except Unresolved as left:
        raise ArchError([unresolved(workspace, left)]) from None
    if network is None:
        raise ArchError(found.sorted())
    return Architecture(network, workspace, request)


def unresolved(workspace: Workspace, left: Unresolved) -> Diagnostic:
    """The error of a choice that is left open where one network is needed."""
    site = next(place for place in workspace.places if place.unit is left.unit)
    names = ", ".join(place.name for place in workspace.places)
    return Diagnostic(
        "unresolved-choice",
        f"`{site.name}` is left open: {' or '.join(site.options)}",
        site.span,
        hint=f"--choose '{site.name}={site.options[0]}', or by place, {site.name}=#1; this file's choices: {names}",
    )
