"""One redactor: it remembers its verdicts on keys and the texts it found clean, and counts what it took out."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from otel_ia import values
from otel_ia.errors import SettingError
from otel_ia.redaction.callback import Callback, asking
from otel_ia.redaction.keys import rule_of
from otel_ia.redaction.own import own_keys, own_patterns
from otel_ia.redaction.pairs import MARKER, replace_pairs
from otel_ia.redaction.suspicion import may_hold_pairs, may_hold_tokens
from otel_ia.redaction.tokens import replace, replace_private_keys, replace_tokens

M = TypeVar("M", bound=Mapping[str, object])

SCAN_LIMIT: Final = 131_072
"""Characters of a text that are scanned, twice a whole stack trace; what is longer is cut."""
REMEMBERED: Final = 4_096
"""Keys, and clean texts, that a redactor remembers; when there are more it starts anew."""
REMEMBERED_LENGTH: Final = 256
"""Characters of a text that is worth remembering: names, identifiers, lines of stack traces."""

_NUMBERS: Final = frozenset([int, float, bool, type(None)])
_HARMLESS: Final = frozenset([bool, type(None)])
_SIZED: Final = frozenset([str, bytes, tuple, list, dict])
_MARKERS: Final = re.compile(f"({MARKER.pattern})")


def make_redactor(
    *,
    keys: Iterable[str] = (),
    patterns: Iterable[str | re.Pattern[str]] = (),
    emails: bool = False,
    callback: Callback | None = None,
    knows_usual: bool = True,
) -> "Redactor":
    """A redactor that knows the usual secrets, unless it is not to, and these.

    `keys` are words: `"customer_id"` means the keys `customer.id`, `oldCustomerId` too. Of what a pattern matches its
    group `secret` is replaced, without such a group all of it; its running time is its author's. `callback(path,
    value)` sees each value after the rules and returns the one to record, `None` to redact it; where it raises, the
    value is redacted. A text without a key (a name, message or body) has the path `""`; a key itself is seen by the
    rules alone. Raises SettingError.
    """
    if callback is not None and not callable(callback):
        raise SettingError(
            source="make_redactor", key="callback", value=callback, expected="a function of path and value"
        )
    return Redactor(own_keys(keys), own_patterns(patterns, emails=emails), callback, knows_usual=knows_usual)


class Redactor:
    """Takes secrets out of keys, texts, values and attributes; whatever holds none comes back as the same object.

    Values are legal before they come here (`otel_ia.values`): unknown objects pass as they are. May be used from any
    thread and signal handler: nothing is locked, each change is one operation on a dict or set.
    """

    __slots__ = (
        "_ask",
        "_harmless",
        "_is_usual",
        "_keys",
        "_knows_usual",
        "_needles",
        "_patterns",
        "_secret",
        "clean",
        "count",
    )

    def __init__(
        self,
        keys: tuple[tuple[tuple[str, ...], str], ...],
        patterns: tuple[tuple[str, re.Pattern[str]], ...],
        callback: Callback | None,
        *,
        knows_usual: bool,
    ) -> None:
        self._keys = keys
        self._needles = tuple(max(words, key=len) for words, _ in keys)
        self._patterns = patterns
        self._ask = None if callback is None else asking(callback, text_limit=SCAN_LIMIT)
        self._knows_usual = knows_usual
        self._is_usual = knows_usual and not (keys or patterns)
        self._secret: dict[str, str] = {}
        self._harmless: set[str] = set()
        self.clean: set[str] = set()
        """Short texts that hold no secret."""
        self.count: dict[str, int] = {}
        """How often each rule redacted something."""

    def uncounted(self) -> "Redactor":
        """The same one, except that what it takes out does not count: for what is encoded twice."""
        other = object.__new__(Redactor)  # not by `copy`, which imports: the interpreter may be at its end
        for name in Redactor.__slots__:  # it shares what is remembered, and what asks the callback
            setattr(other, name, getattr(self, name))
        other.count = {}
        return other

    @property
    def is_asking(self) -> bool:
        """Whether a callback of the user's has the last word on each value."""
        return self._ask is not None

    def is_harmless(self, key: str) -> bool:
        """Whether a key was seen before, names no secret and holds none."""
        return key in self._harmless

    def redact_text(self, text: str) -> str:
        """The text without its secrets; of what is no text, though it should be, the text that stands for it."""
        if type(text) is not str:
            text = str(values.legal(text))
        if self._ask is None:
            if text in self.clean:
                return text
            # A short text that nothing speaks against, such as a new log line, without the calls below: 300 ns.
            if (
                self._is_usual
                and len(text) <= REMEMBERED_LENGTH
                and may_hold_tokens(text) is None
                and not may_hold_pairs(text)
            ):
                return text
            return self._redacted(text)
        answer = self._answer("", self._redacted(text))
        return answer if isinstance(answer, str) else str(answer)

    def redact_name(self, name: str) -> str:
        """The same of one of a few texts, which is remembered."""
        if self._ask is not None or type(name) is not str:
            return self.redact_text(name)
        return name if name in self.clean else self._redacted(name)

    def redact_value(self, key: str, value: object) -> object:
        """The value without its secrets; only a marker where the key names one, unless it is empty or a bool."""
        return self._value(key, key, value, 1)

    def redact_attributes(self, attributes: M) -> M | dict[str, object]:
        """The attributes without their secrets, in values and in keys."""
        if self._ask is None:
            harmless, clean = self._harmless, self.clean
            for key, value in attributes.items():
                # What was seen before costs one look into each of two sets; types by identity save 30 ns each.
                if key not in harmless and (self._rule_of(key) or key not in harmless):
                    break
                kind = type(value)
                if kind is str:
                    if value not in clean and not self.is_clean(value):  # type: ignore[arg-type]
                        break
                elif kind is not int and kind is not float and kind is not bool and value is not None:
                    break
            else:
                return attributes
        return self._pairs(attributes, "", 1)

    def _pairs(self, given: M, path: str, depth: int) -> M | dict[str, object]:
        result: dict[str, object] = {}
        changed = False
        for key, value in given.items():
            # A mapping inside a value may have any key.
            name = self._redacted(key) if isinstance(key, str) else key  # type: ignore[redundant-expr]
            said = key if isinstance(key, str) else self._said_by(key)  # type: ignore[redundant-expr]
            redacted = self._value(said, f"{path}{name}", value, depth)
            result[name] = redacted
            changed = changed or name is not key or redacted is not value
        return result if changed else given

    def _said_by(self, key: object) -> str:
        """The text of a key that is none, such as `("password", 1)`, if it names a secret."""
        said = "" if type(key) in _NUMBERS else str(values.legal(key))
        return said if said and self._judged(said) else ""

    def _value(self, key: str, path: str, value: object, depth: int) -> object:
        kind = type(value)
        if (rule := self._rule_of(key)) and kind not in _HARMLESS and not (kind in _SIZED and not value):
            return value if isinstance(value, str) and MARKER.fullmatch(value) else self._mark(rule)
        redacted = value
        if isinstance(value, str):
            exact = str.__str__(value)
            if (cleaned := self._redacted(exact)) is not exact:
                redacted = cleaned
        elif isinstance(value, bytes | bytearray):
            octets = bytes(memoryview(value)).decode("latin-1")  # runs no `__bytes__` of a subclass
            if (cleaned := self._redacted(octets)) is not octets:
                redacted = cleaned.encode("utf-8")
        elif isinstance(value, list | tuple | set | frozenset | Mapping):
            return self._inside(path, value, depth)  # the callback sees what is inside
        return redacted if self._ask is None else self._answer(path, redacted)

    def _inside(self, path: str, value: object, depth: int) -> object:
        if depth > values.DEPTH_LIMIT:
            return self._redacted(str(values.legal(value)))
        if isinstance(value, Mapping):
            return self._pairs(value, path and f"{path}.", depth + 1)
        assert isinstance(value, list | tuple | set | frozenset)
        if self._ask is None and _NUMBERS.issuperset(map(type, value)):
            return value
        items = [self._value("", path, item, depth + 1) for item in value]
        if all(map(operator.is_, items, value)):
            return value
        return items if isinstance(value, list) else tuple(items)

    def _answer(self, path: str, value: object) -> object:
        assert self._ask is not None
        answer, rule = self._ask(path, value)
        return self._mark(rule) if rule and value is not None else answer

    def _rule_of(self, key: str) -> str:
        if key in self._harmless:
            return ""
        rule = self._secret.get(key)
        if rule is None:
            rule = self._judged(key)
            if len(key) <= REMEMBERED_LENGTH and (rule or self.is_clean(key)):
                if len(self._secret) + len(self._harmless) >= REMEMBERED:
                    self._secret.clear()
                    self._harmless.clear()
                if rule:
                    self._secret[key] = rule
                else:
                    self._harmless.add(key)
        return rule

    def _judged(self, key: str) -> str:
        return rule_of(key, self._keys, knows_usual=self._knows_usual)

    def _redacted(self, text: str) -> str:
        if len(text) > SCAN_LIMIT:
            text = values.text(text, SCAN_LIMIT)
        return text if self.is_clean(text) else self._rewritten(text, self._mark)

    def is_clean(self, text: str) -> bool:
        """Whether nothing would be replaced; what spans lines, as private keys do, is seen in its first or last one."""
        clean = self.clean
        if len(text) > REMEMBERED_LENGTH:
            if len(text) > SCAN_LIMIT:
                return False
            if self._patterns or "\n" not in text:
                return self._rewritten(text, _marker) is text
            # Stack traces repeat: their lines are looked up in 60 ns each, while scanning takes 20 ns a character.
            return all(line in clean or self.is_clean(line) for line in text.split("\n"))
        if text not in clean:
            is_innocent = self._is_usual and may_hold_tokens(text) is None and not may_hold_pairs(text)
            if not is_innocent and self._rewritten(text, _marker) is not text:
                return False
            if len(clean) >= REMEMBERED:
                clean.clear()
            clean.add(text)
        return True

    def _rewritten(self, text: str, mark: Callable[[str], str]) -> str:
        result = text
        tokens = self._knows_usual and may_hold_tokens(text) is not None
        if tokens:
            result = replace_private_keys(result, mark)
        pairs = self._knows_usual and may_hold_pairs(text)
        if pairs or (self._needles and any(needle in text.lower() for needle in self._needles)):
            result = replace_pairs(result, self._judged, mark)
        if tokens:
            result = replace_tokens(result, mark)
        for rule, pattern in self._patterns:
            result = "".join(
                part if index % 2 else replace(part, rule, pattern, mark)
                for index, part in enumerate(_MARKERS.split(result))
            )
        return text if result == text else result

    def _mark(self, rule: str) -> str:
        self.count.setdefault(rule, 0)
        self.count[rule] += 1
        return _marker(rule)


def _marker(rule: str) -> str:
    return f"[redacted: {rule}]"
