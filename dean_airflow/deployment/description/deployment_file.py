"""`dean-deployment.yaml`: what compose cannot say. Every key is optional, and wins over what is found elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from dean_airflow.deployment.description.node import Node
from dean_airflow.deployment.description.tree import Source, Tree
from dean_airflow.deployment.description.yaml_file import parse_yaml
from dean_airflow.deployment.place import Place, Problem

NAMES = ("dean-deployment.yaml", "dean-deployment.yml")
ENVIRONMENTS = ("local", "staging", "production")
KEYS = frozenset(
    {"environment", "platform", "required_gb", "required_env", "features", "modules", "init_scripts", "directories"}
    | {"public_hosts", "services", "secrets", "migrations", "backups", "health", "airflow", "ignores", "compose_files"}
    | {"references", "order", "hooks", "canary", "backend", "balancer", "strategy", "name"}
    | {"secrets_file", "template_vars", "templates"}
)


@dataclass
class DeploymentFile:
    """The file's facts; an absent file has none."""

    source: Source | None
    root: Node
    problems: list[Problem] = field(default_factory=list)

    def get(self, *names: str) -> Node | None:
        return self.root.get(*names)

    def text(self, *names: str) -> str:
        node = self.root.get(*names)
        return node.text if node is not None else ""

    def has(self, name: str) -> bool:
        return self.root.get(name) is not None

    def entries(self, *names: str) -> list[Node]:
        node = self.root.get(*names)
        return list(node.entries()) if node is not None else []


def read_deployment_file(tree: Tree) -> DeploymentFile:
    """Reads it, if there is one. Never raises: what is wrong becomes a problem."""
    source = next((found for name in NAMES if (found := tree.source(tree.root / name)) is not None), None)
    empty = Node({}, Place(NAMES[0]))
    if source is None:
        return DeploymentFile(None, empty)
    document = parse_yaml(source)
    problems = list(document.problems)
    root = document.root
    if root is None or root.value is None:
        return DeploymentFile(source, empty, problems)
    if not root.is_map:
        problems.append(Problem("M44", root.place, f"{source.name} is no mapping of names to facts."))
        return DeploymentFile(source, empty, problems)
    for name, node in root.items():
        if name not in KEYS and not name.startswith("x-"):
            problems.append(Problem("M44", node.named, f"{source.name} has a key `{name}` that nothing reads."))
    environment = root.get("environment")
    if environment is not None and environment.text not in ENVIRONMENTS:
        what = f"`environment` of {source.name} must be one of {', '.join(ENVIRONMENTS)}."
        problems.append(Problem("M44", environment.place, what))
    return DeploymentFile(source, root, problems)
