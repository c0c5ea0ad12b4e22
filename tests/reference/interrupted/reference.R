# Reference values for musan.methods.interrupted, from R: Rscript reference.R in this folder.
suppressMessages({library(sandwich)})

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

write.csv(values, "values.csv", row.names = FALSE, quote = FALSE)
