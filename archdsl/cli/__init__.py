"""The command line: one thin file a command.

In: arguments. Out: text on standard output, diagnostics on standard error, an exit status: 0, 1 (errors), 2 (usage).
"""
