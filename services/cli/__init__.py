"""Commands of the one command line, one file for each `make` target or group of them."""
