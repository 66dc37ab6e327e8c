"""The bounds that keep a hostile file from taking the machine; each has its own error, `limit-…`.

In: nothing. Out: numbers that every honest network stays far below.
"""

from typing import Final

FILE_BYTES: Final = 4 * 1024 * 1024
"""Size of one file. A chain of 100,000 layers written out in full is about 1 MiB."""

TOKENS: Final = 700_000
"""Words, numbers, signs and line ends of one file. A chain of 100,000 layers written out has about 600,000."""

TOTAL_FILES: Final = 200
"""Files that one program may bring in by `use`."""

NESTING: Final = 60
"""Brackets inside brackets in the text."""

EXPRESSION: Final = 200
"""Operators, indices, repeats and conditions in a row, those of all brackets around them included."""

NAME_LENGTH: Final = 80
"""Characters of a name."""

LIST_LENGTH: Final = 10_000
"""Elements of a list, a tuple or a range."""

NODES: Final = 120_000
"""Layers of the unrolled network. ResNet-1202 has 4,800."""

EDGES: Final = 600_000
"""Tensors that go from layer to layer. DenseNet-264 has 800."""

REPEATS: Final = 100_000
"""Iterations of one repeat."""

CALL_DEPTH: Final = 100
"""Blocks inside blocks when the network is unrolled: what ends a recursion that does not end itself."""

MAGNITUDE: Final = 2**53
"""Largest absolute value of a number, so that every size is exact in a float as well."""

STEPS: Final = 10_000
"""Calls of blocks and turns of repeats in one elaboration, beside four for each layer."""

EVALUATIONS: Final = 400_000
"""Expressions of one elaboration and the elements of the lists in them, beside forty for each layer."""

STRING_LENGTH: Final = 10_000
"""Characters of a text in quotes."""

CHECKED: Final = 500_000
"""Layers of all networks that one check unrolls, every variant and every option; a small one counts as 1,000."""

ELEMENTS: Final = 2**53
"""Values of one tensor of one image."""

TABLE_ROWS: Final = 5_000
"""Rows of a printed table. ResNet-1202, a row a layer, has about 3,600."""

TABLE_COLUMNS: Final = 200
"""Columns of a printed table, and of one merged cell."""

TABLES: Final = 200
"""Printed tables of one document."""

TABLE_LINES: Final = 100_000
"""Lines of a document with printed tables."""

CELL_LENGTH: Final = 10_000
"""Characters of a cell of a printed table."""

ROW_LAYERS: Final = 10_000
"""Layers that one row or cell of a printed table names, repeats written out; a stage of ResNet-1202 has 400."""

CELL_NESTING: Final = 20
"""Brackets inside brackets in a cell of a printed table; ResNet's has one."""
