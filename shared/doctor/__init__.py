"""Health checks of databases, with advice. Knows no service."""
