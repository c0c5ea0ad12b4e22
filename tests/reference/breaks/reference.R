# Reference values for musan.methods.breaks, from R: Rscript reference.R in this folder.
suppressMessages({library(strucchange); library(sandwich); library(lmtest)})

values <- NULL
put <- function(case, quantity, x) {
  x <- as.vector(x)
  values <<- rbind(values, data.frame(case = case, quantity = quantity,
                                      values = paste(ifelse(is.na(x), "nan", sprintf("%.12g", x)), collapse = " ")))
}
table_out <- function(name, frame) write.csv(format(frame, digits = 15, trim = TRUE), paste0(name, ".csv"),
                                             row.names = FALSE, quote = FALSE)

# Series ------------------------------------------------------------------------------------------------------------
data(Nile); data(UKDriverDeaths); data(RealInt); data(Investment); data(PublicSchools)
table_out("nile", data.frame(year = 1871:1970, flow = as.numeric(Nile)))
seat <- log10(UKDriverDeaths)
seat <- cbind(seat, lag(seat, k = -1), lag(seat, k = -12))
colnames(seat) <- c("y", "ylag1", "ylag12")
seat <- window(seat, start = c(1970, 1), end = c(1984, 12))
table_out("seatbelts", data.frame(month = format(as.Date(as.yearmon(time(seat))), "%Y-%m"), as.data.frame(seat)))
quarter <- sprintf("%dQ%d", floor(time(RealInt) + 1e-6), cycle(RealInt))
table_out("real_interest", data.frame(quarter = quarter, rate = as.numeric(RealInt)))
inv <- window(Investment, start = 1964)
table_out("investment", data.frame(year = 1964:1982, as.data.frame(inv)[, c("RealInv", "RealGNP", "RealInt")]))

models <- list(
  nile = list(formula = Nile ~ 1, data = list()),
  seatbelts = list(formula = y ~ ylag1 + ylag12, data = seat),
  real_interest = list(formula = RealInt ~ 1, data = list()),
  trend = list(formula = Nile ~ I(1:100), data = list())
)

# F statistics ------------------------------------------------------------------------------------------------------
for (name in names(models)) for (trim in c(0.15, 0.1)) {
  m <- models[[name]]
  fs <- Fstats(m$formula, data = m$data, from = trim)
  case <- sprintf("%s_%g", name, trim)
  if (trim == 0.15) put(case, "path", fs$Fstats)
  put(case, "position", fs$breakpoint)
  for (type in c("supF", "aveF", "expF")) {
    test <- sctest(fs, type = type)
    put(case, type, test$statistic)
    put(case, paste0(type, "_p"), test$p.value)
  }
}
hac <- list(andrews = function(x, ...) kernHAC(x, ...), newey_west = function(x, ...) NeweyWest(x, ...),
            bartlett = function(x, ...) kernHAC(x, kernel = "Bartlett", prewhite = 0, ...))
for (name in c("nile", "seatbelts", "real_interest")) for (type in names(hac)) {
  m <- models[[name]]
  put(paste(name, type, sep = "_"), "path", Fstats(m$formula, data = m$data, vcov. = hac[[type]])$Fstats)
}
# P-values over a grid: values of the statistic that matter, several numbers of coefficients and trimmings.
for (type in c("supF", "aveF", "expF")) for (k in c(1, 2, 5, 10)) for (from in c(5, 10, 15, 25, 40)) {
  x <- if (type == "expF") c(0.3, 1, 2, 4, 8) else c(0.5, 2, 5, 9, 15) * (1 + k / 3)
  lambda <- (100 - from)^2 / from^2
  p <- sapply(x, function(v) strucchange:::pvalue.Fstats(v, type = type, k = k, lambda = lambda))
  put(sprintf("hansen_%s_%d_%d", type, k, from), "statistic", x)
  put(sprintf("hansen_%s_%d_%d", type, k, from), "p", p)
}

# Chow --------------------------------------------------------------------------------------------------------------
for (case in list(list("nile", 28), list("seatbelts", 46), list("seatbelts", 157), list("trend", 60))) {
  m <- models[[case[[1]]]]
  test <- sctest(m$formula, type = "Chow", point = case[[2]], data = m$data)
  put(sprintf("chow_%s_%d", case[[1]], case[[2]]), "F", test$statistic)
  put(sprintf("chow_%s_%d", case[[1]], case[[2]]), "p", test$p.value)
}
inv_frame <- as.data.frame(inv)
test <- sctest(RealInv ~ RealGNP + RealInt, type = "Chow", point = 9, data = inv_frame)
put("chow_investment_9", "F", test$statistic); put("chow_investment_9", "p", test$p.value)

