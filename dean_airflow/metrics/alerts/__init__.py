"""Alert rules and what becomes of them: from a YAML file to one notification per change of state.

`rules_file.py` reads rules (`rules.py`) and reports every mistake with its line; `promql.py` shows a rule as PromQL.
`expression.py` computes a rule over series (`series.py`), the way Prometheus would (`functions.py`). `state.py` is the
life of one alert; `engine.py` evaluates all rules once and hands the changes, through `notable.py` (silences,
inhibition, flapping), to the outbox in the store; `delivery.py` empties it into receivers. `offline.py` tries rules on
series written in a file. Plain Python: nothing here imports airflow, and nothing opens a connection.
"""
