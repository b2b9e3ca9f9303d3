"""JSON of customers, a class for each direction. Knows neither HTTP nor MongoDB."""
