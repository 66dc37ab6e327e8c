"""Pictures of a network: `image` makes one; `plan` decides what is shown, `dot` writes it, `render` lays it out.

In: a checked graph. Out: DOT text, SVG, PNG or PDF. No op is named here: an op brings its own style.
"""
