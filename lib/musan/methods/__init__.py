"""Methods: pure functions, frames and numbers in, frozen dataclasses out. One module each; import the module.

Results carry ``n`` and ``assumptions``, and print well: ``frame``, ``summary()``. Random ones take ``seed``.
An argument that can't be used is a :class:`musan.errors.MethodError` that names it and the remedy.

Index numbers
  decompose              unit_values, bilateral_index, index_series, terms_of_trade, lmdi, decompose, price_volume
  price_index            price_index: a series from irregular price reports
A series from fragments
  statements             levels, rates, half_width, drop_reprints, design, inside: figures as linear statements
  reconcile              fit: months rebuilt from statements, each held against all others
  source_value           source_values: what one source adds, by leaving it out
Breaks and known dates (a break is the last observation of the old regime)
  breaks                 chow, unknown_break (sup-F, ave-F, exp-F), unknown_breaks, unknown_break_p (of several series),
                         multiple_breaks (Bai and Perron), cusum, mosum
  interrupted            fit (level and slope change, counts), placebo (rank of the true date)
Without the measure
  counterfactual         forecast (structural or ARIMA), placebo_dates
  synthetic_control      synthetic_control, placebo_units, simplex_weights, panel
  synthetic_difference   synthetic_difference
  difference             banned_against_unbanned
Who was hit hardest
  places, exposure       shares_and_shocks, by_place; exposure_index, shift_share (AKM, AKM0), rotemberg_weights,
                         permute_shocks
  ranks, gradient        rank_intervals; severity_gradient, detectable_slope
Testimony and samples
  informant              share_interval, beta_binomial, worst_case, selection_bounds, selection_surface
  sampling               survey_mean, design_effect_of_weights, design_effect_of_clusters, intraclass_correlation
  pooling                pool (DL, REML, Knapp-Hartung, prediction interval), pool_shares
  coders                 cohen_kappa, kappa_of_table, krippendorff_alpha, compare_codings
Work and control
  workplace              Workplace: wage, ration, fee, detection, penalty, and their ranges
  attendance             shares, compare, response, comparative_statics, detection_to_hold
  attendance_draws       simulate, region, sensitivity (Sobol indices)
Reserves
  reserves               run_down, published_pairs, import_cover
  ranges                 Range, draw, sensitivity
Many analyses
  multiverse             grid, specification_curve, influence, agreement
  specification_tests    curve_test (permutation), adjust (BH, BY, Holm)
Beneath them: long_run_variance (sandwich, long_run_variance: HAC), limit_distributions, autoregression, partitions,
fluctuation, segmented, state_space, likelihoods, permutation; arguments, labelled, observations, facts.
"""
