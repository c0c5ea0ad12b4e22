"""Many runs of a notebook, one a combination of parameters, for their findings.

:mod:`~musan.collection.sweep.grid` says which combinations, :mod:`~musan.collection.sweep.batch` plans and runs
them, :mod:`~musan.collection.sweep.results` keeps what they found; the others make that fast
(:mod:`~musan.collection.sweep.prefix`, :mod:`~musan.collection.sweep.held`) and wide
(:mod:`~musan.collection.sweep.cluster`).
"""
