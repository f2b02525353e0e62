"""Secrets that show by their own form: tokens of well-known services, private keys, passwords in URLs.

Every expression takes time linear to the text: what repeats is possessive or bounded, and where a match could begin
inside another one it begins at the border of a word only.
"""

import base64
import binascii
import functools
import re
from collections.abc import Callable
from typing import Final, TypeAlias

Mark: TypeAlias = Callable[[str], str]

_LETTERS: Final = "[A-Za-z0-9]"
_WIDE: Final = r"[\w\-]"
_DOTTED: Final = r"[\w\-.]"
_HEX: Final = "[0-9a-f]"
PREFIXES: Final = (
    ("api_key", "sk-", _DOTTED, 16),  # OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse
    ("api_key", "gsk_", _LETTERS, 20),  # Groq
    ("api_key", "xai-", _LETTERS, 20),
    ("api_key", "pplx-", _LETTERS, 20),
    ("api_key", "nvapi-", _WIDE, 20),
    ("api_key", "tvly-", _WIDE, 16),
    ("api_key", "r8_", _LETTERS, 20),  # Replicate
    ("api_key", "fw_", _LETTERS, 20),  # Fireworks
    ("api_key", "lsv2_[ps][tk]_", r"\w", 20),  # LangSmith
    ("api_key", "pcsk_", r"\w", 20),  # Pinecone
    ("api_key", "lin_api_", _LETTERS, 20),
    ("api_key", "dop_v1_", _HEX, 20),
    ("api_key", "shp(?:at|ss|ca|pa)_", _LETTERS, 20),
    ("api_key", "ops_", _WIDE, 40),
    ("hugging_face_token", "hf_", _LETTERS, 20),
    ("hugging_face_token", "api_org_", _LETTERS, 20),
    ("aws_key", "A[KS]IA", "[0-9A-Z]", 16),
    ("google_key", "AIza", _WIDE, 30),
    ("google_token", r"ya29\.", _DOTTED, 16),
    ("google_secret", "GOCSPX-", _WIDE, 16),
    ("github_token", "gh[pousr]_", r"\w", 20),
    ("github_token", "github_pat_", r"\w", 20),
    ("gitlab_token", "glpat-", _DOTTED, 16),
    ("gitlab_token", "gl(?:ptt|cbt|rtr|oas|oat|dep)-", _DOTTED, 16),
    ("gitlab_token", "gl(?:dt|rt|ft)-", _DOTTED, 16),
    ("slack_token", "xox[abceoprs]-", _DOTTED, 10),
    ("slack_token", "xapp-", _WIDE, 16),
    ("stripe_key", "[prs]k_live_", _LETTERS, 10),
    ("stripe_key", "[prs]k_test_", _LETTERS, 10),
    ("stripe_key", "whsec_", r"[\w+/=]", 16),
    ("npm_token", "npm_", _LETTERS, 20),
    ("pypi_token", "pypi-", _WIDE, 32),
    ("docker_token", "dckr_pat_", _WIDE, 16),
    ("sendgrid_key", r"SG\.", _DOTTED, 24),
    ("vault_token", r"hv[bs]\.", _WIDE, 20),
    ("age_key", "AGE-SECRET-KEY-", "[0-9A-Z]", 40),
    ("twilio_key", "SK", _HEX, 32),
)
"""Rule, fixed beginning, what follows, and how many characters of it at least."""


def replace_private_keys(text: str, mark: Mark) -> str:
    """The text without PEM private keys, also those whose beginning or end was cut off."""
    if "PRIVATE KEY" not in text:
        return text
    text = _PRIVATE_KEY.sub(lambda _: mark("private_key"), text)
    pieces: list[str] = []
    done = 0
    for end in _END_OF_PRIVATE_KEY.finditer(text):
        above = _ABOVE_THE_END.match(text[done : end.start()][::-1])
        pieces += (text[done : end.start() - (above.end() if above else 0)], mark("private_key"))
        done = end.end()
    return "".join(pieces) + text[done:]


def replace_tokens(text: str, mark: Mark) -> str:
    """The text without tokens of known form, passwords in URLs, signatures and bearer or basic credentials."""
    for _ in range(3):  # what was replaced may have hidden the border of what stood right after it
        before = text
        for rule, needle, pattern in _forms():
            if needle in text:
                text = replace(text, rule, pattern, mark)
        if text == before:
            break
    return _BASIC.sub(lambda found: found[1] + mark("authorization") if _is_basic(found[2]) else found[0], text)


def replace(text: str, rule: str, pattern: re.Pattern[str], mark: Mark) -> str:
    """The text with each match of the pattern, or only the match's group `secret`, replaced by `mark(rule)`."""
    named = "secret" in pattern.groupindex

    def without_secret(found: re.Match[str]) -> str:
        start, end = found.span("secret" if named else 0)
        if start == end or found.string.startswith("[redacted: ", start):
            return found[0]
        return found[0][: start - found.start()] + mark(rule) + found[0][end - found.start() :]

    return pattern.sub(without_secret, text)


