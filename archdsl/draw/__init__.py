"""Pictures of a network: `image` makes one; `plan` and `strip` decide what is shown, the formats write it.

In: a checked graph. Out: SVG, PNG, PDF, DOT, TeX or Mermaid. No op is named here: an op brings its own style.
"""
