"""Keep the committed notebooks stripped: prose and code only, no result, no trace of who ran them.

``python -m musan.collection.strip NOTEBOOK...`` strips in place; with ``--check`` it only says what is wrong.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from musan.collection import outputs, source
from musan.errors import MusanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from musan.collection.source import Notebook

MOST_CELLS = 34
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python"}
_MUSAN_KEYS = ("title", "reads_findings", "long")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def stripped(notebook: Notebook) -> Notebook:
    """Return a notebook with only what an author writes.

    Parameters
    ----------
    notebook : dict
        As :func:`musan.collection.source.read` gives it.

    Returns
    -------
    dict
        No outputs, no counts, only tags as cells' metadata, an id for each cell.
    """
    own = source.about(notebook)
    metadata = {"kernelspec": KERNELSPEC, "language_info": LANGUAGE}
    if kept := {key: own[key] for key in _MUSAN_KEYS if key in own}:
        metadata["musan"] = kept
    seen: set[str] = set()
    cells = [_stripped_cell(cell, position, seen) for position, cell in enumerate(notebook["cells"])]
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _stripped_cell(cell: Notebook, position: int, seen: set[str]) -> Notebook:
    text = "".join(cell["source"])
    identity = cell.get("id", "")
    if not identity or identity in seen:
        # Derived from the text, so that stripping twice or on another machine gives the same file.
        identity = hashlib.sha256(f"{position} {text}".encode()).hexdigest()[:8]
    seen.add(identity)
    tags = cell.get("metadata", {}).get("tags", [])
    kept: Notebook = {
        "cell_type": cell["cell_type"],
        "id": identity,
        "metadata": {"tags": tags} if tags else {},
        "source": text.splitlines(keepends=True),
    }
    return kept | ({"execution_count": None, "outputs": []} if cell["cell_type"] == "code" else {})


def text_of(notebook: Notebook) -> str:
    """Return a notebook as the text of its file, in the form that Jupyter itself writes.

    Parameters
    ----------
    notebook : dict
        The notebook.

    Returns
    -------
    str
        JSON with sorted keys and a newline at its end.
    """
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False, separators=(",", ": ")) + "\n"


def problems(path: Path) -> list[str]:
    """Return what keeps a notebook from being committed.

    Parameters
    ----------
    path : Path
        The notebook.

    Returns
    -------
    list of str
        One line a problem, each beginning with the path and the cell; empty when all is well.
    """
    notebook = source.read(path)
    found = list(_faults_of_cells(notebook))
    if len(notebook["cells"]) > MOST_CELLS:
        found.append(f"{len(notebook['cells'])} cells, at most {MOST_CELLS} are readable; split the notebook")
    if not found and path.read_text(encoding="utf-8") != text_of(stripped(notebook)):
        found.append("metadata, ids or layout differ from the stripped form")
    return [f"{path}: {fault}" for fault in found]


def _faults_of_cells(notebook: Notebook) -> Iterator[str]:
    for number, cell in enumerate(notebook["cells"], start=1):
        if "injected-parameters" in cell.get("metadata", {}).get("tags", []):
            yield f"cell {number} was injected by papermill; delete it"
        if cell["cell_type"] != "code":
            continue
        if cell.get("outputs"):
            yield f"cell {number} has outputs"
        if cell.get("execution_count") is not None:
            yield f"cell {number} has an execution count"
        yield from _faults_of_code("".join(cell["source"]), number)


def _faults_of_code(code: str, number: int) -> Iterator[str]:
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        yield f"cell {number} is not plain Python ({error.msg})"
        return
    for node in ast.walk(tree):
        if isinstance(node, _DEFINITIONS):
            yield f"cell {number} defines {node.name!r}; move it to the library, where it can be tested"


def strip(path: Path) -> bool:
    """Strip a notebook in place.

    Parameters
    ----------
    path : Path
        The notebook.

    Returns
    -------
    bool
        Whether the file has changed.
    """
    text = text_of(stripped(source.read(path)))
    changed = text != path.read_text(encoding="utf-8")
    if changed:
        outputs.write_text(path, text)
    return changed


def main(arguments: Sequence[str] | None = None) -> int:
    """Check or strip the notebooks named on the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        The process's own by default.

    Returns
    -------
    int
        0 when all are fit to be committed, 1 when not, 2 when one cannot be read.
    """
    parser = argparse.ArgumentParser(prog="python -m musan.collection.strip", description=__doc__)
    parser.add_argument("--check", action="store_true", help="say what is wrong, change nothing")
    parser.add_argument("notebooks", nargs="*", type=Path)
    options = parser.parse_args(arguments)
    found: list[str] = []
    try:
        for path in options.notebooks:
            if not options.check and strip(path):
                print(f"{path}: stripped")
            found += problems(path)
    except MusanError as error:
        print(error, file=sys.stderr)
        return 2
    for line in found:
        print(line, file=sys.stderr)
    if found and options.check:
        print("`python -m musan.collection.strip notebooks/*.ipynb` mends what can be mended", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
