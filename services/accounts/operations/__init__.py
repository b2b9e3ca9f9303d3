"""What can be done with log-ins and sessions. Knows neither HTTP nor MongoDB."""
