"""One file for each library beside us, named after it, and what measures it in an environment of its own."""
