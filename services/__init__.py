"""The deployables.

One folder a service, with the same file names in each. They never import each other.
"""
