"""Seeded defects of a swarm stack, a Django shop, an atelier and bare units, written from the wording of the rows alone."""

from __future__ import annotations

from .defect import Defect, add, append, edit, mode, remove

_ENV = "环境.env"
_SITE = "apache/site.conf"

DEFECTS: list[Defect] = [
    Defect("M10", "rabbit_mongo_celery", (remove(_ENV),), "docker-compose.yml", _ENV),
    Defect("M12", "rabbit_mongo_celery", (edit("docker-compose.yml", "@broker:5672/shop", "@broker:5672/$RABBIT_VHOST"),), "docker-compose.yml", "$RABBIT_VHOST"),
    Defect("M13", "rabbit_mongo_celery", (edit(_ENV, "@secret:72:django@", "replace-me"),), _ENV, "DJANGO_SECRET_KEY"),
    Defect("M14", "rabbit_mongo_celery", (edit(".env", "@secret:40:mongo@", "short1Aa"),), ".env", "MONGO_PASS"),
    Defect("M14", "rabbit_mongo_celery", (edit(_ENV, "@secret:72:django@", "@secret:50:django@"),), _ENV, "DJANGO_SECRET_KEY", severity="warning"),
    Defect("M16", "rabbit_mongo_celery", (mode(_ENV, 0o640),), _ENV, None),
    Defect("M17", "rabbit_mongo_celery", (edit(".env", "@secret:40:mongo@", "@secret:40:rabbit@"),), ".env", "MONGO_PASS"),
    Defect("M21", "rabbit_mongo_celery", (edit(_ENV, "EMAIL_PORT=587", "EMAIL_PORT=smtp"),), _ENV, "EMAIL_PORT"),
    Defect("M31", "rabbit_mongo_celery", (edit("docker-compose.yml", "@mongo:27017", "@mongodb:27017"),), "docker-compose.yml", "MONGO_URL"),
    Defect("M31", "rabbit_mongo_celery", (edit("docker-compose.yml", "http://search:9200", "http://localhost:9200"),), "docker-compose.yml", "ELASTICSEARCH_HOSTS"),
    Defect("M35", "rabbit_mongo_celery", (edit("docker-compose.yml", "amqp://${RABBIT_USER}", "redis://${RABBIT_USER}"),), "docker-compose.yml", "CELERY_BROKER_URL"),
    Defect("M38", "rabbit_mongo_celery", (edit("docker-compose.yml", "@mongo:27017", "@mongo:27018"),), "docker-compose.yml", "MONGO_URL"),
    Defect("M48", "rabbit_mongo_celery", (edit("docker-compose.yml", "../docker/app.Dockerfile", "docker/app.Dockerfile"),), "docker-compose.yml", "dockerfile:"),
    Defect("M49", "rabbit_mongo_celery", (edit("docker-compose.yml", "./数据:/import", "./资料:/import"),), "docker-compose.yml", "./资料"),
    Defect("M51", "rabbit_mongo_celery", (edit("docker-compose.yml", "celery -A shop inspect ping -d celery@$$HOSTNAME", "curl -sf http://localhost:8000"),), "docker-compose.yml", "curl -sf http://localhost:8000"),
    Defect("M68", "rabbit_mongo_celery", (edit(_SITE, '"/" "http://django:8000/"\n    ProxyPassReverse', '"/" "http://django:8080/"\n    ProxyPassReverse'),), _SITE, "django:8080"),
    Defect("M86", "rabbit_mongo_celery", (edit("应用/requirements-base.txt", "Django==5.1.3", "Django~=5.1"),), "应用/requirements-base.txt", "Django"),
    Defect("M01", "swarm_stack", (edit("gateway.conf", "server {\n    listen 8080", "\ufeffserver {\n    listen 8080"),), "gateway.conf", None),
    Defect("M03", "swarm_stack", (edit("stack.sh", "usage() {\n", "usage() {\r\n"),), "stack.sh", "usage() {"),
    Defect("M06", "swarm_stack", (edit("stack.sh", "#!/usr", "#\\!/usr"),), "stack.sh", "/usr/bin/env"),
    Defect("M08", "swarm_stack", (edit("docker-compose.yml", "./gateway.conf", "./gateway.cnf"),), "docker-compose.yml", "gateway.cnf"),
    Defect("M39", "swarm_stack", (edit("docker-compose.yml", "published: 8080", "published: 800"),), "docker-compose.yml", "published: 800", severity="warning"),
    Defect("M41", "swarm_stack", (edit("docker-compose.yml", "networks: [public, backend]", "networks: [public]"),), "gateway.conf", "proxy_pass http://greeter"),
    Defect("M44", "swarm_stack", (edit("docker-compose.yml", "replicas: ${REPLICAS:-2}", "replicas: two"),), "docker-compose.yml", "replicas: two"),
    Defect("M50", "swarm_stack", (edit("docker-compose.yml", "team/hello:3.2", "team/hello"),), "docker-compose.yml", "team/hello"),
    Defect("M68", "swarm_stack", (edit("gateway.conf", "proxy_pass http://greeter:3000;\n        proxy_http", "proxy_pass http://greeter:3001;\n        proxy_http"),), "gateway.conf", "greeter:3001"),
    Defect("M69", "swarm_stack", (edit("gateway.conf", "        proxy_set_header Upgrade $http_upgrade;\n", ""),), "gateway.conf", "location /socket/"),
    Defect("M88", "swarm_stack", (edit("docker-compose.yml", 'reservations: {cpus: "0.1", memory: 32M}', 'reservations: {cpus: "0.1", memory: 1G}'),), "docker-compose.yml", "reservations"),
    Defect("M11", "units_only", (append("dean-deployment.yaml", "x-more: 1\n"), edit("etc/app.env", "APP_SECRET=@secret:40:unit@", "APP_SECRET=")), "etc/app.env", "APP_SECRET"),
    Defect("M18", "units_only", (edit("etc/app.env", "APP_PORT=9100", "APP_PORT=${PORT:-9100}"),), "etc/app.env", "APP_PORT"),
    Defect("M20", "units_only", (append("etc/app.env", "APP_DEBUG=1\n"),), "etc/app.env", "APP_DEBUG"),
    Defect("M25", "units_only", (edit("etc/app.env", "@secret:36:unitdb@", "@secret:36:unitdb@/a"),), "etc/app.env", "DATABASE_URL"),
    Defect("M75", "units_only", (edit(".python-version", "3.12", "3.10.4"),), ".python-version", "3.10", severity="warning"),
    Defect("M77", "units_only", (edit("dean-deployment.yaml", "[var/log]", "[var/log, var/spool]"),), "dean-deployment.yaml", "var/spool"),
    Defect("M23", "labels_traefik", (edit("compose.yaml", "PGDATABASE: atelier", "PGDATABASE: ateliers"),), "compose.yaml", "PGDATABASE"),
    Defect("M23", "labels_traefik", (edit("compose.yaml", "localhost:5432/atelier", "localhost:5432/boutique"),), "compose.yaml", "boutique"),
    Defect("M27", "labels_traefik", (edit("sql/schéma.sql", "FOR ROLE atelier", "FOR ROLE artiste"),), "sql/schéma.sql", "artiste"),
    Defect("M29", "labels_traefik", (edit("compose.yaml", "postgis/postgis:16-3.4-alpine", "postgres:16-alpine"),), "sql/schéma.sql", "EXTENSION"),
    Defect("M30", "labels_traefik", (edit("sql/schéma.sql", "CREATE SCHEMA IF NOT EXISTS œuvres;\n", ""),), "sql/schéma.sql", "œuvres.pièces"),
    Defect("M40", "labels_traefik", (edit("compose.override.yml", "127.0.0.1:5433:5432", "5433:5432"),), "compose.override.yml", "5433:5432"),
    Defect("M43", "labels_traefik", (edit("compose.yaml", '["http://localhost:8000","http://atelier.localhost:8000"]', '["*"]'), edit("compose.yaml", "      PGHOST", '      CORS_ALLOW_CREDENTIALS: "true"\n      PGHOST')), "compose.yaml", "CORS_ALLOWED_ORIGINS"),
    Defect("M46", "labels_traefik", (edit("compose.yaml", "depends_on: {base: {condition: service_healthy}}", "depends_on: {base: {condition: service_healthy}, api2: {condition: service_healthy}}"), edit("compose.yaml", "configs:\n  schéma", "  api2:\n    <<: *run\n    image: busybox:1.37\n    networks: [data]\n    healthcheck: {disable: true}\nconfigs:\n  schéma")), "compose.yaml", "api2: {condition"),
    Defect("M52", "labels_traefik", (edit("compose.yaml", "    environment: [CONTAINERS=1, POST=0]\n", "    environment: [CONTAINERS=1, POST=0]\n    volumes: [/var/run/docker.sock:/var/run/docker.sock]\n"),), "compose.yaml", "docker.sock"),
    Defect("M68", "labels_traefik", (edit("compose.yaml", "vitrine.loadbalancer.server.port: \"5173\"", "vitrine.loadbalancer.server.port: \"5174\""),), "compose.yaml", "5174"),
    Defect("M04", "labels_traefik", (add("compose.override.yml", "services:\n  base: {ports: [\n"),), "compose.override.yml", "base:", also=frozenset({"M04"})),
]  # fmt: skip
