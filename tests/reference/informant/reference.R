# Reference values for share intervals, survey means, pooling and kappa.
# R 4.2.2, metafor 3.8-1, survey 4.1-1, psych 2.2.9, vcd 1.4-11 (Debian 12): Rscript reference.R
suppressMessages({library(metafor); library(survey); library(psych); library(vcd)})
options(digits = 17)
write <- function(frame, name) {
  for (column in names(frame)) if (is.double(frame[[column]])) frame[[column]] <- sprintf("%.15g", frame[[column]])
  write.csv(frame, paste0(name, ".csv"), row.names = FALSE, quote = FALSE)
}

# Intervals of a share: prop.test, binom.test, qbeta
cases <- data.frame(successes = c(81, 15, 0, 1, 29, 3, 7, 1, 0, 4, 35, 997),
                    n         = c(263, 148, 20, 29, 29, 10, 8, 1, 1, 11, 100, 1000))
rows <- NULL
for (level in c(0.80, 0.90, 0.95, 0.99)) for (i in seq_len(nrow(cases))) {
  x <- cases$successes[i]; n <- cases$n[i]; tail <- (1 - level) / 2
  score <- suppressWarnings(prop.test(x, n, conf.level = level, correct = FALSE)$conf.int)
  corrected <- suppressWarnings(prop.test(x, n, conf.level = level)$conf.int)
  exact <- binom.test(x, n, conf.level = level)$conf.int
  jeffreys <- qbeta(c(tail, 1 - tail), x + 0.5, n - x + 0.5)
  if (x == 0) jeffreys[1] <- 0
  if (x == n) jeffreys[2] <- 1
  found <- rbind(score, corrected, exact, jeffreys)
  method <- c("wilson", "wilson_corrected", "clopper_pearson", "jeffreys")
  rows <- rbind(rows, data.frame(successes = x, n = n, level = level, method = method,
                                 low = found[, 1], high = found[, 2]))
}
write(rows, "intervals")

# Survey means and design effects
data(api)
school <- function(frame) transform(frame, wide = as.integer(sch.wide == "Yes"))
one <- school(apiclus1); two <- school(apiclus2); layered <- school(apistrat)
write(one[c("dnum", "pw", "fpc", "api00", "wide")], "survey_clusters")
write(two[c("dnum", "pw", "api00", "wide")], "survey_clusters_2")
write(layered[c("stype", "pw", "fpc", "api00", "wide")], "survey_strata")
designs <- list(
  clusters = svydesign(id = ~dnum, weights = ~pw, fpc = ~fpc, data = one),
  clusters_replaced = svydesign(id = ~dnum, weights = ~pw, data = one),
  clusters_2 = svydesign(id = ~dnum, weights = ~pw, data = two),
  strata = svydesign(id = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = layered),
  strata_replaced = svydesign(id = ~1, strata = ~stype, weights = ~pw, data = layered),
  weights = svydesign(id = ~1, weights = ~pw, data = layered))
rows <- NULL
for (name in names(designs)) for (column in c("api00", "wide")) {
  formula <- as.formula(paste0("~", column))
  plain <- svymean(formula, designs[[name]], deff = TRUE)
  replaced <- svymean(formula, designs[[name]], deff = "replace")
  df <- degf(designs[[name]])
  ends <- confint(plain, df = df)
  rows <- rbind(rows, data.frame(design = name, column = column, mean = as.numeric(coef(plain)),
    standard_error = as.numeric(SE(plain)), design_effect = as.numeric(deff(plain)),
    design_effect_replaced = as.numeric(deff(replaced)), degrees_of_freedom = df,
    low = ends[1], high = ends[2]))
}
write(rows, "survey_means")

# Intraclass correlation of one-way classes, from the mean squares of aov
sizes <- table(one$dnum)
squares <- summary(aov(api00 ~ factor(dnum), one))[[1]][["Mean Sq"]]
average <- (nrow(one) - sum(sizes^2) / nrow(one)) / (length(sizes) - 1)
icc <- (squares[1] - squares[2]) / (squares[1] + (average - 1) * squares[2])
write(data.frame(data = "survey_clusters", column = "api00", intraclass_correlation = icc), "intraclass")

