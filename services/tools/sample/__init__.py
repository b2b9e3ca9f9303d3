"""Sample data: a generated shop to try Kith on, the same for the same seed. Knows no terminal."""
