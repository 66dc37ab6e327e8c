"""A summary as text, CSV, Markdown, LaTeX, JSON and HTML.

In: facts from `archdsl.analysis`. Out: strings. Which of them a user asked for is left to `archdsl.cli`.
"""
