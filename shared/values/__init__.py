"""Rules for single values, one copy of each: e-mail, phone, money, ISO codes, text."""
