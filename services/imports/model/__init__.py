"""How lines become orders and customers, and how an import is accounted for. Pure."""
