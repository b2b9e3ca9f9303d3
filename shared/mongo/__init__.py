"""How documents are stored: client, collections, indexes, validators, paging, repository."""
