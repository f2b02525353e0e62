"""Whether a text may hold a secret at all, asked before anything costly: nearly all texts do not.

Both expressions begin with a set of rare characters: `re` runs over all others at about 5 ns each, where an alternation
of words costs 80. They may suspect too much, never too little.
"""

import itertools
import re
from collections import defaultdict
from typing import Final

from otel_ia.redaction.keys import KEY_LIMIT
from otel_ia.redaction.tokens import PREFIXES


def may_hold_pairs(text: str) -> bool:
    """Whether something stands in the text beside a word of a secret's key."""
    # A separator first: without one no expression needs to run, which saves 0.3 µs on the short texts.
    return (":" in text or "=" in text or "," in text or ">" in text or "--" in text) and _PAIRS.search(
        text
    ) is not None


def _spelled(prefix: str) -> list[str]:
    """The texts that a prefix of the table stands for: `gh[ps]_` for `ghp_` and `ghs_`."""
    parts = [part for part in re.split(r"\[(\w+)\]|\(\?:([\w|]+)\)|\\", prefix) if part]
    choices = re.findall(r"\[\w+\]|\(\?:[\w|]+\)", prefix)
    inside = {choice.strip("[](?:)"): choice for choice in choices}
    options = [
        (list(part) if inside[part][0] == "[" else part.split("|")) if part in inside else [part] for part in parts
    ]
    return ["".join(spelled) for spelled in itertools.product(*options)]


def _beginnings() -> dict[str, tuple[str, str]]:
    """For each last character of the prefixes what stands before it: any two of their characters, then the whole.

    Where a set does not hold the character, that costs 20 ns; each of the many whole prefixes takes 10.
    """
    behind: dict[str, set[str]] = defaultdict(set)
    for _, prefix, _, _ in PREFIXES:
        for spelled in _spelled(prefix):
            behind[spelled[-1]].add(spelled)
    result: dict[str, tuple[str, str]] = {}
    for last, prefixes in behind.items():
        pairs = [prefix[-3:-1] for prefix in prefixes]
        short = "".join(f"[{''.join(sorted(set(letters)))}]" for letters in zip(*pairs, strict=False))
        whole = "|".join(f"(?<={re.escape(prefix)})" for prefix in sorted(prefixes))
        result[last] = rf"(?<={short}{re.escape(last)})", f"(?:{whole})"
    return result


_CUT: Final = r"[\w\-]{0,40}+\s?…"
_PAIR: Final = {last: pair for last, (pair, _) in _beginnings().items()}
_PREFIXED: Final = {last: whole for last, (_, whole) in _beginnings().items()}
may_hold_tokens: Final = re.compile(
    "|".join(
        [
            rf"-{_PAIR['-']}(?=[\w\-.]{{10}}|{_CUT}){_PREFIXED['-']}",
            r"-(?=----BEGIN|----END)",
            r"-(?<=[ \t\"']-)u",
            rf"_{_PAIR['_']}(?=[\w+/=\-]{{8}}|{_CUT}){_PREFIXED['_']}",
            rf"\.(?:{_PAIR['.']}{_PREFIXED['.']}|(?<=\.slack\.)com/)",
            r":(?=AA(?:[\w\-]{33}|[\w\-]{0,32}+\s?…)|//[^\s/@:]{0,256}+(?:@|:(?!\d{1,5}(?:[/?#\s\"']|\Z))))",
            r"=(?<=[?&]sig=)|=(?<=ature=)",
            *(f"{last}{_PAIR[last]}{whole}" for last, whole in _PREFIXED.items() if last not in "-_.a"),
            "I(?<=AI)za|J(?<=eyJ)",
            r"~(?<=\dQ~)",
            r"@(?=tcp\(|udp\(|unix\()",
            r"B(?:earer|asic)[ \t%]|b(?:earer|asic)[ \t%]",
            r"'(?<=[dDyY] ')",
            r"/(?<=hooks/)\d",
        ]
    )
).search
"""Finds in a text the beginning of a known token, a private key or a URL with a password; else it returns `None`."""
_REST: Final = rf"""[\w.\-]{{0,{KEY_LIMIT}}}+(?:(?:\\*+["']\]?)?+[ \t]*+[:=>]|\\*+["'][,)])"""
_WORDS: Final = {
    "c": "ookie|red|srf|ret(?<=secret)",
    "j": "wt|sessionid",
    "k": "ey|en(?<=token)",
    "p": "ass|wd|hpsessid",
    "u": "th(?<=auth)|re(?<=signature)",
    "x": "srf",
    "d": "(?<=[ns]id)s?|(?<=n[^a-z]id)s?|(?<=t[.]sid)",
}
"""Of each word of `keys` its rarest letter and how it goes on."""
_PAIRS: Final = re.compile(
    "|".join(f"{case}(?i:{rest}){_REST}" for letter, rest in _WORDS.items() for case in (letter, letter.upper()))
    + r"|-(?<=--)[A-Za-z]"
)
