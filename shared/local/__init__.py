"""What `make run` starts on one machine: servers and processes, their ports and their output."""
