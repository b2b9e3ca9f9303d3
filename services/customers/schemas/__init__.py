"""The JSON that comes in and goes out, one class for each direction."""
