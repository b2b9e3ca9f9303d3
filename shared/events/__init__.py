"""What happened, as it travels between services: the envelope, and the contract of each event."""