# Several breaks ----------------------------------------------------------------------------------------------------
vcov_ri <- function(x, ...) kernHAC(x, kernel = "Quadratic Spectral", prewhite = 1, approx = "AR(1)", ...)
for (name in names(models)) for (h in c(0.15, 0.1)) {
  m <- models[[name]]
  bp <- breakpoints(m$formula, data = m$data, h = h)
  case <- sprintf("bp_%s_%g", name, h)
  most <- min(5, nrow(summary(bp)$breakpoints))
  for (b in 0:most) {
    put(case, paste0("rss_", b), breakpoints(bp, breaks = b)$RSS)
    put(case, paste0("bic_", b), AIC(breakpoints(bp, breaks = b), k = log(bp$nobs)))
    if (b > 0) {
      put(case, paste0("positions_", b), breakpoints(bp, breaks = b)$breakpoints)
      for (level in c(0.95, 0.9))
        put(case, sprintf("interval_%d_%g", b, level), suppressWarnings(confint(bp, breaks = b, level = level))$confint)
      if (name %in% c("real_interest", "nile"))
        put(case, sprintf("interval_hac_%d_0.95", b),
            suppressWarnings(confint(bp, breaks = b, vcov. = vcov_ri))$confint)
    }
  }
}

# Cumulative and moving sums ----------------------------------------------------------------------------------------
models$investment <- list(formula = RealInv ~ RealGNP + RealInt, data = as.data.frame(inv))
for (name in names(models)) for (type in c("OLS-CUSUM", "Rec-CUSUM", "OLS-MOSUM")) for (lr in c(FALSE, TRUE)) {
  m <- models[[name]]
  e <- efp(m$formula, data = m$data, type = type, lrvar = lr)
  case <- sprintf("%s_%s_%s", tolower(type), name, if (lr) "hac" else "classical")
  test <- sctest(e)
  process <- as.vector(e$process)
  put(case, "process", if (type == "OLS-MOSUM") process else process[-1])
  put(case, "statistic", test$statistic)
  put(case, "p", test$p.value)
}
for (x in c(0.05, 0.2, 0.5, 0.9, 1.2, 1.5, 2, 2.5)) {
  put(sprintf("limit_%g", x), "bridge", strucchange:::pvalue.efp(x, "Brownian bridge", FALSE, k = 1))
  put(sprintf("limit_%g", x), "motion", strucchange:::pvalue.efp(x, "Brownian motion", FALSE, k = 1))
  for (h in c(0.15, 0.22, 0.5))
    put(sprintf("limit_%g", x), sprintf("mosum_%g", h),
        strucchange:::pvalue.efp(x, "Brownian bridge increments", FALSE, h = h, k = 1))
}
for (x in c(-20, -3, -0.5, 0, 0.7, 4, 15)) for (p in list(c(1, 1, 1), c(1.7, 1, 1.3), c(0.6, 1.2, 0.8)))
  put(sprintf("argmax_%g_%g_%.12g", x, p[1], (p[3] / p[2])^2), "probability",
      strucchange:::pargmaxV(x, xi = p[1], phi1 = p[2], phi2 = p[3]))

# HAC covariances ---------------------------------------------------------------------------------------------------
fm <- lm(RealInv ~ RealGNP + RealInt, data = inv_frame)
schools <- na.omit(PublicSchools); schools$Income <- schools$Income * 1e-4
table_out("public_schools", schools[, c("Expenditure", "Income")])
fs <- lm(Expenditure ~ Income + I(Income^2), data = schools)
for (model in list(list("investment", fm), list("public_schools", fs))) {
  name <- model[[1]]; f <- model[[2]]
  put(paste0("hac_", name), "andrews", kernHAC(f))
  put(paste0("hac_", name), "newey_west", NeweyWest(f))
  put(paste0("hac_", name), "newey_west_lag_4", NeweyWest(f, lag = 4, prewhite = FALSE, adjust = TRUE))
  put(paste0("hac_", name), "bartlett_andrews", kernHAC(f, kernel = "Bartlett", prewhite = 0))
  put(paste0("hac_", name), "quadratic_newey_west", kernHAC(f, bw = bwNeweyWest))
}
put("hac_nile", "long_run_variance", lrvar(Nile, type = "Andrews") * 100)

