"""How long a cell and a run may take, and what is said when they have taken longer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Seconds; None for no limit."""

    cell: float | None = None
    run: float | None = None

    def over(self, *, run: bool) -> str:
        """Say that the time of the run, or of the cell, was up.

        Parameters
        ----------
        run : bool
            Whether it was the run's.
        """
        return f"the run did not end within {self.run:g} s" if run else f"the cell did not end within {self.cell:g} s"


UNLIMITED = Limits()
