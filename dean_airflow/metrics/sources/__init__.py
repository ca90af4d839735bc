"""Where samples come from, one small file a kind of source: IndexAgent, Evolution, Airflow itself, DEAN's own trials
and store, this machine, and any endpoint that tells JSON or Prometheus' text. A source asks once and answers a
`Reading`; when, how long and what becomes of it is the collector's business. `registry.py` makes them from settings
and from the entry points of other packages.
"""
