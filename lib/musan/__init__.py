"""musan: a 2018 report on North Korea's economy under sanctions, tested with open figures.

The modules a notebook uses: :mod:`musan.evidence` (tables), :mod:`musan.methods`
(pure functions), :mod:`musan.claims` (ledger, rules, findings), :mod:`musan.parameters`,
:mod:`musan.figures`, :mod:`musan.tables` and :mod:`musan.prose`.
"""

from importlib.metadata import version

__version__ = version("musan")
