"""Reads a shop's file to order lines: unpacking, decoding, columns, cells. Knows no database."""
