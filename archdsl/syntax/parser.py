"""Source to tree.

In: a `Source`. Out: a `File`; every syntax error goes to the collector and the other statements are parsed all the
same, since each statement is parsed by itself. What a rule makes is left to `archdsl.syntax.actions`, the words of the
errors to `archdsl.syntax.mistakes`.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, cast

from lark import Lark, Token
from lark.exceptions import UnexpectedInput

from archdsl import limits
from archdsl.diagnostics import Collector, Source, Span
from archdsl.resources import grammar_path
from archdsl.syntax import tree
from archdsl.syntax.actions import Actions, BadPattern, TooLarge
from archdsl.syntax.layout import arrange

__all__ = ["parse", "tokens"]


class _KeepAll:
    """Asks the lexer for the tokens that no rule mentions: comments, and characters that fit nothing."""

    always_accept = ("BAD", "COMMENT")

    def process(self, stream: Any) -> Any:
        return stream


_MOST_CHARACTERS = 20
"""Mistakes after which further characters that fit nothing are no news."""
_MOST_BROKEN = 100
"""Statements that cannot be read, after which the rest is not read at all."""

_actions = Actions()
_lock = threading.Lock()


def _cache_file() -> str | bool:
    """Where the parser's tables are kept between runs; False where nothing can be written."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "archdsl"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    if not os.access(root, os.W_OK):
        return False
    return str(root / "grammar.lark")


@cache
def _lark() -> Lark:
    return Lark(
        grammar_path().read_text(encoding="utf-8"),
        parser="lalr",
        lexer="basic",
        postlex=cast(Any, _KeepAll()),
        transformer=cast(Any, _actions),
        keep_all_tokens=True,
        maybe_placeholders=False,
        cache=_cache_file(),
    )


def tokens(source: Source) -> Iterator[Token]:
    """The tokens of a text as the lexer finds them, newlines and comments included, whether they make sense or not."""
    return _lark().lex(source.text)


def parse(source: Source, found: Collector) -> tree.File:
    """The tree of a text.

    >>> parse(Source("net.arch", "input 28x28x1\\nconv 5x5 6 -> relu"), Collector()).statements
    (Input(...), ChainStatement(...))

    Every syntax error goes to `found`; the file then holds the statements that are right.
    """
    if len(source.text) > limits.FILE_BYTES:
        return _too_long(
            source, f"the file has {len(source.text):,} characters; {limits.FILE_BYTES:,} are allowed", found
        )
    if _has_more_words(source.text, limits.TOKENS):
        return _too_long(source, f"the file has more than {limits.TOKENS:,} words and signs", found)
    comments: list[Span] = []
    tokens: list[Token] = []
    told = bad = 0
    for token in _lark().lex(source.text):
        if token.type == "COMMENT":
            comments.append(Span(source, token.start_pos or 0, token.end_pos or 0))
            continue
        tokens.append(token)
        start = token.start_pos or 0
        if token.type == "BAD" and start >= told:
            from archdsl.syntax.mistakes import explain_character

            told = explain_character(source, start, found)
            bad += 1
            if bad >= _MOST_CHARACTERS:
                # Whatever this file is, it is not text in this language.
                return tree.File(source, (), tuple(comments), (Span(source, 0, len(source.text)),))
    statements: list[tree.Statement] = []
    broken: list[Span] = []
    with _lock:
        _actions.source = source
        for line in arrange(tokens, source, found):
            statement = None if line.broken else _statement(line.tokens, source, found)
            if statement is not None:
                statements.append(statement)
            elif line.tokens:
                broken.append(Span(source, line.tokens[0].start_pos or 0, line.tokens[-1].end_pos or 0))
            if len(broken) >= _MOST_BROKEN:
                broken.append(Span(source, broken[-1].end, len(source.text)))
                break
    return tree.File(source, tuple(statements), tuple(comments), tuple(broken))


_WORD = re.compile(r'#[^\n]*|"[^"\n]*"|->|::|[*/]{2}|[=!<>]=|[\w.]+|\n|[^\s\w]')
"""A word or sign, roughly: what the lexer will make one token of."""


def _has_more_words(text: str, most: int) -> bool:
    """Whether a text has more words and signs than that; counted before reading, which takes far longer."""
    return next(islice(_WORD.finditer(text), most, None), None) is not None


def _too_long(source: Source, message: str, found: Collector) -> tree.File:
    found.error("limit-file", message, Span(source, 0, 0), hint="write repeated parts as blocks and repeats")
    return tree.File(source, (), (), (Span(source, 0, len(source.text)),))


def _statement(tokens: list[Token], source: Source, found: Collector) -> tree.Statement | None:
    parser = _lark().parse_interactive()
    last = tokens[-1]
    try:
        for token in tokens:
            parser.feed_token(token)
        return cast(tree.Statement, parser.feed_eof(last))  # type: ignore[no-untyped-call]
    except UnexpectedInput as error:
        from archdsl.syntax.mistakes import explain

        explain(error, tokens, source, found)
    except BadPattern as error:
        found.error(
            "syntax",
            "a loop names one value, or several in parentheses",
            error.span,
            hint="x(i in 12), x((w, n) in [(64, 2)])",
        )
    except TooLarge:
        span = Span(source, tokens[0].start_pos or 0, last.end_pos or 0)
        found.error("limit-number", "a number has more than 18 digits", span, hint="every size fits into 2^53")
    return None
