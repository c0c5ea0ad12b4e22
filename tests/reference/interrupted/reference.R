# Reference values for musan.methods.interrupted, from R: Rscript reference.R in this folder.
suppressMessages({library(sandwich); library(strucchange)})

values <- NULL
put <- function(case, quantity, x) {
  values <<- rbind(values, data.frame(case = case, quantity = quantity,
                                      values = paste(sprintf("%.12g", as.vector(x)), collapse = " ")))
}
n <- nrow(Seatbelts); time <- 0:(n - 1)
months <- format(as.Date(paste(floor(time(Seatbelts) + 1e-6), cycle(Seatbelts), 1, sep = "-")), "%Y-%m")
write.csv(data.frame(month = months, drivers = Seatbelts[, "drivers"], kms = Seatbelts[, "kms"],
                     vans_killed = Seatbelts[, "VanKilled"], price = sprintf("%.15g", Seatbelts[, "PetrolPrice"])),
          "seatbelts.csv", row.names = FALSE, quote = FALSE)
d <- data.frame(drivers = as.numeric(Seatbelts[, "drivers"]), vans = as.numeric(Seatbelts[, "VanKilled"]),
                kms = as.numeric(Seatbelts[, "kms"]), price = as.numeric(Seatbelts[, "PetrolPrice"]), time = time)
# The seat-belt law came into force on 31 January 1983: the last month of the old regime is the 169th.
d$level <- as.numeric(time >= 169); d$slope <- pmax(time - 169, 0)
# A second, made-up date, the oil crisis of late 1973: the 58th month ends the old regime.
d$level0 <- as.numeric(time >= 58); d$slope0 <- pmax(time - 58, 0)
month <- factor(rep(1:12, length.out = n))
angle <- 2 * pi * (time %% 12) / 12

all_of <- function(case, fit) {
  put(case, "coefficients", coef(fit))
  put(case, "classical", sqrt(diag(vcov(fit))))
  put(case, "newey_west", sqrt(diag(NeweyWest(fit))))
  put(case, "newey_west_lag_6", sqrt(diag(NeweyWest(fit, lag = 6, prewhite = FALSE, adjust = TRUE))))
  put(case, "andrews", sqrt(diag(kernHAC(fit))))
  put(case, "covariance", NeweyWest(fit, lag = 6, prewhite = FALSE, adjust = TRUE))
  put(case, "fitted", fitted(fit))
}
plain <- lm(log(drivers) ~ time + level + slope, data = d); all_of("plain", plain)
all_of("level_only", lm(log(drivers) ~ time + level, data = d))
dummies <- lm(log(drivers) ~ time + level + slope + month, data = d); all_of("dummies", dummies)
all_of("fourier", lm(log(drivers) ~ time + level + slope + sin(angle) + cos(angle) + sin(2 * angle) + cos(2 * angle),
                     data = d))
all_of("controls", lm(log(drivers) ~ time + level + slope + price, data = d))
all_of("two_dates", lm(log(drivers) ~ time + level0 + slope0 + level + slope, data = d))
# Counts of van drivers killed: small numbers, with an exposure, and with zeros in the short series.
all_of("poisson", glm(vans ~ time + level + slope + offset(log(kms)), family = poisson, data = d,
                      control = list(epsilon = 1e-14)))
all_of("quasipoisson", glm(vans ~ time + level + slope + month, family = quasipoisson, data = d,
                           control = list(epsilon = 1e-14)))
put("quasipoisson", "dispersion", summary(glm(vans ~ time + level + slope + month, family = quasipoisson, data = d,
                                            control = list(epsilon = 1e-14)))$dispersion)

# Effects with Newey and West's lag 6 and normal quantiles: Gaussian, summed and as a path; Poisson by the delta method.
V <- NeweyWest(plain, lag = 6, prewhite = FALSE, adjust = TRUE)
X <- model.matrix(plain); X0 <- X; X0[, c("level", "slope")] <- 0
after <- time >= 169
put("plain", "effect", ((X - X0) %*% coef(plain))[after])
put("plain", "effect_error", sqrt(diag((X - X0)[after, ] %*% V %*% t((X - X0)[after, ]))))
put("plain", "counterfactual_error", sqrt(diag(X0[after, ] %*% V %*% t(X0[after, ]))))
sum_of <- colSums((X - X0)[after, ])
put("plain", "total", c(sum(sum_of * coef(plain)), sqrt(sum_of %*% V %*% sum_of)))
count <- glm(vans ~ time + level + slope + offset(log(kms)), family = poisson, data = d, control = list(epsilon = 1e-14))
V <- NeweyWest(count, lag = 6, prewhite = FALSE, adjust = TRUE)
mu <- fitted(count); mu0 <- d$kms * exp(X0 %*% coef(count))
gradient <- colSums((mu * X - as.vector(mu0) * X0)[after, ])
put("poisson", "total", c(sum((mu - mu0)[after]), sqrt(gradient %*% V %*% gradient)))
base <- colSums((as.vector(mu0) * X0)[after, ]); share <- sum((mu - mu0)[after]) / sum(mu0[after])
g <- (gradient - share * base) / sum(mu0[after])
put("poisson", "share", c(share, sqrt(g %*% V %*% g)))

