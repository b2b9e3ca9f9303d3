"""Bridge from granian's event loop to a WSGI application: a body is read before a thread is taken.

Knows no framework and no service.
"""