def _is_basic(encoded: str) -> bool:
    """Whether this is `user:password` in base64, and not the next word of a sentence about something basic."""
    try:
        return encoded.endswith("…") or b":" in base64.b64decode(encoded[: len(encoded) // 4 * 4])
    except binascii.Error:
        return False


def _beginning_with(prefix: str, body: str, least: int) -> re.Pattern[str]:
    """A token with so many characters after its prefix, or one that was cut and now ends in `…`.

    No letter stands before it, but for that of a line break written as `\\n`. The expression begins with a literal, to
    which `re` skips at 1 ns a character instead of 20.
    """
    return re.compile(rf"{prefix}{_border(prefix)}(?:{body}{{{least},}}+|{body}*+\s?…)")


def _border(prefix: str) -> str:
    return rf"(?:(?<![\w\-]{prefix})|(?<=\\[nrt]{prefix})|(?<=%[0-9A-Fa-f]{{2}}{prefix}))"


_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:[^-]++|-(?!----))*+-----END[A-Z0-9 ]{0,40}-----"
    r"""|(?:(?:[\s\\"',]|[\w\-]{1,40}: [^\n\\]*+)*+[A-Za-z0-9+/=]{16,}+)*+[\s\\"',]*+[A-Za-z0-9+/=]*+…?)"""
)
_END_OF_PRIVATE_KEY: Final = re.compile(r"-----END[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_ABOVE_THE_END: Final = re.compile(r"""[\s\\"',n]*+[A-Za-z0-9+/=]*+(?:[\s\\"',]++[A-Za-z0-9+/=]{16,}+)*+""")
"""Read backwards from the end line: the last line of base64, which may be short, and the full ones above it."""

_BASIC: Final = re.compile(r"(asic(?<=[Bb]asic)[ \t]++)([A-Za-z0-9+/_\-]{8,}+=*+…?)")
_NO_BEARER: Final = r"""(?:tokens?|auth\w*|credentials?|schemes?|certificates?)\b|[A-Z]?[a-z]{1,19}[ .,;:!?)]"""


@functools.cache  # made when a text first looks suspicious: to compile them takes 20 ms
def _forms() -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Rule, a text without which the expression cannot match, and the expression."""
    return (
        ("jwt", "eyJ", re.compile(rf"eyJ{_border('eyJ')}[\w\-]*+(?:(?:\.[\w\-]*+)++|\s?…)")),
        (
            "aws_key",
            "IA",
            re.compile(r"""A[KS]IA[0-9A-Z]{16}[\s:,;|"']{1,4}(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])"""),
        ),
        *(
            # Without its needle an expression that begins with a choice costs 8 ns a character, with it 0.5.
            (rule, max(re.split(r"\[\w+\]|\(\?:.*\)|\\\.", prefix), key=len), _beginning_with(prefix, body, least))
            for rule, prefix, body, least in PREFIXES
        ),
        ("azure_secret", "Q~", re.compile(r"[\w~.\-]{3}\dQ~(?:[\w~.\-]{31,34}|[\w~.\-]{0,30}+\s?…)")),
        ("telegram_token", ":AA", re.compile(r"\d{8,10}:AA(?:[\w\-]{33}|[\w\-]{0,32}+\s?…)")),
        ("webhook", "hooks", re.compile(r"hooks(?:\.slack\.com/\w+/|/\d+/)(?P<secret>[\w\-/]{16,}+)")),
        (
            "authorization",
            "earer",
            re.compile(rf"earer(?<=[Bb]earer)(?:[ \t]++|%20)(?P<secret>(?!{_NO_BEARER})[\w.~+/=:\-]{{6,}}+…?)"),
        ),
        ("signature", "=", re.compile(r"""[?&](?:sig|Signature)=(?P<secret>[^&\s"'<>]++)""")),
        (
            "password",
            "://",
            re.compile(
                r"""://[^\s/?#:@\[\]"'<>]{0,256}+:(?!\d{1,5}(?:[/?#\s"'<>,;)]|\Z))"""
                r"""(?P<secret>[^\s"'<>@…]{1,512}+(?:@[^\s"'<>@?…]{0,512}+(?=@))*+)(?:@|…)"""
            ),
        ),
        ("token", "://", re.compile(r"://(?P<secret>[\w\-]{20,256}+)@")),
        ("password", "@", re.compile(r""":(?P<secret>[^\s:@/"']{1,128}+)@(?:tcp|udp|unix)\(""")),
        ("password", " '", re.compile(r"(?i:password|identified by)[ \t]{1,4}'(?P<secret>[^'\n]{1,512}+)")),
        (
            "password",
            "-u",
            re.compile(r"""[ \t"']-u(?:ser)?[ ,=]{1,2}+["']?[^\s:"']{1,128}+:(?P<secret>(?!\d+\b)[^\s"']++)"""),
        ),
    )
