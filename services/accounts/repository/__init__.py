"""Queries of accounts, a module for each kind of document."""
