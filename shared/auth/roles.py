"""Roles that a member of staff can have."""

ROLES = ("admin", "sales")
