"""How compose lays one mapping over another: base and override files, a service and the one it extends."""

from __future__ import annotations

from dean_airflow.deployment.description.node import Node

_REPLACED = frozenset({"command", "entrypoint", "test"})
_BY_TARGET = frozenset({"volumes", "devices", "secrets", "configs"})
_MAPPED = frozenset(
    {"environment", "labels", "annotations", "sysctls", "args", "driver_opts", "extra_hosts", "depends_on", "networks"}
)


def merged(base: Node, over: Node, name: str = "", depth: int = 0) -> Node:
    """`base` with `over` laid on it. Names below `over` win; lists grow, but for commands; tags are obeyed."""
    if over.tag == "!override" or (over.value is None and base.is_map and depth > 1):
        return over if over.tag else base
    if base.is_map and over.is_map:
        return over.with_value(_merged_map(base, over, depth))
    if name in _MAPPED and depth >= 2:
        left, right = as_mapping(base), as_mapping(over)
        if left.is_map and right.is_map:
            return over.with_value(_merged_map(left, right, depth))
    if base.is_list and over.is_list and name not in _REPLACED:
        return over.with_value(_merged_list(base.value, over.value, name))
    return over


def _merged_map(base: Node, over: Node, depth: int) -> dict[str, Node]:
    out: dict[str, Node] = dict(base.value)
    for name, node in over.items():
        if node.tag == "!reset":
            out.pop(name, None)
        elif name in out:
            laid = merged(out[name], node, name, depth + 1)
            out[name] = Node(laid.value, laid.place, out[name].key or node.key, laid.tag, laid.raw, laid.uses)
            if not node.is_map:
                out[name].key = node.key
        else:
            out[name] = node
    return out


def _merged_list(base: list[Node], over: list[Node], name: str) -> list[Node]:
    if name in _BY_TARGET:
        over_targets = {_target(entry) for entry in over}
        return [entry for entry in base if _target(entry) not in over_targets] + over
    seen = {_written(entry) for entry in base}
    return base + [entry for entry in over if _written(entry) not in seen]


def _target(entry: Node) -> str:
    if entry.is_map:
        target = entry.get("target") or entry.get("source")
        return target.text if target else ""
    parts = entry.text.split(":")
    return parts[1] if len(parts) > 1 and not parts[1].startswith("\\") else parts[0]


def _written(entry: Node) -> str:
    return str(entry.plain())


def as_mapping(node: Node) -> Node:
    """The list form of `environment`, `labels`, `depends_on`, `networks` and the like as its mapping form."""
    if not node.is_list:
        return node
    out: dict[str, Node] = {}
    for entry in node.value:
        if entry.is_map:
            out.update(entry.value)
            continue
        name, separator, _ = entry.text.partition("=")
        if not separator and ":" in name and "/" not in name:
            name, separator, _ = entry.text.partition(":")
        out[name.strip()] = _value_part(entry, len(name) + 1) if separator else Node(None, entry.place, entry.place)
    return Node(out, node.place, node.key)


def _value_part(entry: Node, start: int) -> Node:
    """What follows `NAME=` in an entry, with the uses that lie in it moved accordingly."""
    from dataclasses import replace

    uses = tuple(replace(use, start=use.start - start, end=use.end - start) for use in entry.uses if use.end >= start)
    raw_at = entry.raw.find("=") if "=" in entry.raw else entry.raw.find(":")
    return Node(entry.text[start:], entry.place, entry.place, raw=entry.raw[raw_at + 1 :], uses=uses)
