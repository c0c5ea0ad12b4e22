"""Methods, one module each: pure functions, frames and numbers in, frozen dataclasses out.

No method reads a file, draws a figure or knows a notebook. A result says ``n`` and its ``assumptions``, has
a ``frame`` and a ``summary()``; an argument that can't be used is a :class:`musan.errors.MethodError`.

- :mod:`musan.methods.statements`: ``levels``, ``rates``, ``half_width``, ``drop_reprints``, ``design``,
  ``inside``: printed figures as linear statements about months.
- :mod:`musan.methods.reconcile`: ``fit`` -> ``Reconciliation``: a monthly series from such statements.
- :mod:`musan.methods.decompose`: ``unit_values``, ``bilateral_index``, ``index_series``, ``terms_of_trade``,
  ``lmdi``, ``decompose``, ``price_volume``: index numbers, and price and volume in a change of value.
- :mod:`musan.methods.multiverse`: ``agreement`` -> ``Agreement``: what other defensible choices would say.
"""
