"""The table of verdicts as files: read from executed notebooks, written as CSV, JSON and Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from musan.collection import outputs
from musan.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

Format = Literal["csv", "json", "markdown"]
BEGIN, END = "<!-- verdicts:begin -->", "<!-- verdicts:end -->"
JSON = "verdicts.json"
HEADINGS = {
    "title": "Claim",
    "statement": "Is it true?",
    "attribution": "Are sanctions the cause?",
    "agreement": "Agreement",
    "grade": "Evidence",
    "notebook": "Notebook",
}
"""The columns that a reader in a hurry needs, with their headings."""


def executed(output: Path) -> list[Path]:
    """Return the executed notebooks of an output folder, in reading order.

    Parameters
    ----------
    output : Path
        The output folder.

    Returns
    -------
    list of Path
        Notebooks of which every cell ran; empty when none has.
    """
    return sorted(path for path in (output / "notebooks").glob("*.ipynb") if not path.name.startswith("."))


def require_executed(output: Path) -> list[Path]:
    """Return the executed notebooks of an output folder, or say that there is none.

    Parameters
    ----------
    output : Path
        The output folder.

    Returns
    -------
    list of Path
        At least one.

    Raises
    ------
    CollectionError
        When no notebook has been run.
    """
    paths = executed(output)
    if not paths:
        raise CollectionError("no executed notebook", str(output / "notebooks"), "run them with `musan run`")
    return paths


def read(output: Path) -> pd.DataFrame:
    """Return the verdicts that the executed notebooks of an output folder hold.

    Parameters
    ----------
    output : Path
        The output folder.

    Returns
    -------
    DataFrame
        As :func:`musan.claims.verdict_table` makes it.

    Raises
    ------
    CollectionError
        When no notebook has been run.
    """
    from musan import claims  # takes a second to import, and what is written needs none of it

    return claims.verdict_table(claims.collect(require_executed(output)))


def written(output: Path) -> list[dict[str, Any]]:
    """Return the verdicts that :func:`write` has written.

    Parameters
    ----------
    output : Path
        The output folder.

    Returns
    -------
    list of dict
        One a claim.
    """
    found: list[dict[str, Any]] = json.loads((output / JSON).read_text(encoding="utf-8"))
    return found


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table of verdicts as :func:`written` would give it.

    Parameters
    ----------
    table : DataFrame
        As :func:`musan.claims.verdict_table` makes it.
    """
    found: list[dict[str, Any]] = json.loads(as_text(table, "json"))
    return found


def short(verdicts: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return the columns for a reader in a hurry, every cell in words.

    Parameters
    ----------
    verdicts : sequence of mapping
        As :func:`written` gives them.

    Returns
    -------
    list of list of str
        Texts in the order of :data:`HEADINGS`.
    """
    return [[_words(row[column]) for column in HEADINGS] for row in verdicts]


def _words(value: object) -> str:
    """Return a cell as text; the only number among them is the agreement, a share."""
    return f"{100 * value:.0f} %" if isinstance(value, int | float) else str(value or "")


def as_text(table: pd.DataFrame, form: Format) -> str:
    """Return the table as the text of a file.

    Parameters
    ----------
    table : DataFrame
        As :func:`musan.claims.verdict_table` makes it.
    form : {"csv", "json", "markdown"}
        CSV and JSON have every column, Markdown those of :func:`short`.

    Returns
    -------
    str
        Text that ends with a newline.
    """
    if form == "csv":
        return table.to_csv(index=False, lineterminator="\n")
    if form == "json":
        return table.to_json(orient="records", indent=2, force_ascii=False) + "\n"
    lines = [list(HEADINGS.values()), ["---"] * len(HEADINGS), *short(rows(table))]
    return "".join(f"| {' | '.join(map(_markdown_cell, line))} |\n" for line in lines)


def _markdown_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def write(table: pd.DataFrame, output: Path) -> list[Path]:
    """Write ``verdicts.csv`` and ``verdicts.json``.

    Parameters
    ----------
    table : DataFrame
        As :func:`musan.claims.verdict_table` makes it.
    output : Path
        The output folder.

    Returns
    -------
    list of Path
        The two files.
    """
    paths = [output / "verdicts.csv", output / JSON]
    outputs.write_text(paths[0], as_text(table, "csv"))
    outputs.write_text(paths[1], as_text(table, "json"))
    return paths


def in_readme(readme: Path, table: pd.DataFrame) -> str:
    """Return the text of a README with the table in its place.

    Parameters
    ----------
    readme : Path
        A file with the lines :data:`BEGIN` and :data:`END`.
    table : DataFrame
        As :func:`musan.claims.verdict_table` makes it.

    Returns
    -------
    str
        The whole text; equal to the file's when the file is fresh.

    Raises
    ------
    CollectionError
        When the file does not have each of the two lines once, in that order.
    """
    try:
        text = readme.read_text(encoding="utf-8")
    except OSError as error:
        raise CollectionError(f"cannot be read ({error.strerror})", str(readme)) from error
    before, begin, rest = text.partition(BEGIN)
    old, end, after = rest.partition(END)
    if not (begin and end) or text.count(BEGIN) + text.count(END) != 2:
        remedy = f"put {BEGIN} and {END} around the place of the table, each once"
        raise CollectionError("has no place for the table of verdicts", str(readme), remedy)
    del old  # what the table replaces
    return f"{before}{BEGIN}\n\n{as_text(table, 'markdown')}\n{END}{after}"
