"""Monitor coroutines: requests that run at the same time keep their spans apart.

It gives three traces, one per question; each answer asks its two sources at the same time:

    answer
    ├─ search  source=str
    └─ search  source=list
"""

import asyncio
import inspect

from otel_ia import configure, monitor

SOURCES: dict[str, type] = {"str": str, "list": list}


async def search(source: str, question: str) -> tuple[float, str]:
    """The method whose documentation is most like the question, and how much, from 0 to 1."""
    with monitor("search", attributes={"source": source}):
        words = set(question.split())
        best = (0.0, "nothing")
        for name, method in inspect.getmembers(SOURCES[source], callable):
            told = set((inspect.getdoc(method) or "").lower().split())
            best = max(best, (len(words & told) / len(words | told), f"{source}.{name}"))
            await asyncio.sleep(0)  # lets the other requests run
        return best


@monitor
async def answer(question: str) -> str:
    """The best find of all sources."""
    found = await asyncio.gather(*(search(source, question) for source in SOURCES))
    return max(found)[1]


async def main() -> None:
    """Three questions at once."""
    questions = [
        "return a copy of the string converted to uppercase",
        "remove and return item at index",
        "number of occurrences of value",
    ]
    for question, found in zip(questions, await asyncio.gather(*map(answer, questions)), strict=True):
        print(f"{question}: {found}")


if __name__ == "__main__":
    with configure(service_name="manual"):
        asyncio.run(main())
