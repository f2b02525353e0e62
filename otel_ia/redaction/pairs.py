"""Values that stand beside a key in a text: `password=…`, `"api_key": "…"`, `Cookie: …`, `--token …`."""

import re
from collections.abc import Callable
from typing import Final

MARKER: Final = re.compile(r"\[redacted: [\w ]+\]")
"""What stands where a secret stood; never looked into again."""


def replace_pairs(text: str, rule_of: Callable[[str], str], mark: Callable[[str], str]) -> str:
    """The text with the value of every secret key replaced by `mark(rule)`, in time linear to its length."""
    inner = _replace_after(_KEY, text, rule_of, mark)
    return _replace_after(_TUPLE, inner, rule_of, mark) if ")" in inner else inner


def _replace_after(keys: re.Pattern[str], text: str, rule_of: Callable[[str], str], mark: Callable[[str], str]) -> str:
    pieces: list[str] = []
    done = 0
    rules: dict[str, str] = {}
    for found in keys.finditer(text):
        if found.start("key") < done:
            continue
        key = _key_in(text, found) if keys is _KEY else found["key"]
        if (rule := rules.get(key)) is None:
            rule = rules[key] = rule_of(key)
        if not rule:
            continue
        start, end = _value_after(text, found)
        if end > start and not _is_no_secret(text[start:end], found["key"]):
            pieces += (text[done:start], mark(rule))
            done = end
    return "".join(pieces) + text[done:] if pieces else text


def _key_in(text: str, found: re.Match[str]) -> str:
    """A line break that was written as `\\n` belongs to the text around the key."""
    start = found.start("key")
    escaped = text[start - 1 : start] == "\\" and text[start] in "nrt"
    return (found["owner"] or "") + found["key"][escaped:]


def _value_after(text: str, found: re.Match[str]) -> tuple[int, int]:
    start = found.end()
    if opening := _QUOTE.match(text, start):
        return opening.end(), _closing_quote(text, opening)
    if _DONE.match(text, start):
        return start, start
    if text.startswith(_OPENING, start):
        return start, _closing_bracket(text, start)
    if _HEADERS.search(found["key"]) and ("=" not in found["separator"] or "ookie" in found["key"].lower()):
        return start, _end_of_line(text, start, found)
    found_word = _WORD.match(text, start)
    word = found_word[0] if found_word is not None else ""
    if "=" not in found["separator"] and _NEXT_KEY.fullmatch(word):
        return start, start
    if text[found.start("key") - 1 : found.start("key")] == "/":  # a user's name in a URL
        word = word[: max(word.rfind("@"), 0)]
    return start, start + len(word if MARKER.search(word) else word.rstrip(".,;:!?)}]"))


def _closing_quote(text: str, opening: re.Match[str]) -> int:
    """Where the value ends that this quote opens.

    With n backslashes before the opening quote, as JSON inside JSON has them, the closing one is the first with k
    before it, k modulo 2n + 2 = n: what more there is escapes a quote within. After it no word goes on: there the
    escaping was itself written out. An unclosed value ends with its line.
    """
    backslashes = len(opening["escape"])
    at = text.find(opening["quote"], opening.end())
    while at >= 0:
        before = at
        while before > opening.end() and text[before - 1] == "\\":
            before -= 1
        after = at + len(opening["quote"])
        if (at - before) % (2 * backslashes + 2) == backslashes and not text[after : after + 1].isalnum():
            return at - backslashes
        at = text.find(opening["quote"], at + 1)
    line = text.find("\n", opening.end())
    return len(text) if line < 0 or text.endswith("…") else line


def _closing_bracket(text: str, start: int) -> int:
    """The end of the list or mapping that begins here; of an unclosed one the end of the text."""
    depth = 0
    for part in _NESTED.finditer(text, start):
        if part[0] in _OPENING:
            depth += 1
        elif part[0] in ")]}":
            depth -= 1
            if depth == 0:
                return part.end()
    return len(text)


