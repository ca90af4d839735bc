"""Shell scripts as lines that can be searched: comments dropped, heredocs told apart, functions and guards known."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath

from dean_airflow.deployment.description.tree import Source

_HEREDOC = re.compile(r"(?<!<)<<(-?)\s*(?:'([^']+)'|\"([^\"]+)\"|\\?(\w+))")
_SHELL_BANG = re.compile(r"^#\\?!\s*\S*?(?:/|\s)(?:env\s+(?:-S\s+)?)?(ba|da|k|a)?sh\b")
_OTHER_BANG = re.compile(r"^#!.*\b(?:zsh|fish|python\d?|perl|node|ruby|pwsh)\b")
_SCRIPT_SUFFIXES = (".sh", ".bash", ".ksh")


def is_shell(source: Source) -> bool:
    """By its suffix, or by its first line where it has no suffix."""
    suffix = PurePath(source.name).suffix
    if suffix in _SCRIPT_SUFFIXES:
        return _OTHER_BANG.match(source.lines[0]) is None
    return suffix == "" and _SHELL_BANG.match(source.lines[0].lstrip("\ufeff")) is not None


@dataclass(frozen=True)
class Line:
    """A line of code without its comment; `guarded` where it runs only under a condition on an argument or answer."""

    number: int
    text: str
    function: str
    guarded: bool


@dataclass
class Script:
    """A parsed shell script. `stray` are lines that look like a heredoc's end without there being one."""

    source: Source
    lines: list[Line] = field(default_factory=list)
    heredocs: list[tuple[int, str, str]] = field(default_factory=list)
    stray: list[int] = field(default_factory=list)

    @cached_property
    def logical_lines(self) -> list[Line]:
        """Lines with their continuations joined."""
        joined: list[Line] = []
        held: Line | None = None
        for line in self.lines:
            text = f"{held.text} {line.text.strip()}" if held else line.text
            first = held or line
            held = None
            if text.rstrip().endswith("\\"):
                held = Line(first.number, text.rstrip()[:-1], first.function, first.guarded)
                continue
            joined.append(Line(first.number, text, first.function, first.guarded))
        return [*joined, held] if held else joined

    def runs_unguarded(self, function: str) -> bool:
        """Whether a function is called anywhere without a guard; one nobody here calls is taken to be."""
        calls = [line for line in self.lines if re.search(rf"(?<![\w-]){re.escape(function)}(?![\w(-])", line.text)]
        calls = [
            line
            for line in calls
            if not re.match(rf"\s*(function\s+)?{re.escape(function)}\s*\(?", line.text) or "(" not in line.text
        ]
        return any(not line.guarded for line in calls) or not calls


_ENDS = re.compile(r"^(?:EOF|EOT|EOL|EOSQL|EOS|HEREDOC|_EOF_|__EOF__|ENDOFFILE|EOSCRIPT|END_OF_FILE)\s*$")
_ARGUMENT = re.compile(
    r"\$\{?[1-9@#*]|\$#|--\w|\$\{?\w*(?:FORCE|CONFIRM|YES|DESTROY|PURGE|WIPE|RESET|CLEAN|REMOVE|DELETE|"
    r"VOLUME|ANSWER|REPLY|ARG|OPT|answer|reply|confirm|force|choice|reset|destroy|purge|wipe)\w*"
)


def parse_script(source: Source) -> Script:
    """Reads one; never raises."""
    script = Script(source)
    waiting: list[tuple[bool, str, int]] = []
    body: list[str] = []
    guards: list[bool] = []
    function, depth = "", 0
    for number, raw in enumerate(source.lines, 1):
        if waiting:
            dashed, word, begun = waiting[0]
            if (raw.lstrip("\t") if dashed else raw).rstrip("\r") == word:
                script.heredocs.append((begun, word, "\n".join(body)))
                waiting.pop(0)
                body = []
            else:
                body.append(raw)
            continue
        if _ENDS.match(raw):
            script.stray.append(number)
            continue
        text = _without_comment(raw)
        opened = re.match(r"\s*(?:function\s+)?([\w-]+)\s*\(\s*\)\s*\{?|\s*function\s+([\w-]+)\s*\{?", text)
        if opened and not function:
            function, depth = opened[1] or opened[2], 0
        depth += text.count("{") - text.count("}") - text.count("${") + len(re.findall(r"\$\{[^}]*\}", text))
        stripped = text.strip()
        if re.match(r"(?:fi|esac)\b", stripped) and guards:
            guards.pop()
        if re.match(r"if\b", stripped) and not re.search(r"\bfi\s*;?\s*$", stripped):
            guards.append(bool(_ARGUMENT.search(stripped)))
        elif re.match(r"case\b", stripped) and "esac" not in stripped:
            guards.append(bool(_ARGUMENT.search(stripped)) or "$" in stripped)
        elif re.match(r"else\b", stripped) and guards and guards[-1]:
            guards[-1] = False
        inline = bool(
            re.search(r"(?:\[\[?|test)\s.*?(?:\]\]?)?\s*&&", stripped) and _ARGUMENT.search(stripped.split("&&")[0])
        )
        script.lines.append(Line(number, text, function, any(guards) or inline))
        if function and depth <= 0 and "}" in text:
            function = ""
        for match in _HEREDOC.finditer(text):
            waiting.append((bool(match[1]), match[2] or match[3] or match[4], number))  # noqa: PERF401
    return script


def _without_comment(line: str) -> str:
    """The line up to a `#` that begins a word outside quotes."""
    quote = ""
    for at, char in enumerate(line):
        if quote:
            if char == quote and (quote == "'" or line[at - 1] != "\\"):
                quote = ""
        elif char in "'\"" and (at == 0 or line[at - 1] != "\\"):
            quote = char
        elif char == "#" and (at == 0 or line[at - 1] in " \t;"):
            return line[:at]
    return line
