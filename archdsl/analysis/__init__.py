"""Facts beside the checked graph: counts, receptive fields, memory, depth, rows of a summary.

In: a `Graph`. Out: frozen values, computed when asked; nothing is written into the graph. Tables are left to
`archdsl.report`.
"""
