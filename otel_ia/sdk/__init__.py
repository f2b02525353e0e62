"""Our forms of the SDK's types: providers that last for the process, whose insides are swapped."""
