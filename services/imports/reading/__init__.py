"""How a shop's file becomes order lines: decoding, columns, cells. Knows no database."""
