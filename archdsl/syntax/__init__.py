"""Text to tree: the parser, the tree's types, the formatter.

In: a `Source`. Out: a frozen `File`, every node with its span, or located syntax errors. What names mean is left to
`archdsl.elaborate`.
"""
