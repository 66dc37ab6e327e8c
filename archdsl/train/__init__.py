"""From a checked network and its recipe to trained weights.

In: an `archdsl.graph.Graph`, a `Recipe`, data. Out: a run folder with weights, metrics and all that decided them.
All of it imports torch, so a command loads it when it is called.
"""
