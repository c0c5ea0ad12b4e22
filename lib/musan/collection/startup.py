"""What our own processes do without, so that they start sooner and stay out of each other's way."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Runs share the cores: with two at a time and BLAS pools of their own, all of them get slower.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def lean() -> None:
    """Keep jsonschema, which nbformat imports, from loading what checks internationalized addresses and durations.

    It takes 1.5 s a process, and the schema of notebooks has neither. For processes of our own only, before
    the first import of nbformat: other schemas may need it.
    """
    for name in ("isoduration", "rfc3987_syntax"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # an import of it now fails


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Let the import of some modules fail inside the block, for who imports them only if they are there.

    Parameters
    ----------
    names : str
        Modules; one that is loaded already stays.
    """
    barred = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(barred))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in barred:
            del sys.modules[name]
