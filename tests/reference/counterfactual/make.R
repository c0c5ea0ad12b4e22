# Reference values for forecasts: structural models and ARIMA of base R (package stats), on its own data sets.
# Run in this folder: Rscript make.R
options(digits = 15)
write_series <- function(name, values) {
  write.csv(data.frame(time = as.numeric(time(values)), value = as.numeric(values)), name, row.names = FALSE)
}
write_series("nile.csv", Nile)
write_series("air_passengers.csv", AirPassengers)
write_series("lake_huron.csv", LakeHuron)
write_series("uk_drivers.csv", UKDriverDeaths)

rows <- data.frame()
add <- function(case, quantity, value) {
  rows <<- rbind(rows, data.frame(case = case, quantity = quantity, value = as.numeric(value)))
}
add_forecast <- function(case, forecast) {
  add(case, paste("forecast", seq_along(forecast$pred)), forecast$pred)
  add(case, paste("standard error", seq_along(forecast$se)), forecast$se)
}

tight <- list(factr = 10, pgtol = 0, maxit = 1000)
level <- StructTS(Nile, type = "level", optim.control = tight)
add("nile level", c("variance of level", "variance of irregular"), level$coef)
add_forecast("nile level", predict(level, n.ahead = 5))
before <- StructTS(window(Nile, end = 1950), type = "level", optim.control = tight)
add("nile level to 1950", c("variance of level", "variance of irregular"), before$coef)
add_forecast("nile level to 1950", predict(before, n.ahead = 5))
deaths <- StructTS(log(UKDriverDeaths), type = "level", optim.control = tight)
add("log drivers level", c("variance of level", "variance of irregular"), deaths$coef)
add_forecast("log drivers level", predict(deaths, n.ahead = 5))

exact <- list(reltol = 1e-15, maxit = 2000)
airline <- arima(log(AirPassengers), order = c(0, 1, 1), seasonal = c(0, 1, 1), method = "ML", optim.control = exact)
add("airline", c("ma.L1", "ma.S.L12", "variance of the errors"), c(airline$coef, airline$sigma2))
add_forecast("airline", predict(airline, n.ahead = 12))
huron <- arima(LakeHuron, order = c(2, 0, 0), xreg = time(LakeHuron) - 1920, method = "ML", optim.control = exact)
add("huron with trend", c("ar.L1", "ar.L2", "mean", "slope of year", "variance of the errors"),
    c(huron$coef, huron$sigma2))
add_forecast("huron with trend", predict(huron, n.ahead = 5, newxreg = 1973:1977 - 1920))
write.csv(rows, "forecasts.csv", row.names = FALSE)
