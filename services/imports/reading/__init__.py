"""Reading of a shop's file to order lines: decoding, columns, cells. Knows no database."""
