"""Renders templates; a program of its own that may use little memory and time, and reaches nothing.

Run as `python -I child.py MEGABYTES SECONDS OUTPUT`. One JSON object comes in, `{variables, templates: [[name,
text]]}`, and one goes out: `{rendered: [text]}`, or `{line, name, problem, what}` of the first that cannot be.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from typing import Any


class TooLong(Exception):
    """More comes out of a template than a configuration file holds."""


def main() -> None:
    megabytes, seconds, output = (int(text) for text in sys.argv[1:4])
    asked = json.loads(sys.stdin.buffer.read())
    # Imported before the limits: what is imported is not the template's doing.
    environment = make_environment()
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    rendered = []
    for name, text in asked["templates"]:
        try:
            rendered.append(render(environment, name, text, asked["variables"], output))
        except BaseException as error:
            answer(explained(error, name, text))
            return
    answer({"rendered": rendered})


def answer(data: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(data))


def make_environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    environment.globals = {}
    for text in ("{{ x }}", "{{ ''.__class__ }}", "{{"):  # imports what Jinja imports only when something is wrong
        try:
            render(environment, "", text, {}, 1)
        except Exception as error:
            explained(error, "", text)
    return environment


def render(environment: Any, name: str, text: str, variables: dict[str, Any], output: int) -> str:
    code = environment.compile(text, name=name, filename=name)
    template = environment.template_class.from_code(environment, code, dict(environment.globals))
    return "".join(limited(template.generate(variables), output))


def limited(pieces: Iterator[str], output: int) -> Iterator[str]:
    for piece in pieces:
        output -= len(piece)
        if output < 0:
            raise TooLong
        yield piece


def explained(error: BaseException, name: str, text: str) -> dict[str, Any]:
    """What went wrong, without any text that might hold a variable's value."""
    from jinja2 import TemplateSyntaxError, UndefinedError
    from jinja2.exceptions import SecurityError

    line = getattr(error, "lineno", None) or line_of(error, name)
    found: dict[str, Any] = {"line": line, "name": name, "what": ""}
    if isinstance(error, TemplateSyntaxError):
        return found | {"problem": "syntax", "what": error.message or ""}
    if isinstance(error, SecurityError):
        return found | {"problem": "system"}
    if isinstance(error, UndefinedError):
        return found | {"problem": "undefined", "what": undefined_name(error, text)}
    if isinstance(error, TooLong | MemoryError | RecursionError | OverflowError):
        return found | {"problem": "size"}
    return found | {"problem": "other", "what": type(error).__name__}


def undefined_name(error: BaseException, text: str) -> str:
    """From Jinja's `'x' is undefined` and `'dict object' has no attribute 'x'`: a name that the template holds.

    One that it does not hold was made of variables' values, and is not for a message.
    """
    quoted = str(error).split("'")[1::2]
    return quoted[-1] if quoted and quoted[-1] in text else "?"


def line_of(error: BaseException, name: str) -> int | None:
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


if __name__ == "__main__":
    main()
