"""Changes of how customers' documents lie in MongoDB, numbered in the order in which they apply."""
