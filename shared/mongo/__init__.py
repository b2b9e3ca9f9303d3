"""Document storage: client, collections, indexes, validators, paging, repository."""
