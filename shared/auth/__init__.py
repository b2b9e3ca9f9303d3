"""Authentication and roles of every service: access tokens, public keys, middleware."""
