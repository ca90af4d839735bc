"""Rules that the package's source is held to: who may open connections, what asynchronous code may not call, and where
addresses may be written. Each finds places as `line: what`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

OPENERS = {
    "aiohttp.ClientSession", "aiohttp.request", "aiohttp.TCPConnector",
    "httpx.Client", "httpx.AsyncClient", "httpx.get", "httpx.post", "httpx.request", "httpx.stream",
    "requests.Session", "requests.get", "requests.post", "requests.put", "requests.request",
    "urllib.request.urlopen", "urllib.request.build_opener", "urllib.request.urlretrieve",
    "urllib3.PoolManager", "http.client.HTTPConnection", "http.client.HTTPSConnection",
    "websockets.connect", "websockets.sync.client.connect", "websockets.asyncio.client.connect",
    "websocket.create_connection", "socket.create_connection", "asyncio.open_connection",
    "ftplib.FTP", "smtplib.SMTP", "telnetlib.Telnet", "xmlrpc.client.ServerProxy",
    "airflow.providers.http.hooks.http.HttpHook", "airflow.providers.http.hooks.http.HttpAsyncHook",
}  # fmt: skip
"""What opens a connection to somewhere else, by its full name."""
_LOOP_OPENERS = {"create_connection", "sock_connect", "create_datagram_endpoint"}

BLOCKERS = {
    "time.sleep", "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output",
    "subprocess.Popen", "os.system", "os.wait", "os.waitpid", "socket.getaddrinfo", "socket.gethostbyname",
    "shutil.copytree", "shutil.rmtree", "shutil.copyfile", "sqlite3.connect", "sqlalchemy.create_engine",
}  # fmt: skip
_BLOCKING_METHODS = {
    "read_text",
    "write_text",
    "read_bytes",
    "write_bytes",
    "mkdir",
    "unlink",
    "iterdir",
    "glob",
    "rglob",
}
_STORES = {"store", "_store", "database", "_database"}

_ADDRESS = re.compile(r"\b(?:https?|wss?|postgres(?:ql)?|redis)://(?:[\w-]+\.[\w.-]+|localhost|[\w.-]+:\d+)")
_HOST = re.compile(r"\A(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|\[?::1\]?)(?::\d+)?\Z")
_SOCKET_CALLS = {"connect", "bind", "create_connection", "create_server"}
_PORTS = {80, 443, 3000, 5000, 5432, 5433, 6379, 8000, *range(8080, 8100), 8443, 8793, 9000, 9090, 9091, 9200}


def opened_connections(tree: ast.Module) -> Iterator[str]:
    """Connections opened, or the means to, imported."""
    names = _imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = _full_name(node.func, names)
            last = called.rpartition(".")[2]
            if called in OPENERS or (last in _LOOP_OPENERS and "." in called):
                yield f"{node.lineno}: {called}"
        elif isinstance(node, ast.ClassDef):
            for base in node.bases:
                if _full_name(base, names) in OPENERS:
                    yield f"{node.lineno}: {_full_name(base, names)}"


def blocking_calls(tree: ast.Module) -> Iterator[str]:
    """Calls that wait, made by coroutines themselves: what is handed to a thread is not called there."""
    names = _imports(tree)
    for function in ast.walk(tree):
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        for call in _own_calls(function):
            called = _full_name(call.func, names)
            parts = called.split(".")
            waits = called in BLOCKERS or called == "~open" or (len(parts) > 1 and parts[-1] in _BLOCKING_METHODS)
            asks_the_store = called.startswith("~") and len(parts) > 2 and bool(_STORES & set(_plain(parts[:-2])))
            if waits or asks_the_store:
                yield f"{call.lineno}: {called.removeprefix('~')}"


def addresses(tree: ast.Module) -> Iterator[str]:
    """Hosts, URLs and ports written into the code; docstrings may give examples."""
    told = {id(node) for node in _docstrings(tree)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in told:
            continue
        value = node.value
        if isinstance(value, str) and (_ADDRESS.search(value) or _HOST.match(value)):
            yield f"{node.lineno}: {value[:60]!r}"
        elif type(value) is int and value in _PORTS and _is_port(node, tree):
            yield f"{node.lineno}: port {value}"


def _is_port(node: ast.Constant, tree: ast.Module) -> bool:
    """Whether something called port gets this number."""
    for parent in ast.walk(tree):
        if isinstance(parent, ast.keyword) and parent.value is node:
            return "port" in (parent.arg or "").lower()
        if isinstance(parent, ast.Assign | ast.AnnAssign) and parent.value is node:
            targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
            return any("port" in ast.unparse(target).lower() for target in targets)
        if isinstance(parent, ast.arguments) and node in [*parent.defaults, *parent.kw_defaults]:
            positional = [*parent.posonlyargs, *parent.args]
            last = positional[len(positional) - len(parent.defaults) :]
            named = zip([*last, *parent.kwonlyargs], [*parent.defaults, *parent.kw_defaults], strict=True)
            return any("port" in argument.arg for argument, default in named if default is node)
        if isinstance(parent, ast.Call) and _full_name(parent.func, {}).rpartition(".")[2].strip("~") in _SOCKET_CALLS:
            return any(isinstance(pair, ast.Tuple) and node in pair.elts for pair in parent.args)
    return False


def _imports(tree: ast.Module) -> dict[str, str]:
    """The full names that local names stand for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _plain(parts: list[str]) -> Iterator[str]:
    return (part.removeprefix("~") for part in parts)


def _full_name(node: ast.expr, names: dict[str, str]) -> str:
    """What is not imported begins with a tilde: it is local, or built in."""
    if isinstance(node, ast.Name):
        return names.get(node.id, f"~{node.id}")
    if isinstance(node, ast.Attribute):
        return f"{_full_name(node.value, names)}.{node.attr}"
    if isinstance(node, ast.Call):
        return f"{_full_name(node.func, names)}()"
    return "?"


def _own_calls(function: ast.AsyncFunctionDef) -> Iterator[ast.Call]:
    """Those of the coroutine itself, without functions and lambdas defined in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.Await):  # awaited, it does not block, though its arguments may
            inner = node.value
            waiting += (
                inner.args + [keyword.value for keyword in inner.keywords] if isinstance(inner, ast.Call) else [inner]
            )
            continue
        if isinstance(node, ast.Call):
            yield node
        waiting += ast.iter_child_nodes(node)


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Strings that stand alone: of modules, classes, functions, and of the names above them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
