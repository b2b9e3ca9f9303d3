"""Queries of imports: on jobs, their files, their rows, and the outcomes. Knows no HTTP."""
