"""Standard-library modules that are always there, whose import has no effect worth keeping late."""

from __future__ import annotations

import importlib
from types import BuiltinFunctionType, FunctionType, ModuleType

# Pure Python or part of every build of CPython 3.11 and later, on every platform.
ALWAYS_THERE = frozenset(
    {
        "abc", "argparse", "ast", "base", "binascii", "bisect", "calendar", "codecs", "collections",
        "collections.abc", "configparser", "contextlib", "copy", "csv", "dataclasses", "datetime",
        "decimal", "difflib", "enum", "errno", "fnmatch", "fractions", "functools", "getpass", "glob",
        "hashlib", "heapq", "html", "html.entities", "html.parser", "importlib", "inspect", "io",
        "itertools", "json", "keyword", "linecache", "locale", "logging", "math", "mimetypes", "numbers",
        "operator", "os", "os.path", "pathlib", "pickle", "pkgutil", "platform", "pprint", "queue",
        "random", "re", "reprlib", "shlex", "shutil", "signal", "socket", "stat", "statistics", "string",
        "struct", "subprocess", "sys", "tempfile", "textwrap", "threading", "time", "token", "tokenize",
        "traceback", "types", "typing", "unicodedata", "urllib", "urllib.parse", "uuid", "warnings",
        "weakref",
    }
)  # fmt: skip


def always_there(dotted: str) -> ModuleType | None:
    """The module, imported here, if it is one of `ALWAYS_THERE`."""
    return importlib.import_module(dotted) if dotted in ALWAYS_THERE else None


def fixed_callable(dotted: str, attribute: str) -> bool:
    """The attribute of such a module is a function or class: not something programs set, like `sys.stdout`."""
    module = always_there(dotted)
    value = getattr(module, attribute, None) if module else None
    return isinstance(value, FunctionType | BuiltinFunctionType | type)
