"""Looks into databases and says how they are. Knows no service."""
