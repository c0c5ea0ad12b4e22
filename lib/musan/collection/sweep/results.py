"""What the runs of a sweep found: kept on disk as they end, and written as tables when all have."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musan.collection import outputs
from musan.collection.sweep.case import FACTS, Result, as_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from musan.collection.sweep.case import Case
    from musan.collection.sweep.grid import Grid

_DIGITS = 16  # of a checksum
_OF_A_VERDICT = ("verdict", "estimate", "low", "high")  # musan.multiverses reads these, then the error


class Kept:
    """The results of one notebook's runs in a file of lines, each with its checksum.

    A process that is killed while it writes leaves at most one line that is not whole; it does not count.

    Parameters
    ----------
    path : Path
        The file. What does not belong to ``base`` is dropped from it with the first result that is added.
    base : str
        As :attr:`Case.base`.
    """

    def __init__(self, path: Path, base: str) -> None:
        self._path, self._base = path, base
        there = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        lines = [line for line in there.splitlines(keepends=True) if _belongs(line, base)]
        self._instead = None if "".join(lines) == there else "".join(lines)
        self._found = dict(_read(line) for line in lines)

    def get(self, key: str) -> Result | None:
        """Return the result of a run; None when there is none.

        Parameters
        ----------
        key : str
            As :attr:`Case.key`.
        """
        return self._found.get(key)

    def add(self, key: str, found: Result) -> None:
        """Keep a result.

        Parameters
        ----------
        key : str
            As :attr:`Case.key`.
        found : Result
            What the run found; a failure is not kept.
        """
        text = json.dumps({"base": self._base, "key": key, "result": as_json(found)})
        if self._instead is not None:
            outputs.write_text(self._path, self._instead)
            self._instead = None
        outputs.append_line(self._path, f"{_checksum(text)} {text}")
        self._found[key] = found


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _belongs(line: str, base: str) -> bool:
    checksum, _, text = line.partition(" ")
    whole = text.endswith("\n") and checksum == _checksum(text[:-1])
    return whole and json.loads(text)["base"] == base


def _read(line: str) -> tuple[str, Result]:
    content = json.loads(line.partition(" ")[2])
    found = content["result"]
    return content["key"], Result(tuple(found["findings"]), found["refusal"], found["failure"])


@dataclass(frozen=True)
class Table:
    """A file of results.

    Parameters
    ----------
    path : Path
        Where it goes.
    grid : Grid
        Whose combinations are its rows.
    cases : tuple of Case
        The run of each combination, in the same order.
    verdict : tuple of str, optional
        The claim and the aspect that it is about; by default all findings, one a row.
    """

    path: Path
    grid: Grid
    cases: tuple[Case, ...]
    verdict: tuple[str, str] | None = None

    def missing(self, results: Mapping[str, Result]) -> dict[str, str]:
        """Return why a run has nothing for this table, by key; empty when each has.

        Parameters
        ----------
        results : mapping of str to Result
            Results by key.
        """
        if self.verdict is None:
            return {}
        said = f"reports no finding on {self.verdict[0]}, {self.verdict[1]}"
        found = ((case.key, results[case.key]) for case in self.cases)
        return {key: said for key, one in found if not one.refusal and _of(self.verdict, one) is None}

    def write(self, results: Mapping[str, Result]) -> None:
        """Write the file, whole; for the same results it is the same, byte for byte.

        Parameters
        ----------
        results : mapping of str to Result
            Results by key, none of them a failure.
        """
        columns = (*_OF_A_VERDICT, "error") if self.verdict else (*FACTS, "error")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*self.grid.choices, *columns])
        for combination, case in zip(self.grid.combinations(), self.cases, strict=True):
            for row in self._rows(results[case.key]):
                writer.writerow([*combination.values(), *(row.get(column) for column in columns)])
        outputs.write_text(self.path, text.getvalue())

    def _rows(self, found: Result) -> Sequence[Mapping[str, Any]]:
        if found.refusal:
            return [{"error": found.refusal}]
        one = _of(self.verdict, found) if self.verdict else None
        return [one] if one else found.findings or [{}]


def _of(verdict: tuple[str, str], found: Result) -> Mapping[str, Any] | None:
    return next((each for each in found.findings if (each["claim"], each["aspect"]) == verdict), None)
