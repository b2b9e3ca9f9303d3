"""Events as pure data: base class, contracts, outbox entries, deliveries. Knows no client."""
