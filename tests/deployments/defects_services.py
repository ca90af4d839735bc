"""Seeded defects: compose, images, TLS and proxies (M44 to M70)."""

from __future__ import annotations

from dataclasses import replace

from .certificates import Authority, KeyPair, self_signed
from .defect import Change, Defect, Files, add, append, edit, remove, rename

PG = 'test: ["CMD-SHELL", "pg_isready -U ${POSTGRES_USER} -d ${POSTGRES_DB}"]'
CERTIFICATE, KEY = "certs/shop.crt", "certs/shop.key"


def certificate(pair: KeyPair, certificate_name: str, key_name: str) -> Change:
    """Puts another certificate and key in the place of a deployment's."""

    def change(files: Files) -> None:
        files[certificate_name] = replace(files[certificate_name], text=pair.certificate.decode(), kind="")
        files[key_name] = replace(files[key_name], text=pair.key.decode(), kind="")

    return change


def issued(
    days: float = 365, since: float = -400, bits: int = 0, hosts: tuple[str, ...] = ("shop.example.com",)
) -> KeyPair:
    return Authority.intermediate().issue(list(hosts), with_chain=True, days=days, since=since, bits=bits)


def alone(host: str) -> KeyPair:
    return Authority.intermediate().issue([host], with_chain=False)


def make_ca_a_leaf_of_nobody(files: Files) -> None:
    del files["certs/ca.crt"]


OTHER_KEY = self_signed(["other.example.com"]).key.decode()

