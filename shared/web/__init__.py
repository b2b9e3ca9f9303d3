"""HTTP as every service speaks it.

Parsing, answers, refusals, documents and health. Knows no service.
"""
