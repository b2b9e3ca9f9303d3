"""A generated shop to try Kith on: the same for the same seed, however large."""
