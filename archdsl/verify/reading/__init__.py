"""Documents in, tables out: one file a format, then the meaning of columns and cells.

In: a text. Out: `Table`s and `Reading`s. Networks are unknown here.
"""
