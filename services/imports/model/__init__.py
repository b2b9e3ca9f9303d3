"""Rules of an import: lines grouped to orders and customers, and the account of them. Pure."""
