"""Published tables against networks: what is printed, what is true, and why the two differ where they do.

In: tables as printed (CSV, Markdown, LaTeX, HTML, printouts of Keras and torchinfo) and checked graphs. Out: a finding
for every printed cell. Pages and exit codes are left to `archdsl.report` and the command line.
"""
