"""Methods, one module each: pure functions, frames and numbers in, frozen dataclasses out.

No method reads a file, draws a figure or knows a notebook. A result says ``n`` and its ``assumptions``, has
a ``frame`` and a ``summary()``; an argument that can't be used is a :class:`musan.errors.MethodError`.

- :mod:`musan.methods.statements`: ``levels``, ``rates``, ``half_width``, ``drop_reprints``, ``design``,
  ``inside``: printed figures as linear statements about months.
- :mod:`musan.methods.reconcile`: ``fit`` -> ``Reconciliation``: a monthly series from such statements.
- :mod:`musan.methods.decompose`: ``unit_values``, ``bilateral_index``, ``index_series``, ``terms_of_trade``,
  ``lmdi``, ``decompose``, ``price_volume``: index numbers, and price and volume in a change of value.
- :mod:`musan.methods.multiverse`: ``agreement`` -> ``Agreement``: what other defensible choices would say.
- :mod:`musan.methods.informant`, ``sampling``, ``pooling``, ``coders``: intervals for shares, bounds for what one
  voice can see, design effects, random-effects pooling, agreement of two codings.
- :mod:`musan.methods.workplace`, ``attendance``, ``attendance_draws``: who attends, signs and leaves or stays away.
- :mod:`musan.methods.reserves`, ``ranges``: how long a stock lasts under published flows.
- :mod:`musan.methods.counterfactual`, ``state_space``, ``difference``, ``synthetic_control``,
  ``synthetic_difference``: what would have come without a measure.
- :mod:`musan.methods.exposure`, ``gradient``, ``places``, ``ranks``, ``permutation``: who was hit hardest.
- :mod:`musan.methods.interrupted`, ``segmented``: changes at known dates, placebo dates.
- :mod:`musan.methods.price_index`: a series from irregular price reports.
- ``arguments``, ``labelled``, ``observations``, ``facts``: checks of arguments and summary tables.
"""
