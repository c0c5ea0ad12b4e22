# Reference values of base R (package stats) for adjusted p-values and for variance parts in a full grid.
# Run in this folder: Rscript make.R
options(digits = 15)
p <- read.csv("p_values.csv")$p_value
methods <- c(holm = "holm", "benjamini-hochberg" = "BH", "benjamini-yekutieli" = "BY", bonferroni = "bonferroni")
write.csv(data.frame(p_value = p, sapply(methods, function(m) p.adjust(p, m)), check.names = FALSE),
          "adjusted.csv", row.names = FALSE)

grid <- expand.grid(period = c("june", "half", "year"), base = c("2014", "2016", "2017", "2015"),
                    currency = c("usd", "cny"), stringsAsFactors = TRUE)
set.seed(7, kind = "Mersenne-Twister", normal.kind = "Inversion")
grid$estimate <- round(as.numeric(grid$period) + 2 * (grid$base == "2014") + 0.5 * (grid$currency == "cny") *
                         (grid$period == "june") + rnorm(nrow(grid), sd = 0.3), 6)
write.csv(grid, "grid.csv", row.names = FALSE)
squares <- anova(lm(estimate ~ period + base + currency, data = grid))[["Sum Sq"]]
write.csv(data.frame(choice = c("period", "base", "currency", "rest"), part = squares / sum(squares)),
          "variance_parts.csv", row.names = FALSE)
