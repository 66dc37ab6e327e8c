"""Documents in, printed tables out: the format by the file's name, else by what the text looks like.

In: a path or a text. Out: `Table`s, and located mistakes. What columns and cells mean is left to `understand.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from archdsl import limits
from archdsl.diagnostics import Collector, Source, nearest
from archdsl.verify.reading.assemble import assemble
from archdsl.verify.reading.places import line_span
from archdsl.verify.reading.raw import Document, TooMuch
from archdsl.verify.table import Table

__all__ = ["FORMATS", "SUFFIXES", "Format", "read_tables", "read_text"]

Format = Literal["csv", "tsv", "markdown", "latex", "html", "printout"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".tex": "latex",
    ".html": "html",
    ".htm": "html",
    ".txt": "printout",
}


def read_tables(path: Path, found: Collector) -> list[Table]:
    """The tables of a file; none, and a mistake in `found`, where it cannot be read.

    `vgg_configurations.md` gives two tables, of 6 and of 5 networks.
    """
    name = path.as_posix()
    try:
        with path.open("rb") as file:
            content = file.read(limits.FILE_BYTES + 1)
    except OSError as error:
        found.error(
            "unreadable-file",
            f"cannot read {name}: {error.strerror or error}",
            hint="give a file of tables: .csv, .tsv, .md, .tex, .html, .txt",
        )
        return []
    if len(content) > limits.FILE_BYTES:
        found.error(
            "limit-file",
            f"{name} is larger than {limits.FILE_BYTES:,} bytes",
            hint="leave the tables in it, and what is said about them",
        )
        return []
    text = _decoded(content, name, found)
    if text is None:
        return []
    format = SUFFIXES.get(path.suffix.lower())
    if format in (None, "printout"):  # a .txt may hold anything
        format = _sniffed(text) or format
    if format is None:
        found.error(
            "table-format",
            f"{name} is none of {', '.join(FORMATS)}, as far as its name and its text tell",
            hint=f"rename it: {', '.join(SUFFIXES)}",
        )
        return []
    return read_text(text, name, format, found)


def read_text(text: str, name: str, format: str, found: Collector) -> list[Table]:
    """The tables of a text; `name` is what messages call it. Raises `ValueError` for a format that is none."""
    if format not in FORMATS:
        close = nearest(format, FORMATS)
        raise ValueError(f"there is no format `{format}`" + (f"; did you mean `{close}`?" if close else ""))
    source = Source(name, text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
    own = Collector()
    tables: list[Table] = []
    try:
        document = _read(source, format, own)
    except TooMuch as reason:
        span = line_span(source, reason.line)
        own.error("limit-table", str(reason), span, hint="give its tables in parts; is the separator the right one?")
    else:
        # A document that breaks the rules of its format has no rows to speak of.
        tables = [] if own.failed else assemble(document, source, own)
    if not tables and not own.failed:
        own.error(
            "table-empty",
            f"there is no table in {name}",
            hint="a table has a header and at least one row" + _elsewhere(source.text, format),
        )
    for diagnostic in own:
        found.add(diagnostic)
    return tables


def _read(source: Source, format: str, found: Collector) -> Document:
    if source.text.count("\n") > limits.TABLE_LINES:
        raise TooMuch(f"the document has more than {limits.TABLE_LINES:,} lines", limits.TABLE_LINES)
    if format == "markdown":
        from archdsl.verify.reading.markdown import read_markdown

        return read_markdown(source, found)
    if format == "html":
        from archdsl.verify.reading.html_tables import read_html

        return read_html(source, found)
    if format == "latex":
        from archdsl.verify.reading.latex import read_latex

        return read_latex(source, found)
    if format == "printout":
        from archdsl.verify.reading.printouts import read_printout

        return read_printout(source)
    from archdsl.verify.reading.csv_tables import read_csv

    return read_csv(source, found, "\t" if format == "tsv" else "")


def _decoded(content: bytes, name: str, found: Collector) -> str | None:
    """The text of a file, or None and a mistake: no binary files, no other encodings than UTF-8."""
    wrong = content.find(b"\0")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wrong = error.start if wrong < 0 else min(wrong, error.start)
    else:
        if wrong < 0:
            return text
    line = content.count(b"\n", 0, wrong) + 1
    column = wrong - content.rfind(b"\n", 0, wrong)
    found.error(
        "table-encoding",
        f"{name} is not UTF-8 text: the first byte that is none is 0x{content[wrong]:02x}, in line {line}, "
        f"at byte {column}",
        hint="save it as UTF-8; a spreadsheet saves a sheet as CSV UTF-8",
    )
    return None


def _sniffed(text: str) -> Format | None:
    """The format of a text whose name does not tell."""
    start = text[:20_000].lower()
    if "<table" in start:
        return "html"
    if "\\begin{" in start:
        return "latex"
    lines = [line for line in start.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    if any("|" in line and set(line.strip()) <= set("|-: ") and "-" in line for line in lines):
        return "markdown"
    from archdsl.verify.reading.printouts import looks_printed

    if looks_printed(text[:20_000]):
        return "printout"
    for mark, format in (("\t", "tsv"), (",", "csv"), (";", "csv")):
        if len(lines) > 1 and lines[0].count(mark) and lines[0].count(mark) == lines[1].count(mark):
            return "tsv" if format == "tsv" else "csv"
    return None


def _elsewhere(text: str, format: str) -> str:
    seen = _sniffed(text)
    same = seen is None or seen == format or {seen, format} == {"csv", "tsv"}
    return "" if same else f"; the text looks like {seen}, and its name says {format}"
