"""What our own processes do without, so that they start sooner."""

import sys


def lean() -> None:
    """Keep jsonschema, which nbformat imports, from building a grammar of internationalized addresses.

    It takes 1.3 s a process, and the schema of notebooks has no such address. For processes of our own
    only, before the first import of nbformat: other schemas may need it.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # an import of it now fails
