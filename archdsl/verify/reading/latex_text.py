"""LaTeX commands inside a cell, as plain text: `$7\\times 7$`, `\\textbf{64}`, `10^{9}`, `\\left[`.

In: a stream of tokens. Out: text. Cells, rows and environments are left to `latex.py`.
"""

from __future__ import annotations

from archdsl.verify.reading.latex_tokens import Stream, TeX, tex_tokens

__all__ = ["inline", "unwrapped"]

_SIGNS = {
    "times": "×",
    "cdot": "·",
    "pm": "±",
    "ast": "*",
    "sim": "~",
    "approx": "~",
    "textasciitilde": "~",
    "to": "→",
    "rightarrow": "→",
    "Rightarrow": "→",
    "textendash": "–",
    "textemdash": "—",
    "textminus": "−",
    "textunderscore": "_",
    "texttimes": "×",
    "textbar": "|",
    "lbrack": "[",
    "rbrack": "]",
    "lbrace": "{",
    "rbrace": "}",
    "newline": "\n",
    "linebreak": "\n",
    "cr": "\n",
    "par": "\n",
    "tabularnewline": "\n",
    "dots": "…",
    "ldots": "…",
    "cdots": "…",
    "vdots": "…",
    "dagger": "†",
    "ddagger": "‡",
    "dag": "†",
    "ddag": "‡",
    "quad": " ",
    "qquad": " ",
    "space": " ",
    "enspace": " ",
    "thinspace": " ",
    "nobreakspace": " ",
    "degree": "°",
    "percent": "%",
}
_CHARACTERS = {
    **dict.fromkeys(("\\,", "\\;", "\\:", "\\ "), " "),
    **dict.fromkeys(("\\!", "\\/", "\\-", "\\@", "\\(", "\\)"), ""),
}


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LOOKS = _names(
    """
    vspace hspace cite citep citet ref label footnote footnotemark tablefootnote color cellcolor rowcolor
    phantom hphantom vphantom textcolor scalebox rotatebox href raisebox setlength definecolor parbox
    documentclass usepackage bibliographystyle bibliography pagestyle thispagestyle
    hypertarget eqref vskip hskip index tnote colorbox minipage
    """
)
"""Commands whose first argument is about how things look; what follows it is text."""
_MEASURED = _names("rule resizebox fontsize addtolength")
"""The same with two arguments."""
_SILENT = _names(
    """
    textbf textit textrm textsf texttt textsc textnormal textup textmd emph mathrm mathbf mathit mathsf mathtt
    mathcal boldsymbol bm text mbox hbox fbox underline uline ensuremath bf it rm sf tt sc em bfseries itshape
    rmfamily sffamily ttfamily scshape mdseries normalfont tiny scriptsize footnotesize small normalsize large
    Large LARGE huge Huge centering raggedright raggedleft left right big Big bigg Bigg bigl bigr Bigl Bigr
    biggl biggr Biggl Biggr displaystyle textstyle scriptstyle noindent strut hfill hfil null relax shortstack
    makecell thead specialcell num textsubscript url code centerline protect bgroup egroup begingroup endgroup
    allowbreak nobreak ignorespaces unskip xspace multirowcell tablenum mathstrut leftline limits nolimits
    nonumber vfill sl textsl smallskip medskip bigskip mathop operatorname
    """
)
"""Commands that say nothing; what they are given is text."""
_STARRED = frozenset({"shortstack", "makecell", "thead", "multirowcell"})


def inline(stream: Stream, token: TeX) -> str:
    """The text that a token stands for; its arguments are taken off the stream where they are none."""
    text = token.text
    if len(text) < 2 or text[0] != "\\":
        return {"$": "", "{": "", "}": "", "~": " "}.get(text, text)
    if not text[1].isalpha():
        return _CHARACTERS.get(text, "\n" if text == "\\\\" else text[1])
    name = text[1:].rstrip("*")
    if name in _SIGNS:
        return _SIGNS[name]
    if name == "textsuperscript":
        return "^"
    if name in _LOOKS or name in _MEASURED:
        while stream.option() is not None:
            pass
        for _ in range(2 if name in _MEASURED else 1):
            if stream.peek() in ("{", "*", "!"):
                stream.group()
        return ""
    if name in _STARRED:
        stream.option()
    if name in _SILENT:
        return ""
    # A command that is not known: what it is given is text, and by itself it is a word.
    return "" if stream.peek() == "{" else f" {name} "


def unwrapped(text: str) -> str:
    """A formula as plain text.

    >>> unwrapped("7\\\\times 7"), unwrapped("3.8\\\\times 10^{9}")
    ('7× 7', '3.8× 10^9')
    """
    stream = Stream(tex_tokens(text, []))
    pieces: list[str] = []
    while (token := stream.next()) is not None:
        pieces.append(inline(stream, token))
    return "".join(pieces).strip()
