"""Monitor an agent that asks a language model and a tool: tokens, time to the first chunk, in the GenAI conventions.

The model runs here, so nothing is asked over the network: it draws each word from those that followed the last one in
a text. A token of its is a word or a full stop, and they are counted. It gives one trace:

    invoke_agent poet
    ├─ chat bigrams  model=bigrams  tokens=2 → 12
    ├─ execute_tool count_letters
    └─ chat bigrams  model=bigrams  tokens=14 → 8
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from otel_ia import configure, genai

TEXT = """
Beautiful is better than ugly. Explicit is better than implicit. Simple is better than complex.
Complex is better than complicated. Flat is better than nested. Sparse is better than dense.
"""


def tokens_of(text: str) -> list[str]:
    return re.findall(r"\w+|\.", text.lower())


def generate(prompt: str, *, length: int, seed: int) -> Iterator[str]:
    """So many words, each drawn from those that followed the one before."""
    following = defaultdict(list)
    for word, after in pairwise(tokens_of(TEXT)):
        following[word].append(after)
    draw, word = random.Random(seed), tokens_of(prompt)[-1]
    for _ in range(length):
        word = draw.choice(following[word] or ["."])
        yield word


def ask(prompt: str, *, length: int, seed: int) -> str:
    with genai.inference("chat", model="bigrams", provider="local", max_tokens=length, seed=seed) as call:
        said = list(call.stream(generate(prompt, length=length, seed=seed)))
        call.record(input_tokens=len(tokens_of(prompt)), output_tokens=len(said), finish_reasons=["length"])
    return " ".join(said)


if __name__ == "__main__":
    with configure(service_name="poet"), genai.agent("poet"):
        verse = ask("simple is", length=12, seed=1)
        with genai.tool("count_letters", kind="function", tool_arguments=verse):
            letters = sum(map(str.isalpha, verse))
        more = ask(f"simple is {verse}", length=8, seed=2)
    print(f"{verse} ({letters} letters)\n{more}")
