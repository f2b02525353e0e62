"""Which keys name a secret, judged by whole words: `access_token` does, `input_tokens` and `secretary` do not."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

KEY_LIMIT: Final = 128
"""Characters of a key that are looked at, from its end: the last words say what a key holds."""


def words_of(key: str) -> tuple[str, ...]:
    """The key's words in lower case, split at whatever is no letter and at the humps of camelCase."""
    return tuple(word.lower() for word in _WORD.findall(key[-KEY_LIMIT:]))


def rule_of(key: str, own: Iterable[tuple[tuple[str, ...], str]] = (), *, knows_usual: bool = True) -> str:
    """The rule by which the key names a secret, or the empty text. `own` are further words in a row and their rules."""
    words = words_of(key)
    for sequence, rule in own:
        if any(words[at : at + len(sequence)] == sequence for at in range(len(words))):
            return rule
    if not (words and knows_usual) or key in _CONVENTIONS or words[-1] in _DESCRIPTIONS or words[0] in _QUESTIONS:
        return ""
    for word in words:
        if word in _WORDS:
            return _WORDS[word]
    for pair in pairwise(words):
        if pair in _PAIRS:
            return _PAIRS[pair]
    while len(words) > 1 and words[-1] in _CARRIERS:
        words = words[:-1]
    return _LAST.get(words[-1], "") or _LAST_PAIRS.get(words[-2:], "") or _token_rule(words)


def _token_rule(words: tuple[str, ...]) -> str:
    """In this field a token is first of all a piece of text: a secret where nothing says that it is one of those."""
    before = words[-2] if len(words) > 1 else ""
    if words[-1] == "token":
        return "" if before in _PIECES_OF_TEXT else "token"
    return "token" if words[-1] == "tokens" and before in _TOKENS_OF_ACCESS else ""


def _each(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD: Final = re.compile(r"[A-Z]+(?![^\W\d_A-Z])|[A-Z]?[^\W\d_A-Z]+")

_CONVENTIONS: Final = frozenset(["session.id", "session.previous_id"])
"""Attributes of the semantic conventions that group telemetry by session; no such id opens a session."""

_NAMES: Final = {
    "password": "password passwd pwd passphrase passcode",
    "secret": "secret clientsecret",
    "credential": "credential cred",
    "authorization": "authorization authorisation",
    "api_key": "apikey accesskey secretkey accountkey signingkey",
    "private_key": "privatekey",
    "token": "accesstoken authtoken refreshtoken bearertoken apitoken sessiontoken jwt",
    "cookie": "cookie",
    "session": "phpsessid jsessionid",
    "csrf": "csrf xsrf csrftoken xsrftoken",
}
_WORDS: Final = {
    name + plural: rule for rule, names in _NAMES.items() for name in names.split() for plural in ("", "s")
}
"""Words that name a secret wherever they stand in a key."""

_KEYS: Final = (
    "api access account private secret signing encryption master subscription ssh session deploy consumer app"
)
_PASSES: Final = "db database user admin root smtp mail ftp proxy login mysql postgres pg redis"
_PAIRS: Final = {
    **{(owner, key): f"{owner}_key" for owner in [*_KEYS.split(), "hmac", "client"] for key in ("key", "keys")},
    **{(owner, "pass"): "password" for owner in _PASSES.split()},
    **dict.fromkeys([("amz", "signature"), ("goog", "signature")], "signature"),
}
"""Two words in a row that name a secret together."""

_LAST_PAIRS: Final[dict[tuple[str, ...], str]] = dict.fromkeys(
    [("session", "id"), ("session", "ids"), ("sess", "id"), ("connect", "sid")], "session"
)

_LAST: Final = {"auth": "authorization", "sessionid": "session", "sessionids": "session", "sessid": "session"}
"""Words that name a secret at the end of a key only: `basic_auth`, not `auth.type`."""

_DESCRIPTIONS: Final = _each(
    "age alg algorithm allowed arn at attempts banner changed class consent count created days disabled domain enabled"
    " endpoint endpoints error errors exists expired expires expiration expiry failed field file filename format"
    " generator hasher hashers issuer length len lifetime limit manager max method min minutes missing mode name names"
    " path paths policy present provider required reset rotation rule rules samesite scheme scope scopes seconds secure"
    " server service size source state status store strength supported timeout total ttl type types updated uri url"
    " used valid validator validators version"
)
"""Last words of keys that tell about a secret without holding it: `password_length`, `token_endpoint_auth_method`."""

_QUESTIONS: Final = _each("is has had needs requires require allow num show hide use no without")
"""First words of keys that hold yes, no or a number: `has_password`."""

_CARRIERS: Final = _each("value header raw encoded")
"""Last words that change nothing: `token_value` holds what `token` holds."""

_PIECES_OF_TEXT: Final = _each(
    "accepted acoustic audio bos bot byte cancel cancellation char character class cls code completion continuation"
    " control cost current decoded decoder document draft each end ending eod eom eos eot every fim first frame"
    " generated image input label last latent mask max mean middle min new next num number of output pad padding page"
    " patch per position predicted prefix previous prev prompt query rejected sampled semantic sentence sep separator"
    " sequence single source special start stop subword suffix system target text think thinking this time tool top"
    " unk unknown video vocab vocabulary word"
)
"""Words before `token` that make it a piece of text, or a mark for pages and cancelling: `eos_token`, `per_token`."""

_TOKENS_OF_ACCESS: Final = _each("access api auth bearer csrf device id personal push refresh secret security session")
"""Words before `tokens` that make them secrets; all other tokens are counted or read."""
