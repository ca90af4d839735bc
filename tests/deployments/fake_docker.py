#!/usr/bin/env python3
"""Plays the docker command line as its documentation has it, as far as the backend uses it; no engine, no containers.

It lies in a folder on PATH and keeps its state beside itself: `state.json`, and `calls.jsonl` with each call. A service
whose environment says BROKEN=exit ends at once, BROKEN=unhealthy never becomes healthy. What is not known is refused.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATE, CALLS = HERE / "state.json", HERE / "calls.jsonl"
words = sys.argv[1:]
state = json.loads(STATE.read_text()) if STATE.exists() else {"containers": {}, "network": [], "volume": [], "next": 1}
with CALLS.open("a") as file:
    file.write(json.dumps(words) + "\n")


def fail(text: str, code: int = 1) -> None:
    sys.stderr.write(text + "\n")
    sys.exit(code)


def show(text: str) -> None:
    sys.stdout.write(text + "\n")


def keep() -> None:
    STATE.write_text(json.dumps(state))


def compose() -> None:
    if words[1:] == ["version", "--short"]:
        if (HERE / "no-compose").exists():
            fail("docker: 'compose' is not a docker command.")
        show("2.29.7")
        return
    options = dict(zip(words[1:9:2], words[2:9:2], strict=True))
    if sorted(options) != ["--env-file", "--file", "--project-directory", "--project-name"]:
        fail(f"unknown options {sorted(options)}", 125)
    project, document = options["--project-name"], json.loads(Path(options["--file"]).read_text())
    if document["name"] != project:
        fail("the project has another name")
    for kind in ("network", "volume"):
        for one in document.get(kind + "s", {}).values():
            if one["external"] and one["name"] not in state[kind]:
                fail(f"{kind} {one['name']} declared as external, but could not be found")
    command, rest = words[9], words[10:]
    mine = {name: one for name, one in state["containers"].items() if one["project"] == project}
    if command == "up" and rest[:3] == ["--detach", "--no-deps", "--no-build"]:
        (service,) = rest[3:]
        described = document["services"][service]
        ports = described.get("ports", [])
        for name, one in state["containers"].items():
            if ports and one["state"] == "running" and name not in mine and one["ports"] == ports:
                fail("Bind for 0.0.0.0 failed: port is already allocated")
        known = next(iter(mine), None)
        container = known or f"{state['next']:012x}"
        state["next"] += 1
        broken = described["environment"].get("BROKEN", "")
        state["containers"][container] = {
            "project": project,
            "service": service,
            "labels": described["labels"],
            "ports": ports,
            "state": "exited" if broken == "exit" else "running",
            "health": "unhealthy" if broken == "unhealthy" else "healthy" if "healthcheck" in described else "",
        }
    elif command == "ps" and rest[-2:] == ["--format", "json"]:
        for name, one in mine.items():
            if one["state"] == "running" or "--all" in rest:
                code = 1 if one["state"] == "exited" and one["health"] != "stopped" else 0
                show(
                    json.dumps(
                        {
                            "ID": name,
                            "Service": one["service"],
                            "State": one["state"],
                            "ExitCode": code,
                            "Health": one["health"] if one["state"] == "running" else "",
                            "Status": "Up",
                        }
                    )
                )
    elif command == "stop":
        for one in mine.values():
            one["state"], one["health"] = "exited", "stopped"
    elif (command == "rm" and rest[0] == "--force") or (command == "down" and not rest):
        for name in mine:
            del state["containers"][name]
    elif command != "build":
        fail(f"unknown command {words[9:]}", 125)
    keep()


def filtered() -> None:
    wanted = [word.removeprefix("label=").split("=", 1) for word in words if word.startswith("label=")]
    for name, one in state["containers"].items():
        if one["state"] == "running" and all(one["labels"].get(label) == value for label, value in wanted):
            show(name)


if words[0] == "compose":
    compose()
elif words[0] in ("network", "volume") and words[1] == "ls":
    show("\n".join(state[words[0]]))
elif words[0] in ("network", "volume") and words[1] == "create":
    state[words[0]].append(words[-1])
    keep()
elif words[:2] == ["volume", "rm"]:
    state["volume"].remove(words[2])
    keep()
elif words[:2] == ["ps", "--quiet"]:
    filtered()
elif words[:2] == ["inspect", "--format"] and words[3] in state["containers"]:
    show(json.dumps({"corner_default": {"IPAddress": ""}}))  # as of a container on the host's network
elif words[0] == "exec":
    if words[1] not in state["containers"]:
        fail("no such container")
    if words[2:] == ["nginx", "-t"] and (HERE / "bad-configuration").exists():
        fail("nginx: [emerg] host not found in upstream")
else:
    fail(f"docker: unknown command {words}", 125)
