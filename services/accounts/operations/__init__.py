"""Operations on log-ins and sessions. Knows neither HTTP nor MongoDB."""
