"""What is known of images: their names taken apart, what they run, listen on and speak.

Only widely used images are in the tables; of others nothing is known, and nothing is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

from dean_airflow.deployment.description.addresses import LOCALHOST


@dataclass(frozen=True, slots=True)
class ImageName:
    """`repository` without registry and tag, `name` its last part; `tag` and `digest` empty where not given."""

    registry: str
    repository: str
    tag: str
    digest: str

    @property
    def name(self) -> str:
        return self.repository.rpartition("/")[2]

    @property
    def is_official(self) -> bool:
        return self.registry in ("", "docker.io", "index.docker.io", "public.ecr.aws") and (
            "/" not in self.repository or self.repository.startswith(("library/", "docker/library/"))
        )


def parse_image(text: str) -> ImageName:
    """An image reference; a colon before a registry's port begins no tag."""
    rest, _, digest = text.strip().partition("@")
    head, slash, tail = rest.partition("/")
    registry = head if slash and ("." in head or ":" in head or head == LOCALHOST) else ""
    path = tail if registry else rest
    repository, colon, tag = path.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = path, ""
    return ImageName(registry, repository, tag, digest)


_KINDS: dict[str, tuple[str, ...]] = {
    "postgres": ("postgres", "postgresql", "postgis", "pgvector", "timescaledb", "timescaledb-ha", "supabase-postgres"),
    "mysql": ("mysql", "mariadb", "mysql-server", "percona", "percona-server"),
    "redis": ("redis", "valkey", "keydb", "redis-stack", "redis-stack-server", "dragonfly"),
    "mongo": ("mongo", "mongodb", "mongodb-community-server"),
    "rabbitmq": ("rabbitmq",),
    "memcached": ("memcached",),
    "elasticsearch": ("elasticsearch", "opensearch"),
    "clickhouse": ("clickhouse-server", "clickhouse"),
    "cassandra": ("cassandra", "scylla"),
    "influxdb": ("influxdb",),
    "neo4j": ("neo4j",),
    "mssql": ("server",),
    "nginx": ("nginx", "nginx-unprivileged", "openresty"),
    "traefik": ("traefik",),
    "caddy": ("caddy",),
    "haproxy": ("haproxy",),
    "httpd": ("httpd",),
    "envoy": ("envoy",),
    "prometheus": ("prometheus",),
    "alertmanager": ("alertmanager",),
    "grafana": ("grafana", "grafana-oss", "grafana-enterprise"),
    "loki": ("loki",),
    "promtail": ("promtail",),
    "airflow": ("airflow",),
    "minio": ("minio",),
    "kafka": ("kafka", "cp-kafka"),
    "zookeeper": ("zookeeper", "cp-zookeeper"),
    "vault": ("vault",),
    "keycloak": ("keycloak",),
    "python": ("python",),
    "node": ("node",),
    "alpine": ("alpine",),
    "busybox": ("busybox",),
    "debian": ("debian",),
    "ubuntu": ("ubuntu",),
    "statsd": ("statsd-exporter",),
    "adminer": ("adminer",),
    "pgadmin": ("pgadmin4",),
    "pgbouncer": ("pgbouncer",),
    "mailhog": ("mailhog",),
    "mailpit": ("mailpit",),
    "nats": ("nats",),
    "consul": ("consul",),
    "etcd": ("etcd",),
    "otel": ("opentelemetry-collector", "opentelemetry-collector-contrib"),
    "jaeger": ("jaeger", "all-in-one"),
    "flower": ("flower",),
    "qdrant": ("qdrant",),
    "registry": ("registry",),
    "localstack": ("localstack",),
    "temporal": ("temporal", "auto-setup"),
    "ollama": ("ollama",),
    "wordpress": ("wordpress",),
    "phpmyadmin": ("phpmyadmin",),
    "node-exporter": ("node-exporter",),
    "cadvisor": ("cadvisor",),
    "postgres-exporter": ("postgres-exporter",),
    "redis-exporter": ("redis_exporter",),
    "mlflow": ("mlflow",),
    "couchdb": ("couchdb",),
}
_NAMED = {name: kind for kind, names in _KINDS.items() for name in names}

DATABASES = frozenset(
    {"postgres", "mysql", "redis", "mongo", "memcached", "elasticsearch", "clickhouse", "cassandra"}
    | {"influxdb", "neo4j", "mssql", "etcd", "qdrant", "couchdb"}
)
PROXIES = frozenset({"nginx", "traefik", "caddy", "haproxy", "httpd", "envoy"})