DEFECTS = [
    Defect("M44", "minimal", (edit("compose.yaml", "    command:", "    comand:"),), "compose.yaml", "comand"),
    Defect("M44", "kafka_java", (edit("compose.yaml", 'ports: ["8080:8080"]', 'ports: "8080:8080"'),), "compose.yaml", 'ports: "8080:8080"', also=frozenset({"M38"})),
    Defect("M44", "profiles", (edit("compose.yaml", "  pg: {driver: local}", "  pgdata: {driver: local}"),), "compose.yaml", "source: pg"),
    Defect("M44", "traefik_node_mongo", (edit("compose.yaml", "${RABBIT_PASSWORD}@rabbit", "${RABBIT_PASSWORD@rabbit"),), "compose.yaml", "${RABBIT_PASSWORD@rabbit"),
    Defect("M44", "secrets_files", (edit("docker-compose.yml", "secrets: [postgres_password]\n    volumes", "secrets: [postgres_pasword]\n    volumes"),), "docker-compose.yml", "postgres_pasword"),
    Defect("M44", "haproxy_php", (edit("compose.yaml", "networks: {front: {}, back: {}}", "networks: {front: {}, back: {}, edge: {}}"),), "compose.yaml", "edge: {}"),
    Defect("M45", "kafka_java", (edit("compose.yaml", "depends_on: [kafka, orders-db]", "depends_on: [kafka, order-db]"),), "compose.yaml", "order-db]"),
    Defect("M45", "dean_stack", (edit("compose.yaml", "      redis: {condition: service_healthy}", "      cache: {condition: service_healthy}"),), "compose.yaml", "cache: {condition"),
    Defect("M46", "caddy_django", (edit("docker-compose.yml", "healthcheck: {test: redis-cli ping | grep -q PONG, start_period: 2s}", "healthcheck: {disable: true}"),), "docker-compose.yml", "redis: {condition: service_healthy}"),
    Defect("M46", "included", (edit("compose.yaml", "cache: {condition: service_started}", "cache: {condition: service_healthy}"), edit("infra/cache.yaml", "    healthcheck: {test: [CMD, valkey-cli, ping], start_period: 1s}\n", "")), "compose.yaml", "cache: {condition", also=frozenset({"M47"})),
    Defect("M47", "minimal", (edit("compose.yaml", "    restart: unless-stopped\n", ""),), "compose.yaml", "  app:"),
    Defect("M47", "monitoring", (edit("docker-compose.yaml", '      test: ["CMD-SHELL", "curl -sf http://localhost:3000/api/health || exit 1"]\n      start_period: 10s\n', '      test: ["CMD-SHELL", "curl -sf http://localhost:3000/api/health || exit 1"]\n'),), "docker-compose.yaml", "  grafana:"),
    Defect("M47", "evolution_suite", (edit("services/evolution/Dockerfile", "HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \\\n    CMD curl -fsS http://localhost:8083/health || exit 1\n", ""),), "compose.yaml", "  evolution-api:"),
    Defect("M48", "evolution_suite", (edit("compose.yaml", "dockerfile: Containerfile", "dockerfile: Dockerfile"),), "compose.yaml", "dockerfile: Dockerfile"),
    Defect("M48", "webapp_nginx_mariadb", (edit("compose.yml", "context: ./shop", "context: ./store"),), "compose.yml", "context: ./store"),
    Defect("M49", "webapp_nginx_mariadb", (edit("compose.yml", "./nginx/conf.d:", "./nginx/Conf.d:"),), "compose.yml", "Conf.d"),
    Defect("M49", "monitoring", (remove("monitoring/alertmanager.yml"),), "docker-compose.yaml", "./monitoring/alertmanager.yml"),
    Defect("M49", "sibling_infra", (edit("docker-compose.yml", "      - agent:/state", "      - agent:/state\n      - ../infra/agent:/etc/agent:ro"),), "docker-compose.yml", "../infra"),
    Defect("M50", "minimal", (edit("compose.yaml", "alpine:3.20", "alpine"),), "compose.yaml", "image: alpine"),
    Defect("M50", "sibling_infra", (edit("docker-compose.yml", "quay.io/acme/agent:v5", "quay.io:443/acme/agent"),), "docker-compose.yml", "quay.io"),
    Defect("M50", "evolution_suite", (edit("dashboard/Dockerfile", "FROM nginx:1.27-alpine", "FROM nginx:latest"),), "dashboard/Dockerfile", "nginx:latest"),
    Defect("M51", "dean_stack", (edit("compose.yaml", PG, 'test: ["CMD-SHELL", "curl -f http://localhost:5432 || exit 1"]'),), "compose.yaml", "curl"),
    Defect("M51", "webapp_nginx_mariadb", (edit("shop/Dockerfile", "RUN apt-get update \\\n    && apt-get install -y --no-install-recommends curl \\\n    && rm -rf /var/lib/apt/lists/*\n", ""),), "shop/Dockerfile", "HEALTHCHECK"),
    Defect("M51", "minimal", (edit("compose.yaml", "pgrep sleep", "curl -f http://x.example.com"),), "compose.yaml", "curl"),
    Defect("M52", "sibling_infra", (edit("docker-compose.yml", "    cpus: 0.25\n    mem_limit: 64m\n    logging: {driver: fluentd}\n  nats", "    privileged: true\n    mem_limit: 64m\n    logging: {driver: fluentd}\n  nats"),), "docker-compose.yml", "privileged"),
    Defect("M52", "traefik_node_mongo", (edit("compose.yaml", "      - ./tls:/tls:ro", "      - ./tls:/tls:ro\n      - /var/run/docker.sock:/var/run/docker.sock:ro"),), "compose.yaml", "docker.sock"),
    Defect("M52", "included", (edit("infra/db/compose.yaml", 'user: "999"', 'user: "0:0"'),), "infra/db/compose.yaml", "user:"),
    Defect("M53", "minimal", (edit("compose.yaml", "services:\n", 'version: "3.8"\nservices:\n'),), "compose.yaml", "version"),
    Defect("M53", "evolution_suite", (edit("compose.override.yaml", "services:\n", "version: '3'\nservices:\n"),), "compose.override.yaml", "version"),
    Defect("M54", "split_files", (edit(".env", "COMPOSE_FILE=deploy/base.yml:deploy/prod.yml", "COMPOSE_FILE=deploy/prod.yml"),), ".env", "COMPOSE_FILE", also=frozenset({"M47"})),
    Defect("M54", "evolution_suite", (add("deploy.sh", "#!/bin/sh\ndocker compose -f compose.override.yaml up -d\n", 0o755),), "deploy.sh", "-f compose.override.yaml"),
    Defect("M54", "evolution_suite", (remove("compose.yaml"),), "compose.override.yaml", "  evolution-api:", also=frozenset({"M11", "M47"})),
    Defect("M63", "production_tls", (edit("dean-deployment.yaml", "public_hosts: [dean.example.com]", "public_hosts: [dean.example.com, api.example.com]"),), "dean-deployment.yaml", "public_hosts"),
    Defect("M55", "dean_stack", (edit("compose.yaml", "    image: redis:7.2-alpine", "    image: redis:7.2-alpine\n    platform: linux/arm64"), append("dean-deployment.yaml", "platform: linux/amd64\n")), "compose.yaml", "platform"),
    Defect("M55", "processes", (add("compose.yaml", "services:\n  a:\n    image: acme/a:1\n    platform: linux/amd64\n    restart: always\n    mem_limit: 1g\n    healthcheck: {disable: true}\n    logging: {driver: local}\n"), append("dean-deployment.yaml", "platform: arm64\n")), "compose.yaml", "platform"),
    Defect("M56", "profiles", (edit("compose.yaml", "  pg:\n    image", "  pg:\n    container_name: app\n    image"),), "compose.yaml", "container_name: app"),
    Defect("M56", "kafka_java", (edit("compose.yaml", "  orders:\n", "  orders:\n    container_name: acme\n"), edit("compose.yaml", "  billing:\n", "  billing:\n    container_name: ${NAME:-acme}\n")), "compose.yaml", "${NAME"),
    Defect("M57", "dean_stack", (edit("scripts/deploy.sh", "docker compose pull\n", "docker compose pull\ndocker compose down --remove-orphans -v\n"),), "scripts/deploy.sh", "--remove-orphans -v"),
    Defect("M57", "split_files", (edit("Makefile", "\t$(COMPOSE) up -d\n", "\tdocker volume rm jobs_db\n\t$(COMPOSE) up -d\n"),), "Makefile", "volume rm"),
    Defect("M57", "caddy_django", (add("redeploy.sh", "#!/bin/sh\nset -e\ndocker system prune -f --volumes\ndocker compose up -d\n", 0o755),), "redeploy.sh", "prune"),
    Defect("M58", "kafka_java", (edit("compose.yaml", "  orders-db:\n", "  orders-db:\n    depends_on: [orders]\n"),), "compose.yaml", "depends_on: [orders]"),
    Defect("M58", "dean_stack", (edit("compose.yaml", "  redis:\n    <<: *ops\n", "  redis:\n    <<: *ops\n    depends_on: [evolution]\n"),), "compose.yaml", "depends_on: [evolution]"),
    Defect("M59", "webapp_nginx_mariadb", (edit("nginx/conf.d/shop.conf", "/etc/nginx/certs/shop.key", "/etc/nginx/certs/store.key"),), "nginx/conf.d/shop.conf", "store.key"),
    Defect("M59", "traefik_node_mongo", (rename("tls/privkey.pem", "tls/private.pem"),), "traefik/api.yml", "privkey.pem"),
    Defect("M59", "production_tls", (edit("compose.yaml", "./certs:/certs:ro", "./certs:/etc/certs:ro"),), "nginx/templates/site.conf.template", "ssl_certificate /certs"),
    Defect("M60", "webapp_nginx_mariadb", (certificate(issued(days=-2), CERTIFICATE, KEY),), CERTIFICATE, None),
    Defect("M60", "traefik_node_mongo", (certificate(issued(since=3, hosts=("*.example.net",)), "tls/fullchain.pem", "tls/privkey.pem"),), "tls/fullchain.pem", None),
    Defect("M61", "webapp_nginx_mariadb", (certificate(issued(days=20), CERTIFICATE, KEY),), CERTIFICATE, None, severity="warning"),
    Defect("M61", "production_tls", (certificate(issued(days=3, hosts=("dean.example.com",)), "certs/site.pem", "certs/site.key"),), "certs/site.pem", None, severity="error"),
    Defect("M62", "webapp_nginx_mariadb", (add(KEY, OTHER_KEY, 0o600),), KEY, None),
    Defect("M62", "gateway_apache", (add("httpd/server.key", OTHER_KEY, 0o600),), "httpd/server.key", None),
    Defect("M63", "traefik_node_mongo", (edit("traefik/api.yml", "api.example.net", "v1.api.example.net"),), "traefik/api.yml", "rule:"),
    Defect("M63", "webapp_nginx_mariadb", (certificate(issued(hosts=("www.example.com",)), CERTIFICATE, KEY),), CERTIFICATE, None),
    Defect("M63", "gateway_apache", (edit("httpd/httpd.conf", "    ServerName store.example.com\n    SSLEngine", "    ServerName shop.example.com\n    SSLEngine"),), "httpd/httpd.conf", "ServerName shop"),
    Defect("M64", "webapp_nginx_mariadb", (certificate(self_signed(["shop.example.com"]), CERTIFICATE, KEY),), CERTIFICATE, None, environment="production"),
    Defect("M64", "production_tls", (certificate(self_signed(["dean.example.com"]), "certs/site.pem", "certs/site.key"),), "certs/site.pem", None),
    Defect("M65", "gateway_apache", (certificate(alone("store.example.com"), "httpd/server.crt", "httpd/server.key"),), "httpd/server.crt", None),
    Defect("M65", "production_tls", (certificate(alone("dean.example.com"), "certs/site.pem", "certs/site.key"),), "certs/site.pem", None),
    Defect("M65", "production_tls", (edit("nginx/templates/site.conf.template", "ssl_certificate /certs/site.pem", "ssl_certificate /certs/site.pfx"), add("certs/site.pfx", "0\x82binary", 0o600)), "nginx/templates/site.conf.template", "site.pfx"),
    Defect("M66", "production_tls", (edit("nginx/templates/site.conf.template", "ssl_protocols TLSv1.3", "ssl_protocols TLSv1.1 TLSv1.2"),), "nginx/templates/site.conf.template", "ssl_protocols"),
    Defect("M66", "traefik_node_mongo", (edit("traefik/api.yml", "VersionTLS12", "VersionTLS10"),), "traefik/api.yml", "minVersion"),
    Defect("M66", "webapp_nginx_mariadb", (certificate(issued(bits=1024), CERTIFICATE, KEY),), CERTIFICATE, None),
    Defect("M67", "dean_stack", (edit("compose.yaml", "INDEXAGENT_URL: http://", "INDEXAGENT_URL: https://"),), "compose.yaml", "INDEXAGENT_URL"),
    Defect("M67", "monitoring", (edit("monitoring/grafana/provisioning/datasources/ds.yml", "http://prometheus", "https://prometheus"),), "monitoring/grafana/provisioning/datasources/ds.yml", "https://prometheus"),
    Defect("M68", "caddy_django", (edit("Caddyfile", "django:8000", "django:8080"),), "Caddyfile", "django:8080"),
    Defect("M68", "webapp_nginx_mariadb", (edit("nginx/conf.d/shop.conf", "server shop:5000", "server store:5000"),), "nginx/conf.d/shop.conf", "server store"),
    Defect("M68", "traefik_node_mongo", (edit("traefik/api.yml", "http://api:4000", "http://api:3000"),), "traefik/api.yml", "api:3000"),
    Defect("M68", "production_tls", (edit("compose.yaml", "API_HOST: api", "API_HOST: backend"),), "nginx/templates/site.conf.template", "proxy_pass", also=frozenset({"M31", "M68"})),
    Defect("M69", "webapp_nginx_mariadb", (edit("nginx/conf.d/shop.conf", "        proxy_set_header Upgrade $http_upgrade;\n", ""),), "nginx/conf.d/shop.conf", "location /ws/"),
    Defect("M69", "evolution_suite", (edit("dashboard/nginx.conf", '        proxy_set_header Connection "Upgrade";\n', ""),), "dashboard/nginx.conf", "location ~ ^/ws"),
    Defect("M70", "webapp_nginx_mariadb", (edit("nginx/conf.d/shop.conf", "return 301 https://$host$request_uri", "proxy_pass http://shop_backend"),), "nginx/conf.d/shop.conf", "listen 80;"),
    Defect("M70", "gateway_apache", (edit("httpd/httpd.conf", "    Redirect permanent / https://store.example.com/\n", ""),), "httpd/httpd.conf", "<VirtualHost *:80>"),
]  # fmt: skip
