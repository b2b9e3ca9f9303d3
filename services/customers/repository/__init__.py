"""Every query of customers: on customers, on the ledger of their orders, and on the staff."""
