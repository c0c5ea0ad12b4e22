# Reference values for shift-share inference, from the formulas of Adao, Kolesar and Morales (2019, QJE 134, section
# IV) written with base R's lm(), and for Rotemberg weights from Goldsmith-Pinkham, Sorkin and Swift (2020, AER 110).
# Run in this folder: Rscript make.R
options(digits = 15)
set.seed(20240501, kind = "Mersenne-Twister", normal.kind = "Inversion")
places <- 60; goods <- 12
raw <- matrix(rgamma(places * goods, 0.4), places) * matrix(rep(seq(2, 0.5, length.out = goods), each = places), places)
shares <- round(raw / rowSums(raw) * runif(places, 0.5, 1), 6)
shocks <- round(rnorm(goods), 6)
covariate <- round(rnorm(places), 6)
weights <- round(runif(places, 0.5, 3), 6)
treatment <- round(drop(shares %*% shocks) + 0.4 * covariate + 0.3 * rnorm(places), 6)
outcome <- round(0.5 * treatment - 0.7 * covariate + drop(shares %*% rnorm(goods)) + 0.3 * rnorm(places), 6)
strong <- round(2 * drop(shares %*% shocks) + 0.2 * rnorm(places), 6)
groups <- rep(1:6, each = 2)
good <- paste0("good_", 1:goods)
table <- data.frame(place = paste0("place_", 1:places), outcome, treatment, covariate, weights, strong, shares)
names(table) <- c("place", "outcome", "treatment", "covariate", "weights", "strong", good)
write.csv(table, "places.csv", row.names = FALSE)
write.csv(data.frame(good, shock = shocks, group = groups), "goods.csv", row.names = FALSE)

rows <- data.frame()
add <- function(case, quantity, value) {
  rows <<- rbind(rows, data.frame(case = case, quantity = quantity, value = as.numeric(value)))
}

shift_share <- function(case, y, controls, w, group, level = 0.95) {
  exposure <- drop(shares %*% shocks)
  fit <- lm(y ~ exposure + controls, weights = w)
  slope <- unname(coef(fit)["exposure"])
  x_rest <- resid(lm(exposure ~ controls, weights = w))
  y_rest <- resid(lm(y ~ controls, weights = w))
  hit <- unname(coef(lm(x_rest ~ shares - 1, weights = w)))
  spread <- sum(w * x_rest^2)
  usual <- qnorm((1 + level) / 2)
  add(case, "slope", slope)
  add(case, "equal variance", summary(fit)$coefficients["exposure", 2])
  add(case, "robust", sqrt(sandwich::vcovHC(fit, type = "HC1")["exposure", "exposure"]))
  score <- function(v) tapply(hit * colSums(w * v * shares), group, sum)
  error <- sqrt(sum(score(resid(fit))^2)) / spread
  add(case, "akm", error)
  add(case, "akm p", 2 * pnorm(-abs(slope) / error))
  add(case, "akm0 p", 2 * pnorm(-abs(slope) * spread / sqrt(sum(score(y_rest)^2))))
  # AKM0 by its definition: slopes that are not rejected when the null is imposed, found by root finding.
  excess <- function(b) abs(slope - b) * spread / sqrt(sum(score(y_rest - b * x_rest)^2)) - usual
  far <- 1e6
  add(case, "akm0 far left rejected", excess(-far) > 0)
  add(case, "akm0 far right rejected", excess(far) > 0)
  grid <- slope + c(-rev(10^seq(-4, 6, length.out = 4000)), 10^seq(-4, 6, length.out = 4000))
  sign_of <- sapply(grid, excess) > 0
  turns <- which(diff(sign_of) != 0)
  add(case, "akm0 ends", length(turns))
  for (i in seq_along(turns))
    add(case, paste("akm0 end", i), uniroot(excess, grid[turns[i] + 0:1], tol = 1e-14)$root)
}

sum_of_shares <- rowSums(shares)
ones <- rep(1, places)
shift_share("plain", outcome, cbind(covariate), ones, 1:goods)
shift_share("share sum", outcome, cbind(covariate, sum_of_shares), ones, 1:goods)
shift_share("weighted", outcome, cbind(covariate, sum_of_shares), weights, 1:goods)
shift_share("grouped", outcome, cbind(covariate, sum_of_shares), weights, groups)
shift_share("grouped 80", outcome, cbind(covariate, sum_of_shares), weights, groups, 0.8)
shift_share("strong", strong, cbind(covariate, sum_of_shares), weights, groups)
shift_share("strong 99.9", strong, cbind(covariate, sum_of_shares), weights, groups, 0.999)

# Rotemberg weights: the good-by-good instruments, one lm() each.
controls <- cbind(covariate, sum_of_shares)
t_rest <- resid(lm(treatment ~ controls, weights = weights))
first <- colSums(weights * shares * t_rest) * shocks
for (g in 1:goods) {
  instrument <- resid(lm(shares[, g] ~ controls, weights = weights))
  add("rotemberg", paste("weight", good[g]), first[g] / sum(first))
  add("rotemberg", paste("slope", good[g]), sum(weights * instrument * outcome) / sum(weights * instrument * treatment))
}
exposure <- drop(shares %*% shocks)
z_rest <- resid(lm(exposure ~ controls, weights = weights))
add("rotemberg", "slope", sum(weights * z_rest * outcome) / sum(weights * z_rest * treatment))
write.csv(rows, "shift_share.csv", row.names = FALSE)
