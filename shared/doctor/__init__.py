"""Health checks of databases, a file for each topic, with advice. Knows no service.

A new check is a function here that yields `Finding`s, and its call in `services/tools/doctor.py`.
"""
