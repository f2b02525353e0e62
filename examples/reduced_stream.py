"""Keep of a stream what it comes to, and not its items: how many handwritten digits were read, and how many right.

`reduce` is given the summary so far and an item, like `functools.reduce`. Of an LLM's stream it may keep the last
usage: `lambda usage, chunk: chunk.usage or usage`. It gives one trace:

    read  ia.stream.items=597  digits.read=597  digits.right=…
"""

from collections.abc import Iterator

from sklearn.datasets import load_digits
from sklearn.naive_bayes import GaussianNB

from otel_ia import configure, monitor


def count_right(so_far: dict[str, int] | None, item: tuple[int, int]) -> dict[str, int]:
    """The attributes of the span, with one more digit."""
    read, right = so_far.values() if so_far is not None else (0, 0)
    guess, label = item
    return {"digits.read": read + 1, "digits.right": right + (guess == label)}


@monitor(reduce=count_right)
def read() -> Iterator[tuple[int, int]]:
    """What the model takes each unseen digit for, and what it is."""
    images, labels = load_digits(return_X_y=True)
    model = GaussianNB().fit(images[:1_200], labels[:1_200])
    for image, label in zip(images[1_200:], labels[1_200:], strict=True):
        yield int(model.predict([image])[0]), int(label)


if __name__ == "__main__":
    with configure(service_name="digits"):
        wrong = [(guess, label) for guess, label in read() if guess != label]
    print(f"{len(wrong)} read wrong, the first: {wrong[0][1]} as {wrong[0][0]}")
