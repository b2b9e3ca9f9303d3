"""Queries of orders, a module for each kind of document."""
