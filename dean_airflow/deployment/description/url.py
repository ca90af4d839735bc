"""URLs inside values, taken apart without losing where each part lies in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_SCHEME = re.compile(r"(?<![\w+.:-])((?:jdbc:|db\+)?[A-Za-z][A-Za-z0-9+.-]*)://")
_END = re.compile(r"[\s\"'<>`|\\^,;]|$")
DEFAULT_PORTS = {
    "http": 80,
    "https": 443,
    "ws": 80,
    "wss": 443,
    "postgresql": 5432,
    "postgres": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "redis": 6379,
    "rediss": 6379,
    "amqp": 5672,
    "amqps": 5671,
    "mongodb": 27017,
}


@dataclass(frozen=True, slots=True)
class Url:
    """`scheme` as written; `driver` what follows its `+`; spans are of the text the URL was found in.

    `user`, `password` and `database` are percent-decoded; `port` is None where not given, -1 where no number.
    """

    text: str
    start: int
    scheme: str
    user: str
    password: str
    host: str
    port: int | None
    path: str
    password_span: tuple[int, int]
    host_span: tuple[int, int]
    raw_password: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def family(self) -> str:
        """The scheme without `jdbc:`, `db+` and `+driver`, in small letters."""
        return self.scheme.lower().removeprefix("jdbc:").removeprefix("db+").split("+")[0]

    @property
    def driver(self) -> str:
        return self.scheme.lower().removeprefix("jdbc:").removeprefix("db+").partition("+")[2]

    @property
    def database(self) -> str:
        return unquote(re.split(r"[?#]", self.path.removeprefix("/"))[0])

    @property
    def effective_port(self) -> int | None:
        return self.port if self.port is not None else DEFAULT_PORTS.get(self.family)


def find_urls(text: str) -> list[Url]:
    """Every URL of a text with an authority, in order. Passwords may hold characters that should be encoded."""
    if "://" not in text:
        return []
    found = []
    for match in _SCHEME.finditer(text):
        rest_at = match.end()
        end = _end(text, rest_at)
        found.append(_url(text, match.start(), match.group(1), rest_at, end))
    return found


_PAIR = re.compile(r"(?:^|[;\s])\s*([A-Za-z][A-Za-z ]*?)\s*=\s*('[^']*'|\"[^\"]*\"|[^;\s]*)")
_KEYS = {
    "host": {"host", "server", "data source", "hostname", "addr", "address"},
    "port": {"port"},
    "database": {"database", "dbname", "initial catalog"},
    "user": {"user", "username", "user id", "userid", "uid"},
}


def keyword_dsn(text: str) -> Url | None:
    """`Host=db;Port=5432;Database=x` and `host=db dbname=x` as a URL without a scheme; None for what is neither.

    The password is left out: it is not percent-encoded here, and is compared nowhere.
    """
    if "=" not in text or "://" in text:
        return None
    pairs = {match[1].lower(): (match[2].strip("\"'"), match.start(2)) for match in _PAIR.finditer(text)}
    given = {part: next((pairs[key] for key in keys if key in pairs), ("", 0)) for part, keys in _KEYS.items()}
    host, at = given["host"]
    if not host or not (given["database"][0] or given["user"][0]):
        return None
    name, _, behind = host.removeprefix("tcp:").partition(",")
    port = given["port"][0] or behind
    return Url(
        text=text,
        start=0,
        scheme="",
        user=given["user"][0],
        password="",
        host=name,
        port=int(port) if port.isdigit() and len(port) < 9 else None,
        path=f"/{given['database'][0]}",
        password_span=(0, 0),
        host_span=(at, at + len(name)),
        raw_password="",
    )


def _end(text: str, at: int) -> int:
    if text[at - 3 : at] == "://" and "://" not in text[at:] and not re.search(r"\s", text[at:]):
        quote = re.search(r"[\"'`]", text[at:])
        comma = re.search(r",\s*$|[,;](?=[\w.-]+:\d)", text[at:])
        stop = min(m.start() for m in (quote, comma) if m) if quote or comma else len(text) - at
        return at + stop
    match = _END.search(text, at)
    return match.start() if match else len(text)


def _url(text: str, start: int, scheme: str, at: int, end: int) -> Url:
    rest = text[at:end]
    authority_end = _authority_end(rest)
    authority = rest[:authority_end]
    userinfo, has_at, hostport = authority.rpartition("@")
    user, colon, password = userinfo.partition(":")
    host, port = _host_port(hostport)
    password_at = at + len(user) + 1
    span = (password_at, password_at + len(password)) if has_at and colon else (at, at)
    host_at = at + len(userinfo) + len(has_at)
    return Url(
        text=text[start:end],
        start=start,
        scheme=scheme,
        user=unquote(user),
        password=unquote(password),
        host=host,
        port=port,
        path=rest[authority_end:],
        password_span=span,
        host_span=(host_at, host_at + len(host)),
        raw_password=password,
    )


def _authority_end(rest: str) -> int:
    """Where the path begins. A password with an unencoded `/`, `?` or `#` is recognised by a later `@`."""
    first = re.search(r"[/?#]", rest)
    if first is None:
        return len(rest)
    before = rest[: first.start()]
    if "@" not in before and ":" in before and not re.fullmatch(r"[^:]*:\d{0,5}", before) and "[" not in before:
        later = rest.rfind("@")
        if later > 0:
            after = re.search(r"[/?#]", rest[later:])
            return later + after.start() if after else len(rest)
    return first.start()


def _host_port(text: str) -> tuple[str, int | None]:
    if text.startswith("[") and "]" in text:
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = text.partition(":")
    if not port:
        return host, None
    return host, int(port) if port.isdigit() and len(port) < 9 else -1
