"""`python -m benchmarks._feed_producer STORE TRIAL RATE SECONDS TIMES`: a trial that judges RATE candidates a second.

On eight islands, as its tasks do: one alone waits for the disk at each commit. Writes into the file TIMES when each
evaluation was committed: island and seconds since 1970, one a line and in order for each island.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from dean_airflow.store.store import Store
from tests.integration.live_feed.servers import Producer

ISLANDS = 8


def main() -> None:
    url, trial, rate, seconds, times = sys.argv[1:]
    with Store.open(url) as store:
        producers = [Producer(store, trial, island) for island in range(ISLANDS)]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        written: list[str] = []
        begun = time.monotonic()
        threads = [
            threading.Thread(target=_evaluate, args=(one, float(rate) / ISLANDS, begun, float(seconds), written))
            for one in producers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.trials.transition(trial, "completed")
    Path(times).write_text("\n".join(written))


def _evaluate(producer: Producer, rate: float, begun: float, seconds: float, written: list[str]) -> None:
    count = 0
    while (now := time.monotonic()) - begun < seconds:
        ahead = begun + (count + producer.island / ISLANDS) / rate - now
        if ahead > 0:
            time.sleep(ahead)
        producer.evaluate()
        written.append(f"{producer.island} {time.time()!r}")
        count += 1


if __name__ == "__main__":
    main()
