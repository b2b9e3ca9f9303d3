"""HTTP routes of customers: parse, call one operation, render."""
