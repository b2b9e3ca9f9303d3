"""Commands of the one command line, a file for each thing that they are about."""
