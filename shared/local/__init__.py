"""Servers and processes on one machine, with their ports and output, for `make run` and tests."""