# Other series, every method, statistics only ------------------------------------------------------------------------
data(Grossarl); data(BostonHomicide); data(GermanM1); data(PhillipsCurve)
money <- as.data.frame(GermanM1)[, c("dm", "dy2", "dR", "dR1", "dp", "ecm.res")]
prices <- as.data.frame(window(PhillipsCurve, start = 1948))[, c("dp", "dp1")]
others <- list(fraction = data.frame(y = as.numeric(Grossarl$fraction)),
               homicides = data.frame(y = as.numeric(BostonHomicide$homicides)),
               money = setNames(money, c("y", paste0("x", 1:5))),
               prices = setNames(prices, c("y", "x1")),
               discoveries = data.frame(y = as.numeric(discoveries)))
columns <- c("y", paste0("x", 1:5))
table_out("others", do.call(rbind, lapply(names(others), function(name) {
  frame <- others[[name]]; frame[setdiff(columns, names(frame))] <- NA
  data.frame(series = name, frame[columns])
})))
covariances <- list(andrews = kernHAC, quadratic_newey_west = function(x, ...) kernHAC(x, bw = bwNeweyWest, ...),
                    bartlett_prewhitened = function(x, ...) kernHAC(x, kernel = "Bartlett", ...), newey_west = NeweyWest,
                    newey_west_raw = function(x, ...) NeweyWest(x, prewhite = FALSE, adjust = TRUE, ...),
                    lag_3 = function(x, ...) NeweyWest(x, lag = 3, prewhite = FALSE, adjust = FALSE, ...),
                    white = function(x, ...) vcovHC(x, type = "HC0", ...))
for (name in names(others)) {
  d <- others[[name]]; n <- nrow(d); q <- ncol(d)
  f <- if (q == 1) y ~ 1 else reformulate(setdiff(names(d), "y"), "y")
  case <- paste0("other_", name)
  for (type in names(covariances)) {
    put(case, paste0("covariance_", type), covariances[[type]](lm(f, d)))
    put(case, paste0("sup_", type), max(Fstats(f, data = d, from = 0.2, vcov. = covariances[[type]])$Fstats))
  }
  for (from in c(0.2, 0.33, 12)) {
    fs <- Fstats(f, data = d, from = from)
    tests <- lapply(c("supF", "aveF", "expF"), function(type) sctest(fs, type = type))
    put(case, sprintf("one_%g", from), c(fs$breakpoint, sapply(tests, `[[`, "statistic"), sapply(tests, `[[`, "p.value")))
  }
  chow <- sctest(f, type = "Chow", point = round(0.6 * n), data = d)
  put(case, sprintf("chow_%d", round(0.6 * n)), c(chow$statistic, chow$p.value))
  for (type in c("OLS-CUSUM", "Rec-CUSUM", "OLS-MOSUM")) for (lr in list(FALSE, "Andrews", "Newey-West")) {
    e <- efp(f, data = d, type = type, lrvar = lr, h = 0.25); test <- sctest(e)
    name_lr <- if (isFALSE(lr)) "classical" else if (lr == "Andrews") "andrews" else "newey_west"
    put(case, paste(tolower(type), name_lr, sep = "_"), c(test$statistic, test$p.value))
    put(case, paste(tolower(type), "boundary", sep = "_"), range(boundary(e)))
  }
  for (h in c(0.15, 0.25)) {
    bp <- breakpoints(f, data = d, h = h); shortest <- floor(h * n)
    most <- if (h == 0.15) 4 else 2; rss <- numeric(most + 1)
    for (b in 0:most) {
      found <- breakpoints(bp, breaks = b); rss[b + 1] <- found$RSS
      put(case, sprintf("fit_%g_%d", h, b), c(found$RSS, AIC(found, k = log(n)), found$breakpoints))
      if (b > 0) {
        put(case, sprintf("regimes_%g_%d", h, b), coef(bp, breaks = b))
        put(case, sprintf("sup_f_%g_%d", h, b), (rss[1] - found$RSS) / found$RSS * (n - (b + 1) * q) / b)
        for (type in c("classical", "andrews")) {
          v <- if (type == "classical") NULL else kernHAC
          put(case, sprintf("interval_%g_%d_%s", h, b, type),
              suppressWarnings(confint(bp, breaks = b, level = 0.9, vcov. = v))$confint)
        }
      }
      # Sup-F(b + 1 | b) is the largest sup-F inside a regime.
      ends <- c(0, if (b > 0) found$breakpoints, n); sup <- 0
      for (i in seq_len(b + 1)) {
        part <- d[(ends[i] + 1):ends[i + 1], , drop = FALSE]
        if (nrow(part) >= 2 * shortest)
          sup <- max(sup, Fstats(f, data = part, from = shortest, to = nrow(part) - shortest)$Fstats)
      }
      if (b < most) put(case, sprintf("next_%g_%d", h, b + 1), sup)
    }
  }
}

write.csv(values, "values.csv", row.names = FALSE, quote = FALSE)
