"""Every query of imports: on jobs, their files, their rows, and what became of them."""
