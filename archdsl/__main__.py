"""`python -m archdsl`: the command line."""

from archdsl.cli.main import main

main()
