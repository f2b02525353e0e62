"""Monitor a generator: one span from its first item to its end, with the number of items and the time to the first.

The span is current while the generator works, not while its consumer does. It gives two traces; in the second the
consumer has heard enough, which is no error:

    generate  ia.stream.items=12
    generate  ia.stream.items=6  ia.outcome=closed_early
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from otel_ia import configure, monitor

TEXT = """
Beautiful is better than ugly. Explicit is better than implicit. Simple is better than complex.
Complex is better than complicated. Flat is better than nested. Sparse is better than dense.
"""


def learn(text: str) -> dict[str, list[str]]:
    """For each word the words that follow it."""
    words = re.findall(r"\w+|\.", text.lower())
    following = defaultdict(list)
    for word, after in pairwise(words):
        following[word].append(after)
    return following


@monitor
def generate(following: dict[str, list[str]], *, length: int, seed: int) -> Iterator[str]:
    """So many words, each drawn from those that followed the one before."""
    draw = random.Random(seed)
    word = "."
    for _ in range(length):
        word = draw.choice(following[word])
        yield word


if __name__ == "__main__":
    with configure(service_name="poet"):
        model = learn(TEXT)
        verse = list(generate(model, length=12, seed=1))
        sentence = []
        for word in generate(model, length=1_000, seed=2):
            sentence.append(word)
            if word == ".":
                break
    print(*verse)
    print(*sentence)
