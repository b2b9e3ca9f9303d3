"""Queries of customers, a module for each kind of document."""
