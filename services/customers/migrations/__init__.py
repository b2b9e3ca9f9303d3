"""Migrations of customers' stored documents, numbered in the order in which they apply."""
