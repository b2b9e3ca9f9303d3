"""What operators' commands do, over all services. Knows no terminal."""
