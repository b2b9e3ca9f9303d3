"""Operators' tools over all services: the work behind each command. Knows no terminal."""
