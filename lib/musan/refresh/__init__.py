"""Live sources: fetch them, check them, keep each state of them as a vintage of its own.

A vintage is a data package as ``data/`` is: :func:`musan.evidence.load` reads its tables, verified, when it is
given the folder. Nothing here writes to ``data/``.
"""
