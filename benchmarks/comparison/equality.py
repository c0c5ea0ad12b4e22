"""Executed notebooks compared cell by cell; only times, and the folder that they were told, may differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nbformat

from musan.collection.kernel import join_streams

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIMES = ("papermill", "execution", "ploomber")  # what tools put into a cell's metadata
NO_TAGS: tuple[str, list[str]] = ("tags", [])  # papermill adds this to cells that have none
SHOWN = 150  # characters of a difference


def differences(
    ours: Mapping[str, Path], theirs: Mapping[str, Path], folders: tuple[Path, Path]
) -> dict[str, list[str]]:
    """Return how the cells of each notebook differ; nothing for those that are equal.

    Parameters
    ----------
    ours, theirs : mapping of str to Path
        Executed notebooks by name.
    folders : tuple of Path
        The output folder of ours, and of theirs.
    """
    found = {}
    for name in ours:
        one, other = _cells(ours[name], folders[0]), _cells(theirs[name], folders[1])
        words = [f"{len(one)} cells, not {len(other)}"] if len(one) != len(other) else []
        pairs = enumerate(zip(one, other, strict=False), start=1)
        words += [f"cell {number}: {_first(*pair)}" for number, pair in pairs if pair[0] != pair[1]]
        if words:
            found[name] = words
    return found


def _cells(path: Path, output: Path) -> list[dict[str, Any]]:
    notebook = nbformat.read(path, as_version=4)
    join_streams(notebook)  # papermill leaves the pieces in which the clock has cut them
    text = json.dumps([_timeless(cell) for cell in notebook.cells], sort_keys=True)
    cells: list[dict[str, Any]] = json.loads(text.replace(str(output), "OUTPUT"))
    return cells


def _timeless(cell: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in cell["metadata"].items() if key not in TIMES and (key, value) != NO_TAGS}
    return {**{key: value for key, value in cell.items() if key != "id"}, "metadata": metadata}


def _first(one: dict[str, Any], other: dict[str, Any]) -> str:
    texts = json.dumps(one, sort_keys=True), json.dumps(other, sort_keys=True)
    at = next((n for n, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), 0)
    start = max(at - SHOWN // 3, 0)
    return " | ".join(text[start : start + SHOWN] for text in texts)