_PORTS: dict[str, frozenset[int]] = {
    "postgres": frozenset({5432}),
    "mysql": frozenset({3306, 33060}),
    "redis": frozenset({6379}),
    "mongo": frozenset({27017}),
    "rabbitmq": frozenset({5672, 5671, 15672, 15671, 15692, 25672, 4369, 1883, 61613}),
    "memcached": frozenset({11211}),
    "elasticsearch": frozenset({9200, 9300, 9600}),
    "clickhouse": frozenset({8123, 9000, 9009, 8443, 9440}),
    "cassandra": frozenset({9042, 7000, 7001, 7199, 9160}),
    "influxdb": frozenset({8086, 8088}),
    "neo4j": frozenset({7474, 7473, 7687}),
    "prometheus": frozenset({9090}),
    "alertmanager": frozenset({9093, 9094}),
    "grafana": frozenset({3000}),
    "loki": frozenset({3100, 9095, 9096}),
    "minio": frozenset({9000, 9001}),
    "keycloak": frozenset({8080, 8443, 9000}),
    "vault": frozenset({8200, 8201}),
    "zookeeper": frozenset({2181, 2888, 3888, 8080}),
    "statsd": frozenset({9102, 9125, 8125}),
    "adminer": frozenset({8080}),
    "pgbouncer": frozenset({5432, 6432}),
    "mailhog": frozenset({1025, 8025}),
    "mailpit": frozenset({1025, 8025, 1110}),
    "nats": frozenset({4222, 6222, 8222}),
    "consul": frozenset({8300, 8301, 8302, 8500, 8600, 8502}),
    "etcd": frozenset({2379, 2380}),
    "otel": frozenset({4317, 4318, 8888, 8889, 13133, 55679, 1777}),
    "jaeger": frozenset({16686, 14250, 14268, 14269, 4317, 4318, 6831, 6832, 9411, 5778}),
    "flower": frozenset({5555}),
    "qdrant": frozenset({6333, 6334, 6335}),
    "registry": frozenset({5000, 5001}),
    "localstack": frozenset({4566}),
    "temporal": frozenset({7233, 7234, 7235, 7239, 8233}),
    "ollama": frozenset({11434}),
    "wordpress": frozenset({80, 9000}),
    "phpmyadmin": frozenset({80}),
    "node-exporter": frozenset({9100}),
    "cadvisor": frozenset({8080}),
    "postgres-exporter": frozenset({9187}),
    "redis-exporter": frozenset({9121}),
    "couchdb": frozenset({5984, 4369, 9100}),
}
_SPEAKS: dict[tuple[str, int], str] = {
    ("prometheus", 9090): "http",
    ("alertmanager", 9093): "http",
    ("grafana", 3000): "http",
    ("loki", 3100): "http",
    ("influxdb", 8086): "http",
    ("minio", 9000): "http",
    ("minio", 9001): "http",
    ("rabbitmq", 15672): "http",
    ("clickhouse", 8123): "http",
    ("clickhouse", 8443): "https",
    ("neo4j", 7474): "http",
    ("neo4j", 7473): "https",
    ("keycloak", 8443): "https",
    ("adminer", 8080): "http",
    ("airflow", 8080): "http",
    ("mailhog", 8025): "http",
    ("mailpit", 8025): "http",
}
_MAX_CONNECTIONS = {"postgres": 100, "mysql": 151}
_HEALTHY_BY_THEMSELVES = frozenset(
    {
        "mssql-healthy",
        "portainer",
        "plex",
        "pihole",
        "home-assistant",
        "vaultwarden",
        "gitlab-ce",
        "gitlab-ee",
        "netdata",
    }
    | {"cadvisor", "photoprism", "mailserver", "docker-mailserver", "pms-docker", "mailpit", "webdriver"}
)


def kind_of(image: str) -> str:
    """What an image runs, empty where it is not known."""
    parsed = parse_image(image)
    kind = _NAMED.get(parsed.name, "")
    if kind == "mssql":
        return "mssql" if "mssql" in parsed.repository else ""
    if kind == "airflow" and parsed.repository not in ("apache/airflow", "bitnami/airflow", "airflow"):
        return "airflow" if parsed.name == "airflow" else ""
    return kind


def ports_of(kind: str) -> frozenset[int]:
    """Container ports an image listens on by default; empty where not known."""
    return _PORTS.get(kind, frozenset())


_ADMIN_PORTS = {
    "caddy": frozenset({2019}),
    "traefik": frozenset({8080, 8082}),
    "haproxy": frozenset({8404, 8405, 1936}),
    "envoy": frozenset({9901}),
    "nginx": frozenset({80, 8080, 8081}),
    "airflow": frozenset({8974, 8793, 8794, 8080}),
    "keycloak": frozenset({9000}),
}


def admin_ports_of(kind: str) -> frozenset[int]:
    """Ports for health checks and the like, which are never published."""
    return _ADMIN_PORTS.get(kind, frozenset())


def protocol_of(kind: str, port: int) -> str:
    """`http` or `https` where the image's port is known to speak it."""
    return _SPEAKS.get((kind, port), "")


def default_connections(kind: str) -> int | None:
    return _MAX_CONNECTIONS.get(kind)


def has_own_health_check(image: str) -> bool:
    return parse_image(image).name in _HEALTHY_BY_THEMSELVES
