"""Rules of imports: lines grouped to orders and customers, and the account of an import. Pure."""
