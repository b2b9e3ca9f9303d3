"""Operations of staff, of the shop's website, and of events. Knows neither HTTP nor MongoDB."""
