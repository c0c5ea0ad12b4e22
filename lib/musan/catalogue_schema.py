"""What frictionless finds wrong with the tables, in words that name the cell."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musan.consistency import Fault
from musan.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Mapping

Fields = dict[str, dict[str, Any]]


def schema_faults(package: Mapping[str, Any], contents: Mapping[str, bytes]) -> list[Fault]:
    """Return what breaks the descriptor's schemas, keys, hashes and counts.

    Parameters
    ----------
    package : mapping
        The descriptor, with the rows, bytes and hashes of ``contents``.
    contents : mapping of str to bytes
        File name to content of every table.

    Returns
    -------
    list of Fault
        Empty when the package is valid.

    Raises
    ------
    EvidenceError
        If the descriptor itself is not valid, or frictionless is not installed.
    """
    try:
        from frictionless import FrictionlessException, Package  # a development dependency, slow to import
    except ModuleNotFoundError as missing:
        raise EvidenceError("frictionless is not installed", "", "pip install 'musan[dev]'") from missing
    with tempfile.TemporaryDirectory() as folder:
        for name, content in contents.items():
            (Path(folder) / name).write_bytes(content)
        descriptor = Path(folder) / "datapackage.json"
        descriptor.write_text(json.dumps(package), encoding="utf-8")
        try:
            report = Package(str(descriptor)).validate()
        except FrictionlessException as problem:
            raise EvidenceError(str(problem), "datapackage.json", "correct the descriptor") from problem
    fields = {r["name"]: {f["name"]: f for f in r["schema"]["fields"]} for r in package["resources"]}
    faults = [Fault("datapackage", 0, "", "", problem.message) for problem in report.errors]
    for task in report.tasks:
        faults += [_fault(task.name, problem.to_descriptor(), fields[task.name]) for problem in task.errors]
    return faults


def _fault(table: str, problem: Mapping[str, Any], fields: Fields) -> Fault:
    """Return the fault of one problem, with the cells it is about."""
    row, cells = int(problem.get("rowNumber") or 0), problem.get("cells") or []
    if problem["type"] == "foreign-key":
        column, value = ", ".join(problem["fieldNames"]), ", ".join(map(str, problem["fieldCells"]))
        return Fault(table, row, column, value, f"is not in the table {problem['referenceName']}")
    if "fieldName" in problem:
        column = str(problem["fieldName"])
        return Fault(table, row, column, str(problem["cell"]), _reason(problem, fields.get(column, {})))
    return Fault(table, row, "", ",".join(map(str, cells)), f"breaks the schema: {problem['message']}")


def _reason(problem: Mapping[str, Any], field: Mapping[str, Any]) -> str:
    """Return what is wrong with one cell."""
    limits, note = field.get("constraints", {}), str(problem["note"])
    if problem["type"] == "type-error":
        return f"is not of the type {field['type']}"
    if 'constraint "required"' in note:
        return "is empty"
    if 'constraint "enum"' in note:
        return f"is not one of {', '.join(map(str, limits['enum']))}"
    if 'constraint "pattern"' in note:
        return f"does not have the form {limits['pattern']}"
    return f"breaks the schema: {note}"
