"""A model of nobody's library."""


class Scorer:
    """Has all that is looked for."""

    def __init__(self, scale=2):
        self.scale = scale

    def predict(self, rows, *, offset=0):
        """What is predicted."""
        if offset is None:
            raise KeyError("offset")
        return [row * self.scale for row in rows]

    def transform(self, rows):
        return self.predict(rows)

    def __call__(self, rows):
        return self.transform(rows)

    def other(self):
        return self.scale
