"""Measures and watches services and trials: collects samples, keeps and aggregates them, evaluates alerts, exports.

`sample.py` and `series.py` are what all of it is made of, `names.py` the metrics DEAN makes itself. `collector.py` asks
the `sources/` (`collection.py`) and keeps what they tell (`keeping.py`) in a history: `history.py` in the store,
`memory.py` without one. `aggregate.py` and `quantiles.py` know what may be said of gauges, counters and histograms;
`exposition.py`, `views.py` and `summing_up.py` say it. `trials.py` is what an engine writes of its trial; `alerts/`
judges. Plain Python: nothing here imports airflow.
"""
