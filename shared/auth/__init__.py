"""Who is asking, and may they: the JWT role middleware that every service uses."""
