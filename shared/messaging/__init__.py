"""How events travel between services: relay, broker, worker, consumer, inbox, dead letters."""
