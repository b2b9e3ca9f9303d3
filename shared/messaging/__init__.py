"""Delivery of events between services: relay, broker, worker, consumer, inbox, dead letters."""
