"""Customers, their journal and what visitors looked at, with the rules they obey. Pure Python."""
