"""HTTP as every service speaks it: parsing, answers, refusals, documents and health. Knows no service."""
