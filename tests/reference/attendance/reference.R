# Shares by brute force, for held-out workplaces: no threshold is worked out. R 4.2.2: Rscript reference.R
# Each of 2,000,000 workers, at even quantiles of market income, takes the option with the highest utility.
set.seed(815)
cases <- 24
draw <- function(low, high) round(runif(cases, low, high), 3)
place <- data.frame(
  wage_kpw_per_month = round(draw(0, 300000)), ration_kg_per_month = draw(0, 30),
  rice_price_kpw_per_kg = round(draw(3000, 7000)), market_income_kpw_per_day = round(draw(2000, 25000)),
  market_income_log_sd = draw(0.2, 1.2), working_days_per_month = round(draw(20, 30)),
  share_of_day_left = draw(0.2, 1), detection_at_muster_per_month = draw(0, 1), detection_in_day_per_month = draw(0, 0.9),
  share_of_pay_lost_if_detected = draw(0, 1), share_sentenced_if_detected = draw(0, 0.5), sentence_months = draw(0, 6),
  hardship_kpw_per_month = round(draw(0, 900000)), exemption_fee_kpw_per_month = round(draw(50000, 300000)))
place$exemption_fee_kpw_per_month[c(3, 9, 17)] <- NA
place$wage_kpw_per_month[c(2, 9)] <- 0
place$ration_kg_per_month[c(2, 9)] <- 0
place$hardship_kpw_per_month[9] <- 0
u <- (seq_len(2e6) - 0.5) / 2e6
shares <- t(sapply(seq_len(cases), function(i) with(place[i, ], {
  m <- qlnorm(u, log(market_income_kpw_per_day), market_income_log_sd)
  pay <- wage_kpw_per_month + ration_kg_per_month * rice_price_kpw_per_kg
  served <- share_sentenced_if_detected * sentence_months
  inside <- served * detection_in_day_per_month
  outside <- served * detection_at_muster_per_month
  kept <- 1 - detection_in_day_per_month * share_of_pay_lost_if_detected
  attend <- rep(pay, length(m))
  leave <- (kept * pay + share_of_day_left * working_days_per_month * m - inside * hardship_kpw_per_month) / (1 + inside)
  away <- (working_days_per_month * m - outside * hardship_kpw_per_month) / (1 + outside)
  exempt <- if (is.na(exemption_fee_kpw_per_month)) rep(-Inf, length(m)) else
    working_days_per_month * m - exemption_fee_kpw_per_month
  best <- max.col(cbind(attend, leave, away, exempt), ties.method = "first")
  tabulate(best, 4) / length(m)
})))
colnames(shares) <- c("attend", "sign_and_leave", "stay_away", "exempt")
write.csv(cbind(place, shares), "shares.csv", row.names = FALSE, quote = FALSE, na = "")
