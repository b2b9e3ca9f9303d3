"""Accessor of the repositories that the application of customers was made with."""

from flask import current_app

from services.customers.bootstrap import CustomersContext


def context() -> CustomersContext:
    """The repositories of the application that answers the present request."""
    found: CustomersContext = current_app.extensions["customers"]
    return found
