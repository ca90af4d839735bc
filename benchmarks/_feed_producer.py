"""`python -m benchmarks._feed_producer STORE TRIAL RATE SECONDS TIMES`: a trial that judges RATE candidates a second.

Writes into the file TIMES when each was committed, as seconds since 1970, one a line.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from dean_airflow.store.store import Store
from tests.integration.live_feed.servers import Producer


def main() -> None:
    url, trial, rate, seconds, times = sys.argv[1:]
    with Store.open(url) as store:
        producer = Producer(store, trial)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        written = []
        begun = time.monotonic()
        while (now := time.monotonic()) - begun < float(seconds):
            ahead = begun + len(written) / float(rate) - now
            if ahead > 0:
                time.sleep(ahead)
            producer.evaluate()
            written.append(time.time())
        store.trials.transition(trial, "completed")
    Path(times).write_text("\n".join(map(repr, written)))


if __name__ == "__main__":
    main()
