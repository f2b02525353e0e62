"""One file for each library beside us, named after it, and what measures it in an environment of its own.

Each has `REQUIRES`, the packages to install, its own first, and `prepare`, which is given the endpoint of a collector.
"""
