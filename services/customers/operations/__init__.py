"""What staff and the shop's website can do. Knows neither HTTP nor MongoDB."""
