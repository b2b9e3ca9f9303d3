"""Document storage: client, collections, indexes, validators, paging, repositories."""
