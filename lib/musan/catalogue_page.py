"""The page of the data folder, written from its descriptor alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WORD_PATTERN = "[a-z0-9][A-Za-z0-9_.]*"

HOW_TO_USE = """\
## How to use this folder

In Python, with types set and the file checked against its hash:

```python
from musan import evidence

prices = evidence.load("market_prices")
evidence.sources(prices)  # what the rows rest on
```

Any other tool can read the CSV files as they are, with [datapackage.json](datapackage.json), a
[Data Package](https://datapackage.org), as their schema. To check all tables against it:

```
frictionless validate data/datapackage.json
```

`python -m musan.catalogue` does the same, checks the ties between the tables that a schema can't express,
and then rewrites what follows from the tables: rows, bytes and hashes in `datapackage.json`,
`field_report_cities.csv`, `checksums.csv` and this page. To change the words of this page, change
`datapackage.json`. `checksums.csv` has a CRC-32 for every row and every column, so that a changed cell can
be found by its row and its column.

The claims that the tables are to test are in [article.md](article.md), the coding rules of the field
reports in [codebook.md](codebook.md)."""


def page(package: Mapping[str, Any]) -> str:
    """Return the page in Markdown.

    Parameters
    ----------
    package : mapping
        The descriptor of the data package.

    Returns
    -------
    str
        The text of ``README.md``.
    """
    parts = [
        f"# {package['title']}",
        "This page is generated from `datapackage.json` by `python -m musan.catalogue`. Change that file.",
        f"{package['description']} Vintage: {package['version']}.",
        HOW_TO_USE,
        "## Conventions",
        _bullets(package["conventions"]),
        "### `basis`: how a figure came to be",
        _grid(("value", "meaning"), package["basisValues"].items()),
        _bullets(package["basisNotes"]),
        "### `date_inferred`",
        package["dateInferred"],
        "### `kind`: what medium a source is",
        _grid(("value", "meaning"), package["sourceKinds"].items()),
        "## Cautions on inference",
        _bullets(package["cautions"]),
        "## Conflicts worth showing",
        "\n".join(f"{number}. {text}" for number, text in enumerate(package["conflicts"], start=1)),
        "## What is missing",
        _bullets(package["missing"]),
        "## Licences",
        _bullets(_licence(licence) for licence in package["licenses"]),
        "## Tables",
        _contents(package["resources"]),
        *(_section(resource) for resource in package["resources"]),
    ]
    return "\n\n".join(parts) + "\n"


def _contents(resources: Sequence[Mapping[str, Any]]) -> str:
    lines = ((f"[{r['name']}](#{r['name']})", r["title"], f"{r['rows']:,}") for r in resources)
    return _grid(("table", "title", "rows"), lines)


def _section(resource: Mapping[str, Any]) -> str:
    """Return what a reader must know of one table."""
    schema = resource["schema"]
    key = ", ".join(f"`{name}`" for name in schema.get("primaryKey", []))
    facts = [
        f"**Rows:** {resource['rows']:,}, in [{resource['path']}]({resource['path']}).",
        f"**Coverage:** {resource['coverage']}",
        f"**Key:** {key}." if key else "",
        f"**Licence:** {'; '.join(_licence(licence) for licence in resource['licenses'])}.",
        "**Cautions:**",
    ]
    links = {key["fields"][0]: key["reference"] for key in schema.get("foreignKeys", [])}
    columns = (
        (f"`{f['name']}`", _type(f), f.get("unit", ""), f["description"], _allowed(f, links)) for f in schema["fields"]
    )
    return "\n\n".join(
        [
            f"### {resource['name']}",
            f"{resource['title']}. {resource['description']}",
            *filter(None, facts),
            _bullets(resource["cautions"]),
            _grid(("column", "type", "unit", "description", "allowed values"), columns),
        ]
    )


def _type(field: Mapping[str, Any]) -> str:
    return str(field.get("semantic", field["type"]))


def _allowed(field: Mapping[str, Any], links: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the constraints of a column in words."""
    limits = field.get("constraints", {})
    parts = [_values(field, limits)]
    for name, words in (("minimum", "at least"), ("maximum", "at most")):
        if name in limits:
            parts.append(f"{words} {limits[name]}")
    if link := links.get(field["name"]):
        parts.append(f"a `{link['fields'][0]}` of {link['resource']}")
    if link := field.get("listForeignKey"):
        parts.append(f"each a `{link['field']}` of {link['resource']}")
    if limits.get("unique"):
        parts.append("unique")
    if limits.get("required"):
        parts.append("never empty")
    return "; ".join(filter(None, parts))


def _values(field: Mapping[str, Any], limits: Mapping[str, Any]) -> str:
    """Return the values a cell may have: a list of words, or the form of one."""
    if "enum" in limits:
        return ", ".join(f"`{value}`" for value in limits["enum"])
    if field["type"] == "boolean":
        return ", ".join(f"`{value}`" for value in field["trueValues"] + field["falseValues"])
    known = {
        "date": "YYYY, YYYY-MM or YYYY-MM-DD",
        "quarter": "YYYY-Qn",
        "list": "values separated by semicolons",
        "year": "YYYY",
        "yearmonth": "YYYY-MM",
    }
    if _type(field) in known:
        return known[_type(field)]
    if pattern := limits.get("pattern", ""):
        return "one word" if pattern == WORD_PATTERN else f"`{pattern}`"
    return ""


def _licence(licence: Mapping[str, str]) -> str:
    return f"[{licence['title']}]({licence['path']})" if "path" in licence else licence["title"]


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _grid(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    cells = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in cells)
