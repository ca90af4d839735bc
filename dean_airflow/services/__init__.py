"""The services DEAN works with and can itself be: IndexAgent, the Evolution API and Airflow's own REST API.

`contract` has the models of all three. `pool` makes the `clients`, which call through `calling`; `endpoint`,
`credentials` and `tokens` say where and as whom. `server`, `evolution` and `indexagent` are our own servers, `remote`
runs a trial at somebody else's. Plain Python: nothing here imports airflow.
"""
