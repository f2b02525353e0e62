"""Secrets of all forms, none of them real, to be planted where they must not stay."""

import base64
import json

# Every secret is put together here from parts, so that none stands in this file as a whole.
RUN = "Zq9" + "xW3vB7nM1kL5jH8gF2dS4aP6oI0uY" + "tRe"
HEX = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
PEM_BODY = "\n".join([("MIIfake" + RUN * 2)[:64]] * 4 + ["shortEnd42=="])


def pem(kind):
    dashes = "-" * 5
    return f"{dashes}BEGIN {kind}PRIVATE KEY{dashes}\n{PEM_BODY}\n{dashes}END {kind}PRIVATE KEY{dashes}"


def part(text):
    return base64.urlsafe_b64encode(json.dumps(text).encode()).decode().rstrip("=")


BARE = {
    "jwt": ".".join([part({"alg": "HS256", "typ": "JWT"}), part({"sub": "1234567890"}), RUN]),
    "jwt, no signature": ".".join([part({"alg": "none"}), part({"sub": "1234567890"}), ""]),
    "aws access key id": "AK" + "IA" + "ZQ9XW3VB7NM1KL5J",
    "aws temporary key id": "AS" + "IA" + "ZQ9XW3VB7NM1KL5J",
    "google api key": "AI" + "za" + RUN + "ab",
    "google oauth token": "ya" + "29." + RUN,
    "google client secret": "GOC" + "SPX-" + RUN,
    "github personal": "gh" + "p_" + RUN + "Ab",
    "github server": "gh" + "s_" + RUN + "Ab",
    "github fine-grained": "github" + "_pat_" + RUN + "_" + RUN,
    "gitlab personal": "gl" + "pat-" + RUN[:20],
    "gitlab trigger": "gl" + "ptt-" + RUN,
    "slack bot": "xo" + "xb-" + "123456789012-" + RUN,
    "slack app": "xa" + "pp-1-" + RUN,
    "stripe live": "sk" + "_live_" + RUN,
    "stripe restricted": "rk" + "_test_" + RUN,
    "stripe webhook": "wh" + "sec_" + RUN,
    "openai": "sk" + "-" + RUN + RUN,
    "openai project": "sk" + "-proj-" + RUN + "_" + RUN,
    "anthropic": "sk" + "-ant-api03-" + RUN + "-" + RUN,
    "openrouter": "sk" + "-or-v1-" + HEX,
    "hugging face": "hf" + "_" + RUN,
    "groq": "gs" + "k_" + RUN,
    "replicate": "r" + "8_" + RUN,
    "xai": "xa" + "i-" + RUN,
    "perplexity": "pp" + "lx-" + RUN,
    "nvidia": "nv" + "api-" + RUN,
    "langsmith": "lsv2" + "_pt_" + HEX + "_" + HEX[:10],
    "npm": "np" + "m_" + RUN,
    "pypi": "py" + "pi-AgEI" + RUN,
    "docker": "dckr" + "_pat_" + RUN,
    "sendgrid": "S" + "G." + RUN[:22] + "." + RUN,
    "vault": "hv" + "s." + RUN,
    "twilio": "S" + "K" + HEX,
    "azure client secret": "abc8" + "Q~" + RUN[:33],
    "telegram bot": "123456789:" + "AA" + RUN[:33],
    "age key": "AGE-" + "SECRET-KEY-1" + (RUN + RUN).upper()[:58],
    "private key": pem(""),
    "rsa private key": pem("RSA "),
    "openssh private key": pem("OPENSSH "),
}
"""Secrets that show by their own form."""

IN_CONTEXT = {
    "bearer": ("Bearer {}", RUN),
    "bearer of words": ("bearer {}", "some-secret-thing"),
    "basic": ("Basic {}", base64.b64encode(b"someone:something").decode()),
    "password in a url": ("postgres://app:{}@db.internal:5432/prod", "Zq9xW3vB7"),
    "password with signs in a url": ("mongodb+srv://app:{}@db/x?y=z", "p@W3v/B7:n"),
    "password without user in a url": ("redis://:{}@cache:6379/0", "Zq9xW3vB7"),
    "token as user in a url": ("https://{}@git.example.com/a.git", RUN),
    "password of a go data source": ("app:{}@tcp(10.0.0.1:3306)/prod", "Zq9xW3vB7"),
    "azure storage": ("DefaultEndpointsProtocol=https;AccountName=x;AccountKey={};EndpointSuffix=y", RUN + "/+=="),
    "azure signature": ("https://x.blob.core.windows.net/c?sv=2022&sig={}&se=2030", "Zq9%2BxW3vB7%3D"),
    "aws secret": ("aws_secret_access_key = {}", (RUN + "/+" + RUN)[:40]),
    "aws pair": ("AK" + "IAZQ9XW3VB7NM1KL5J {}", (RUN + "/+" + RUN)[:40]),
    "aws signature": ("https://b.s3.amazonaws.com/k?X-Amz-Signature={}&x=1", HEX),
    "connection string": ("Server=db;User Id=app;Password={};Encrypt=yes", "Zq9,xW3vB7!"),
    "key of a log": ("retrying with api_key={} after 3 s", RUN[:12]),
    "quoted key": ('{{"client_secret": "{}"}}', "Zq9 xW3 vB7"),
    "quoted key with an escaped quote": ('{{"password": "{}"}}', 'Zq9\\"xW3vB7'),
    "environment": ("OPENAI_API_KEY={}", RUN[:12]),
    "annotated": ('def login(user, password: str | None = "{}"): ...', "Zq9xW3vB7"),
    "cookie": ("Cookie: sid={}; theme=dark", "Zq9xW3vB7"),
    "set-cookie": ("Set-Cookie: id={}; HttpOnly", "Zq9xW3vB7"),
    "proxy": ("Proxy-Authorization: Digest username=u, response={}", HEX),
    "header": ("X-Api-Key: {}", RUN[:12]),
    "before a colon": ("login with api_key={}: refused", RUN[:12]),
    "between colons": ("password: {}: wrong", "Zq9xW3vB7"),
    "command line": ("run --token {} --verbose", RUN[:12]),
    "curl": ("curl -u someone:{} https://example.com", "Zq9xW3vB7"),
    "sql": ("ALTER USER app WITH PASSWORD '{}'", "Zq9xW3vB7"),
    "xml": ("<password>{}</password>", "Zq9xW3vB7"),
    "pair of bytes": ("[(b'authorization', b'{}')]", "Zq9xW3vB7"),
    "nested": ("'cookies': {{'theme': '{}'}}", "Zq9xW3vB7"),
    "words": ("The API key: {}", "Zq9xW3vB7"),
    "csrf": ("csrf_token={}", "Zq9xW3vB7"),
    "session": ("JSESSIONID={}", "Zq9xW3vB7"),
    "query": ("https://example.com/cb?code=1&access_token={}&state=2", "Zq9xW3vB7"),
    "passphrase": ("passphrase: {}", "correct horse battery staple"),
    "webhook": ("https://hooks.slack.com/services/{}", "T0FAKE000/B0FAKE000/Zq9xW3vB7nM1"),
}
"""Secrets that show by what stands around them."""
