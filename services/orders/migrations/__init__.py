"""Migrations of orders, numbered; see `shared.mongo.migrations`."""
