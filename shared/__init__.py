"""Code that every service shares. Imports no service."""
