"""Dockerfiles: stages, what the last one is based on, installs, exposes, sets, and how it checks its health."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dean_airflow.deployment.description.tree import Source
from dean_airflow.deployment.place import Place

_INSTALL = re.compile(
    r"\b(?:apt-get|apt|apk|yum|dnf|microdnf|zypper|pip3?|npm|tdnf)\s+(?:-\S+\s+)*(?:install|add|i)\b(.*)"
)
_OF_PYTHON_PACKAGES = frozenset({"celery", "airflow", "http"})
_FROM_LISTS = re.compile(r"\bpip3?\s+install\b.*(?:\s-r|\s--requirement|\s\.|\.whl)|\b(?:poetry|pipenv|pdm|uv)\s+\w+")


@dataclass(frozen=True)
class Instruction:
    """One instruction with its continuation lines joined."""

    word: str
    rest: str
    place: Place


@dataclass
class Dockerfile:
    """The instructions, and what they come to for the image that is built in the end."""

    source: Source
    instructions: list[Instruction] = field(default_factory=list)

    @property
    def stages(self) -> list[tuple[str, str, Place]]:
        """Image, name and place of each FROM; `ARG` defaults are filled in."""
        args: dict[str, str] = {}
        found = []
        for instruction in self.instructions:
            if instruction.word == "ARG":
                for part in instruction.rest.split():
                    name, _, value = part.partition("=")
                    args.setdefault(name, value.strip("'\""))
            elif instruction.word == "FROM":
                words = [word for word in instruction.rest.split() if not word.startswith("--")]
                if not words:
                    continue
                image = re.sub(
                    r"\$\{(\w+)(?::-([^}]*))?\}|\$(\w+)", lambda m: args.get(m[1] or m[3]) or m[2] or m[0], words[0]
                )
                name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
                found.append((image, name, instruction.place))
        return found

    def argument_of(self, stage: Place) -> tuple[Place, ...]:
        """Where the ARGs stand that a FROM is filled in with."""
        written = next((i.rest for i in self.instructions if i.word == "FROM" and i.place == stage), "")
        names = set(re.findall(r"\$\{?(\w+)", written))
        return tuple(
            i.place
            for i in self.instructions
            if i.word == "ARG" and names & {part.partition("=")[0] for part in i.rest.split()}
        )

    @property
    def base(self) -> str:
        """The image that the last stage comes from in the end; empty where none is named."""
        stages = self.stages
        if not stages:
            return ""
        named = {name: image for image, name, _ in stages if name}
        image = stages[-1][0]
        for _ in stages:
            image = named.get(image, image)
        return image

    @property
    def final(self) -> list[Instruction]:
        """The instructions of the last stage, and of the stages of this file it builds on."""
        stages: list[tuple[str, str, list[Instruction]]] = []
        for instruction in self.instructions:
            if instruction.word == "FROM":
                words = [word for word in instruction.rest.split() if not word.startswith("--")]
                name = words[2] if len(words) > 2 else ""
                stages.append((words[0] if words else "", name, []))
            elif stages:
                stages[-1][2].append(instruction)
        if not stages:
            return self.instructions
        by_name = {name: (base, own) for base, name, own in stages if name}
        base, _, out = stages[-1]
        for _ in stages:
            if base not in by_name:
                break
            base, own = by_name[base]
            out = own + out
        return out

    def all_of(self, word: str) -> list[Instruction]:
        return [instruction for instruction in self.final if instruction.word == word]

    @property
    def exposed(self) -> list[int]:
        environment = self.environment
        numbers = []
        for instruction in self.all_of("EXPOSE"):
            for part in instruction.rest.split():
                text = re.sub(r"\$\{?(\w+)\}?", lambda m: environment.get(m[1], ""), part).split("/")[0]
                if text.isdigit():
                    numbers.append(int(text))
        return numbers

    @property
    def environment(self) -> dict[str, str]:
        values: dict[str, str] = {}
        for instruction in self.instructions:
            if instruction.word in ("ENV", "ARG"):
                pairs = re.findall(r'(\w+)=("[^"]*"|\'[^\']*\'|\S*)', instruction.rest)
                if not pairs and instruction.word == "ENV" and " " in instruction.rest:
                    name, value = instruction.rest.split(None, 1)
                    pairs = [(name, value)]
                values.update({name: value.strip("'\"") for name, value in pairs})
        return values

    @property
    def health_check(self) -> Instruction | None:
        """The last HEALTHCHECK that is not NONE."""
        checks = self.all_of("HEALTHCHECK")
        return checks[-1] if checks and checks[-1].rest.strip().upper() != "NONE" else None

    @property
    def installs(self) -> str:
        """Everything its RUN and COPY instructions say, to look for packages in."""
        return "\n".join(instruction.rest for instruction in self.final if instruction.word in ("RUN", "COPY", "ADD"))

    def has_installed(self, tool: str) -> bool:
        packages = {
            "nc": "netcat|nmap-ncat|busybox-extras",
            "pg_isready": "postgresql-client|postgresql",
            "psql": "postgresql",
        }
        if tool in _OF_PYTHON_PACKAGES and _FROM_LISTS.search(self.installs):
            return True  # from a list, which is not read for what its packages bring
        words = rf"(?<![\w-])(?:{re.escape(tool)}|{packages.get(tool, re.escape(tool))})"
        return re.search(words, self.installs) is not None

    @property
    def command(self) -> str:
        return " ".join(i.rest for word in ("ENTRYPOINT", "CMD") for i in self.all_of(word)[-1:])


def parse_dockerfile(source: Source) -> Dockerfile:
    """Reads one; never raises."""
    parsed = Dockerfile(source)
    begun, rest, heredoc = 0, "", ""
    for number, line in enumerate(source.lines, 1):
        if heredoc:
            if line.strip() == heredoc:
                heredoc = ""
            else:
                last = parsed.instructions[-1]
                parsed.instructions[-1] = Instruction(last.word, f"{last.rest}\n{line}", last.place)
            continue
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        begun = begun or number
        rest += " " + stripped.removesuffix("\\").strip()
        if stripped.endswith("\\"):
            continue
        word, _, argument = rest.strip().partition(" ")
        parsed.instructions.append(Instruction(word.upper(), argument.strip(), source.at(begun)))
        opened = re.search(r"<<-?\s*['\"]?(\w+)['\"]?", argument) if word.upper() in ("RUN", "COPY") else None
        heredoc = opened[1] if opened else ""
        begun, rest = 0, ""
    return parsed
