"""How a file becomes rows, lines, orders and customers. Pure: no HTTP, database, queue or clock."""
