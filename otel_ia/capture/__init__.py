"""What a span says of the arguments and results of calls: their kind and size, and their values only where asked.

By default nothing. A view of a value is chosen once for its type. It reads what the type's own library says of shape,
dtype, device and size, and of unknown types nothing but the name: no code of theirs runs.
"""
