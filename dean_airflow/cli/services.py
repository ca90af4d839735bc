"""`airflow dean status` and `airflow dean circuit-breaker ...`: how services are, and what keeps us off dead ones."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any

from dean_airflow.airflow_settings import settings_in_process
from dean_airflow.cli.exits import FAILED, command
from dean_airflow.errors import ConfigurationError

if TYPE_CHECKING:
    from dean_airflow.services.contract.health import AggregateHealth
    from dean_airflow.store.circuits import Circuit
    from dean_airflow.store.store import Store


@command
def status(args: Any) -> int:
    """Ask every configured service how it is; 1 unless each required one is healthy or degraded."""
    health = _check()
    if args.json:
        print(health.model_dump_json(indent=2))
    elif not health.services:
        print("No service is configured: trials run here, on the embedded engine.")
    else:
        for name, one in health.services.items():
            latency = f"{one.latency_ms:.0f} ms" if one.latency_ms is not None else "-"
            circuit = "" if one.circuit in (None, "closed") else f"circuit {one.circuit}"
            said = "; ".join(filter(None, (one.text, one.error, circuit)))
            print(f"{name:24} {one.status:10} {latency:>8}  {one.version or '-':10} {said}".rstrip())
    return FAILED if health.status == "unhealthy" else 0


@command
def list_circuits(args: Any) -> int:
    """Print one line (or JSON object) a circuit breaker, as all processes share them."""
    with _store() as store:
        circuits = store.circuits.list()
    if args.json:
        print(json.dumps([_shown(one) for one in circuits], indent=2))
        return 0
    for one in circuits:
        calls = f"{one.succeeded_total} good, {one.failed_total} failed, {one.rejected_total} refused"
        print(f"{one.name:24} {one.state:10} {calls:40} {one.last_failure or ''}".rstrip())
    return 0


@command
def reset_circuit(args: Any) -> int:
    """Close a circuit breaker, whatever its state."""
    with _store() as store:
        if not store.circuits.reset(args.name, secrets.token_hex(8)):
            raise _unknown(args.name)
        store.audit.add("circuit_reset", _who(), args.name, "closed")
    print(f"The circuit of {args.name} is closed; running processes know within some seconds.")
    return 0


@command
def configure_circuit(args: Any) -> int:
    """Set when a circuit breaker opens and closes; what is not named goes back to the default."""
    from dean_airflow.services.endpoint import BreakerLimits

    limits = {"failures": args.failures, "successes": args.successes, "open_seconds": args.open_seconds}
    given = {name: value for name, value in limits.items() if value is not None}
    if not given and not args.defaults:
        raise ConfigurationError("Nothing to set: name --failures, --open-seconds or --successes, or --defaults.")
    if given and args.defaults:
        raise ConfigurationError("--defaults takes every limit back; it goes with no other option.")
    BreakerLimits(**given)
    with _store() as store:
        circuit = store.circuits.configure(
            args.name,
            secrets.token_hex(8),
            failure_limit=args.failures,
            success_limit=args.successes,
            open_seconds=args.open_seconds,
        )
        store.audit.add("circuit_configured", _who(), args.name, json.dumps(given))
    print(json.dumps(_shown(circuit)["limits"]))
    return 0


def _check() -> AggregateHealth:
    from dean_airflow.airflow_services import endpoints
    from dean_airflow.services.pool import ServicePool
    from dean_airflow.store.store import Store

    settings = settings_in_process()
    configured = endpoints(settings)

    async def check(store: Store) -> AggregateHealth:
        async with ServicePool(configured, store=store) as pool:
            return await pool.check_all_services()

    with Store.open(settings.store) as store:
        return asyncio.run(check(store))


def _store() -> Store:
    from dean_airflow.store.store import Store

    return Store.open(settings_in_process().store)


def _unknown(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"There is no circuit breaker {name!r} yet: `airflow dean circuit-breaker list` shows those that were used."
    )


def _shown(circuit: Circuit) -> dict[str, Any]:
    times = {"opened_at": circuit.opened_at, "last_failure_at": circuit.last_failure_at}
    return {
        "name": circuit.name,
        "url": circuit.url,
        "state": circuit.state,
        "consecutive_failures": circuit.failures,
        "succeeded": circuit.succeeded_total,
        "failed": circuit.failed_total,
        "rejected": circuit.rejected_total,
        "success_rate": _rate(circuit),
        "last_failure": circuit.last_failure,
        **{name: moment.isoformat() if moment else None for name, moment in times.items()},
        "limits": {
            "failures": circuit.failure_limit,
            "open_seconds": circuit.open_seconds,
            "successes": circuit.success_limit,
        },
    }


def _rate(circuit: Circuit) -> float | None:
    answered = circuit.succeeded_total + circuit.failed_total
    return round(circuit.succeeded_total / answered, 4) if answered else None


def _who() -> str:
    import getpass

    return getpass.getuser()
