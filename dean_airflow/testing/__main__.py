"""`python -m dean_airflow.testing`: serves the stubs until it is interrupted, and says how to reach them."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Callable

from dean_airflow.services.tokens import mint
from dean_airflow.testing.scenario import standard
from dean_airflow.testing.services import StubServices


def main(arguments: list[str] | None = None, say: Callable[[str], object] = sys.stdout.write) -> int:
    parser = argparse.ArgumentParser(prog="python -m dean_airflow.testing", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="decides what trials come to (default: 0)")
    parser.add_argument("--generations", type=int, default=3, help="of a trial (default: 3)")
    parser.add_argument(
        "--pace", type=float, default=1.0, help="seconds from one step of a trial to the next (default: 1)"
    )
    given = parser.parse_args(arguments)
    if given.generations < 0 or given.pace < 0:
        parser.error("generations and pace are not negative")
    services = StubServices(scenario=standard(given.generations, pace=given.pace, seed=given.seed))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(services, say))
    return 0


async def _serve(services: StubServices, say: Callable[[str], object]) -> None:
    async with services:
        for name, url in services.urls.items():
            say(f"{name:11} {url}\n")
        for stub in (services.indexagent, services.evolution):
            token = mint(services.keys, subject="you", username="you", roles=["admin", "service"], audience=stub.name)
            say(f"\nA token for {stub.name}, good for a day:\n  {token}\n")
        say(f"\nAirflow's login: {services.airflow.username} / {services.airflow.password}\n")
        say("Faults, scenarios and recorded requests: the routes below /_stub of each.\n")
        await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
