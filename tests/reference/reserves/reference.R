# Stocks followed month by month in a plain loop. R 4.2.2: Rscript reference.R
# Each case has a starting stock and a net flow for each of four years, all in million dollars.
cases <- data.frame(case = 1:6, stock = c(4000, 4800, 10600, 3000, 2500, 500),
  year_1 = c(-1000, -100, -2000, 300, -1250, 100), year_2 = c(-1000, -2500, -2000, -4000, -1250, -600),
  year_3 = c(-1000, -2500, -2000, 500, 0, -600), year_4 = c(-1000, 400, -2000, 500, 0, 900))
follow <- function(stock, flows) {
  left <- stock; gone <- Inf; ends <- numeric(48)
  for (month in 1:48) {
    flow <- flows[(month - 1) %/% 12 + 1] / 12
    if (is.infinite(gone) && left + flow <= 1e-9) gone <- month - 1 + left / -flow
    left <- if (is.finite(gone)) 0 else left + flow
    ends[month] <- left
  }
  c(gone, ends[c(6, 12, 18, 24, 30, 36, 48)])
}
found <- t(apply(cases, 1, function(row) follow(row[["stock"]], row[3:6])))
colnames(found) <- c("months", paste0("stock_", c(6, 12, 18, 24, 30, 36, 48)))
write.csv(format(cbind(cases, found), digits = 15, trim = TRUE, scientific = FALSE), "paths.csv", row.names = FALSE,
  quote = FALSE)
