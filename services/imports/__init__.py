"""Imports: a shop's line-item export becomes orders and customers; every row is accounted for.

Owns import jobs: the file, its mapping, the outcome of each row. Writes to customers and orders
through their bulk endpoints, as the person who asked; sends no events and hears none.
"""
