"""The shape of a compose file: which keys there are, and what each may hold.

After the Compose Specification (compose-spec/compose-spec, `schema/compose-spec.json`), as far as a mistake in it makes
compose refuse the file. `m` mapping, `l` list, `s` scalar; a mapping of names to such letters is judged below, too.
"""

from __future__ import annotations

TOP = {
    "version": "s", "name": "s", "include": "l", "services": "m", "networks": "m", "volumes": "m", "secrets": "m",
    "configs": "m", "models": "m",
}  # fmt: skip

SERVICE = {
    "annotations": "ml", "attach": "s", "blkio_config": "m", "build": "sm", "cap_add": "l",
    "cap_drop": "l", "cgroup": "s",
    "cgroup_parent": "s", "command": "sl", "configs": "l", "container_name": "s", "cpu_count": "s", "cpu_percent": "s",
    "cpu_period": "s", "cpu_quota": "s", "cpu_rt_period": "s", "cpu_rt_runtime": "s", "cpu_shares": "s", "cpus": "s",
    "cpuset": "s", "credential_spec": "m", "depends_on": "lm", "deploy": "m",
    "develop": "m", "device_cgroup_rules": "l",
    "devices": "l", "dns": "sl", "dns_opt": "l", "dns_search": "sl", "domainname": "s", "entrypoint": "sl",
    "env_file": "slm", "environment": "ml", "expose": "l", "extends": "sm", "external_links": "l", "extra_hosts": "lm",
    "gpus": "sl", "group_add": "l", "healthcheck": "m", "hostname": "s", "image": "s", "init": "s", "ipc": "s",
    "isolation": "s", "label_file": "sl", "labels": "ml", "links": "l", "logging": "m", "mac_address": "s",
    "mem_limit": "s", "mem_reservation": "s", "mem_swappiness": "s", "memswap_limit": "s", "models": "lm",
    "network_mode": "s", "networks": "lm", "oom_kill_disable": "s", "oom_score_adj": "s", "pid": "s", "pids_limit": "s",
    "platform": "s", "ports": "l", "post_start": "l", "pre_stop": "l", "privileged": "s",
    "profiles": "l", "provider": "m",
    "pull_policy": "s", "pull_refresh_after": "s", "read_only": "s", "restart": "s", "runtime": "s", "scale": "s",
    "secrets": "l", "security_opt": "l", "shm_size": "s", "stdin_open": "s",
    "stop_grace_period": "s", "stop_signal": "s",
    "storage_opt": "m", "sysctls": "lm", "tmpfs": "sl", "tty": "s", "ulimits": "m", "use_api_socket": "s", "user": "s",
    "userns_mode": "s", "uts": "s", "volume_driver": "s", "volumes": "l", "volumes_from": "l", "working_dir": "s",
}  # fmt: skip

PARTS: dict[str, dict[str, str]] = {
    "build": {
        "additional_contexts": "lm", "args": "lm", "cache_from": "l", "cache_to": "l",
        "context": "s", "dockerfile": "s",
        "dockerfile_inline": "s", "entitlements": "l", "extra_hosts": "lm", "isolation": "s", "labels": "lm",
        "network": "s", "no_cache": "s", "no_cache_filter": "sl", "platforms": "l",
        "privileged": "s", "provenance": "s",
        "pull": "s", "sbom": "s", "secrets": "l", "shm_size": "s", "ssh": "slm", "tags": "l", "target": "s",
        "ulimits": "m",
    },
    "healthcheck": {
        "disable": "s", "interval": "s", "retries": "s", "start_interval": "s", "start_period": "s", "test": "sl",
        "timeout": "s",
    },
    "deploy": {
        "endpoint_mode": "s", "labels": "lm", "mode": "s", "placement": "m", "replicas": "s", "resources": "m",
        "restart_policy": "m", "rollback_config": "m", "update_config": "m",
    },
    "logging": {"driver": "s", "options": "m"},
}  # fmt: skip
RESOURCES = {"limits": "m", "reservations": "m"}
LIMITS = {"cpus": "s", "memory": "s", "pids": "s", "devices": "l", "generic_resources": "l"}
SECTION_ENTRIES = {
    "networks": {
        "attachable": "s", "driver": "s", "driver_opts": "m", "enable_ipv4": "s", "enable_ipv6": "s", "external": "sm",
        "internal": "s", "ipam": "m", "labels": "lm", "name": "s",
    },
    "volumes": {"driver": "s", "driver_opts": "m", "external": "sm", "labels": "lm", "name": "s"},
    "secrets": {
        "content": "s", "driver": "s", "driver_opts": "m", "environment": "s", "external": "sm", "file": "s",
        "labels": "lm", "name": "s", "template_driver": "s",
    },
    "configs": {
        "content": "s", "environment": "s", "external": "sm", "file": "s", "labels": "lm", "name": "s",
        "template_driver": "s",
    },
}  # fmt: skip
WHOLE_NUMBERS = (("deploy", "replicas"), ("scale",))
BOOLEANS = ("init", "privileged", "read_only", "stdin_open", "tty", "oom_kill_disable")
DURATIONS = frozenset({"interval", "timeout", "start_period", "start_interval"})
CONDITIONS = frozenset({"service_started", "service_healthy", "service_completed_successfully"})
KINDS = {"m": "a mapping", "l": "a list", "s": "a single value"}
