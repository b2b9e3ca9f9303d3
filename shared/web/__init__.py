"""HTTP base of every service: parsing, responses, problems, documents and health.

Knows no service.
"""