def _end_of_line(text: str, start: int, found: re.Match[str]) -> int:
    """Headers hold several words: the rest of the line, or up to the quote in which the whole header stands."""
    before = text[found.start("key") - 1 : found.start("key")]
    line = (_LINE_IN_QUOTES if before in ("'", '"') else _LINE).match(text, start)
    return start + len(line[0].rstrip()) if line is not None else start


def _is_no_secret(value: str, key: str) -> bool:
    """A marker, a word of a programming language, a placeholder, or the key again, as in `password=password`."""
    if MARKER.fullmatch(value) or _NOTHING.fullmatch(value) or not _READABLE.search(value):
        return True
    name = _PLACEHOLDER.fullmatch(value)
    return name is not None and name["name"].strip("_").lower() == key.strip("_-").lower()


_OWNERS: Final = "api|access|secret|private|client|auth|account|session|signing|encryption|csrf|refresh|bearer"
_TYPE: Final = r"(?:str|bytes|string|SecretStr|Any)\b(?:[ \t]*\|[ \t]*None)?"
_KEY: Final = re.compile(
    rf"""(?<![\w.\-])(?P<dashes>--)?+(?P<owner>(?i:{_OWNERS})[ ])?+(?P<key>\w[\w.\-]*+)"""
    rf"""(?P<separator>(?:\\*+["']\]?)?+[ \t]*+(?:=>|:=|={{1,3}}|:(?!:))(?:[ \t]*+{_TYPE}[ \t]*+=(?!=))?+"""
    r"""|\\*+["'],(?=[ \t]*+[bur]?\\*+["'][^"'\n]*+["'][ \t]*+[)\]])"""
    r"""|>(?=[^<>\n]++</)"""
    r"""|(?(dashes)[ \t](?=[^\s\-])|(?!)))[ \t]*+"""
)
_TUPLE: Final = re.compile(
    r"""(?:(?<=\{)|(?<=,[ ]))\((?P<key>[^()\n"']{0,256}+["'][^()\n]{0,256}+)\)(?P<separator>:[ ])"""
)
"""A key of a dict that is a tuple with a text in it: `{('password', 1): `."""
_QUOTE: Final = re.compile(r"""[bBrRuUfF]{0,2}(?P<escape>\\*+)(?P<quote>\"{3}|'{3}|["'])""")
_OPENING: Final = ("(", "[", "{")
_NESTED: Final = re.compile(r"""[()\[\]{}]|"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'""", re.DOTALL)
_WORD: Final = re.compile(
    r"(?:(?i:bearer|basic|token|digest|apikey|negotiate)[ \t]++)?+"
    rf"(?:{MARKER.pattern}"
    r"""|[^\s"'<`\\,;&|]"""
    r"""|\\(?![nrt"'\\])"""
    r"""|[,;&|](?!\s|\Z|[\w.\-]{1,64}+[=:]))*+"""
)
"""An unquoted value: punctuation belongs to it unless what follows says that it ended."""
_DONE: Final = re.compile(rf"[,;&|]*+{MARKER.pattern}")
"""What followed such punctuation was taken for a key, and then for a token."""
_NEXT_KEY: Final = re.compile(r"[A-Za-z_.\-]*:")
_HEADERS: Final = re.compile(r"(?i:authori[sz]ation|cookie|passphrase)\Z")
_LINE: Final = re.compile(r"(?:[^\n\r\\]|\\(?![nr]))*+")
_LINE_IN_QUOTES: Final = re.compile(r"""(?:[^\n\r\\"']|\\(?![nr"']))*+""")
_NOTHING: Final = re.compile(
    r"(?i:none|null|nil|true|false|undefined|str|string|bytes|bool|int|any|optional\[\w+|secretstr"
    r"|(?:os\.)?(?:environ|getenv)\W*|<?not set>?|%s|x{3,})"
)
_READABLE: Final = re.compile(r"\w")
_PLACEHOLDER: Final = re.compile(
    r"[$%{(<\[]{0,3}(?:self\.|cls\.|args\.|settings\.|config\.)?(?P<name>[\w\-]+)[>)}\]]{0,3}s?"
)
