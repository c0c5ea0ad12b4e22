"""Notebooks for tests, written from the source of their cells."""

from textwrap import dedent

import nbformat
from nbformat import v4


def write(path, *sources, tags=()):
    """Write a notebook with one code cell a source, each with the tags."""
    cells = [v4.new_code_cell(dedent(source).strip("\n"), metadata={"tags": list(tags)}) for source in sources]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(v4.new_notebook(cells=cells), path)
    return path


def code(path):
    """Return the code cells of a notebook."""
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def printed(path):
    """Return all that a notebook's cells have printed."""
    return "".join(output.get("text", "") for cell in code(path) for output in cell.outputs)