# A short series with zeros.
z <- data.frame(y = c(3, 0, 2, 5, 4, 1, 6, 3, 2, 4, 0, 3, 5, 2, 4, 3, 0, 1, 0, 2, 1, 0, 0, 1, 0, 3, 0, 1), t = 0:27)
z$level <- as.numeric(z$t >= 16)
write.csv(z["y"], "zeros.csv", row.names = FALSE, quote = FALSE)
all_of("zeros", glm(y ~ t + level, family = poisson, data = z, control = list(epsilon = 1e-14)))

# Other series: large counts, counts with zeros, quarters, several dates; all covariances; placebo statistics.
data(BostonHomicide)
others <- list(homicides = data.frame(y = as.numeric(BostonHomicide$homicides), exposure = BostonHomicide$population),
               discoveries = data.frame(y = as.numeric(discoveries), exposure = 1),
               deaths = data.frame(y = as.numeric(USAccDeaths), exposure = rep(c(31, 28, rep(c(31, 30), 2), 31, 31, 30, 31, 30, 31), 6)),
               gas = data.frame(y = as.numeric(UKgas), exposure = 1))
write.csv(do.call(rbind, lapply(names(others), function(x) data.frame(series = x, others[[x]]))), "others.csv",
          row.names = FALSE, quote = FALSE)
settings <- list(list("homicides", "poisson", 53, 12), list("discoveries", "poisson", c(25, 50), 1),
                 list("deaths", "poisson", 30, 12), list("deaths", "quasipoisson", c(14, 30, 61), 12),
                 list("gas", "gaussian", 44, 4))
smooth <- function(x) NeweyWest(x, lag = ceiling(1.3 * sqrt(nobs(x))) - 1, prewhite = FALSE, adjust = TRUE)
covariances <- list(classical = vcov, smooth = smooth, newey_west = NeweyWest, andrews = kernHAC, white = sandwich,
                    andrews_raw = function(x) kernHAC(x, prewhite = 0),
                    quadratic_newey_west = function(x) kernHAC(x, bw = bwNeweyWest))
for (s in settings) {
  o <- others[[s[[1]]]]; t <- 0:(nrow(o) - 1); season <- factor(t %% s[[4]])
  X <- do.call(cbind, c(list(t), lapply(s[[3]], function(at) cbind(as.numeric(t >= at), pmax(t - at, 0)))))
  f <- if (s[[4]] > 1) o$y ~ X + season else o$y ~ X
  fit <- if (s[[2]] == "gaussian") lm(f) else
    glm(f, family = s[[2]], offset = log(o$exposure), control = list(epsilon = 1e-14, maxit = 100))
  case <- paste0("other_", s[[1]], "_", s[[2]])
  put(case, "coefficients", coef(fit)); put(case, "fitted_sum", c(sum(fitted(fit)), sum(fitted(fit)^2)))
  D <- model.matrix(fit); D0 <- D; D0[, 2 + seq_len(2 * length(s[[3]]))] <- 0; after <- t >= s[[3]][1]
  mu <- fitted(fit); mu0 <- if (s[[2]] == "gaussian") D0 %*% coef(fit) else o$exposure * exp(D0 %*% coef(fit))
  slope <- if (s[[2]] == "gaussian") D - D0 else mu * D - as.vector(mu0) * D0
  for (type in names(covariances)) {
    V <- covariances[[type]](fit); g <- colSums(slope[after, ])
    put(case, type, sqrt(diag(V))); put(case, paste0("total_", type), c(sum((mu - mu0)[after]), sqrt(g %*% V %*% g)))
  }
}
for (name in names(others)) {
  y <- others[[name]]$y; n <- length(y); t <- 0:(n - 1); margin <- max(4, n %/% 8)
  found <- sapply(margin:(n - margin), function(at) {
    fit <- lm(y ~ t + I(t >= at) + pmax(t - at, 0)); V <- smooth(fit); b <- coef(fit)
    c(abs(b[3:4]) / sqrt(diag(V)[3:4]), b[3:4] %*% solve(V[3:4, 3:4]) %*% b[3:4])
  })
  put(paste0("placebo_", name), "largest", apply(found, 1, max)); put(paste0("placebo_", name), "mean", rowMeans(found))
}

write.csv(values, "values.csv", row.names = FALSE, quote = FALSE)