# Pooling
bcg <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
shares <- data.frame(successes = c(0, 3, 12, 25, 4, 40), n = c(15, 20, 30, 40, 4, 77))
logit <- escalc(measure = "PLO", xi = successes, ni = n, data = shares)
arcsine <- escalc(measure = "PAS", xi = successes, ni = n, data = shares)
raw <- escalc(measure = "PR", xi = successes, ni = n, data = shares)
tight <- data.frame(yi = c(0.1, 0.12, 0.09, 0.11), vi = c(0.04, 0.05, 0.03, 0.06)) # tau^2 of zero
sets <- list(bcg = bcg, logit = logit, arcsine = arcsine, raw = raw, tight = tight)
effects <- NULL
for (name in names(sets))
  effects <- rbind(effects, data.frame(set = name, effect = as.numeric(sets[[name]]$yi),
                                       variance = as.numeric(sets[[name]]$vi)))
write(effects, "pooling_effects")
write(shares, "pooling_shares")
rows <- NULL
for (name in names(sets)) for (method in c("FE", "DL", "REML")) for (test in c("z", "knha", "adhoc"))
  if (method != "FE" || test == "z") {
    fit <- suppressWarnings(rma(yi, vi, data = sets[[name]], method = method, test = test,
               control = list(threshold = 1e-13, maxiter = 10000)))
    fixed <- method == "FE"
    range <- if (fixed) list(pi.lb = NA, pi.ub = NA) else predict(fit)
    limits <- if (fixed) c(NA, NA) else suppressWarnings(confint(fit, control = list(tol = 1e-14, maxiter = 10000))$random["tau^2", 2:3])
    if (name == "tight") limits <- c(NA, limits[2])
    rows <- rbind(rows, data.frame(set = name, method = method, test = test, estimate = as.numeric(fit$b),
      standard_error = fit$se, low = fit$ci.lb, high = fit$ci.ub, tau2 = if (fixed) 0 else fit$tau2, tau2_low = limits[1],
      tau2_high = limits[2], q = fit$QE, q_p = fit$QEp, i2 = fit$I2,
      prediction_low = range$pi.lb, prediction_high = range$pi.ub))
  }
rownames(rows) <- NULL
write(rows, "pooling")

# Cohen's kappa
tables <- list(
  cohen = matrix(c(0.44, 0.05, 0.01, 0.07, 0.20, 0.03, 0.09, 0.05, 0.06), 3) * 200,
  sexual_fun = unclass(SexualFun),
  skewed = matrix(c(40, 9, 6, 20), 2))
rows <- cells <- NULL
for (name in names(tables)) {
  table <- tables[[name]]; k <- nrow(table)
  for (i in 1:k) for (j in 1:k)
    cells <- rbind(cells, data.frame(table = name, first = i, second = j, count = round(table[i, j])))
  linear <- Kappa(as.table(table), weights = "Equal-Spacing")
  quadratic <- Kappa(as.table(table), weights = "Fleiss-Cohen")
  check <- cohen.kappa(round(table), n.obs = sum(table))
  rows <- rbind(rows, data.frame(table = name, weights = c("none", "linear", "quadratic"), source = "vcd",
    kappa = c(linear$Unweighted[["value"]], linear$Weighted[["value"]], quadratic$Weighted[["value"]]),
    standard_error = c(linear$Unweighted[["ASE"]], linear$Weighted[["ASE"]], quadratic$Weighted[["ASE"]])))
  rows <- rbind(rows, data.frame(table = name, weights = c("none", "quadratic"), source = "psych",
    kappa = c(check$kappa, check$weighted.kappa),
    standard_error = sqrt(c(check$var.kappa, check$var.weighted))))
}
write(cells, "kappa_tables")
write(rows, "kappa")
