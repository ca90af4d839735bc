"""The contracts of IndexAgent, the Evolution API and the part of Airflow's REST API that DEAN uses: one model per body.

Servers, clients and stubs share these models, so that no two of them can mean different things by a name. Requests are
strict (`false` is no integer) and bounded; answers tolerate fields they do not know. One file holds one noun.
"""
