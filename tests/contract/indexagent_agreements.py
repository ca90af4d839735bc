"""What `IndexAgentClient` and IndexAgent have agreed on."""

from __future__ import annotations

from typing import Any

from pact import match

from dean_airflow.services.contract.agents import AgentConfigChange, ChangeAgent, CreateAgent
from dean_airflow.services.contract.patterns import ApplyPattern
from dean_airflow.services.contract.populations import CreatePopulation
from dean_airflow.services.contract.search import Search
from dean_airflow.services.errors import NotFound, RejectedRequest

from .agreement import TIME, Agreement, Exchange, error, one_of

AGENT, POPULATION, PATTERN = "agent-00000000c0de", "pop-00000000c0de", "pattern-00000000c0de"
REPOSITORY = "contract-repository"
FILES = {"shop/orders.py": "def total(orders):\n    return sum(orders)\n"}
AN_AGENT = ("an agent", {"agent_id": AGENT})
A_POPULATION = ("a population", {"population_id": POPULATION, "size": 5})
A_PATTERN = ("a pattern", {"pattern_id": PATTERN, "repository": REPOSITORY})
INDEXED: tuple[str, dict[str, object]] = ("an indexed repository", {"repository": REPOSITORY, "files": FILES})

_CONFIG = {
    "name": match.like("finder"),
    "language": match.like("python"),
    "capabilities": match.each_like("search", min=1),
    "parameters": match.like({}),
}


def _agent(agent_id: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": agent_id,
        "name": match.like("finder"),
        "config": _CONFIG,
        "generation": match.int(0),
        "created_at": TIME,
        "status": one_of(("active", "evolving", "idle", "archived", "terminated")),
        **more,
    }


_ANY_AGENT = _agent(match.regex("agent-00000001", regex=r"^agent-[0-9a-f]{8,}$"))

HEALTH = Exchange(
    "a request for IndexAgent's health", "GET", "/health", authenticated=False,
    answer={
        "status": one_of(("healthy", "degraded")), "service": "indexagent", "version": match.like("1.0"),
        "timestamp": TIME, "uptime_seconds": match.int(1), "capabilities": match.each_like("search-index", min=1),
    },
)  # fmt: skip
AGENTS = Exchange(
    "a request for active agents", "GET", "/agents", given=[AN_AGENT],
    query={"status": "active", "limit": "10", "offset": "0"},
    answer={
        "agents": match.each_like(_agent(match.like(AGENT)), min=1), "total": match.int(1), "limit": 10, "offset": 0,
    },
)  # fmt: skip
AGENTS_OUT_OF_RANGE = Exchange(
    "a request for no agents at all", "GET", "/agents", 422, query={"limit": "0", "offset": "0"}, answer=error()
)  # fmt: skip
CREATE = Exchange(
    "a request to create an agent", "POST", "/agents", 201,
    asked={"name": "finder", "token_budget": 200}, answer={**_ANY_AGENT, "status": "active"},
)  # fmt: skip
CREATE_ORPHAN = Exchange(
    "a request to create an agent of a parent that there is not", "POST", "/agents", 400,
    asked={"name": "finder", "parent_id": "agent-000000000000"}, answer=error(),
)  # fmt: skip
CREATE_NAMELESS = Exchange(
    "a request to create an agent with a budget that is too small", "POST", "/agents", 422,
    asked={"name": "finder", "token_budget": 99}, answer=error(),
)  # fmt: skip
ONE_AGENT = Exchange("a request for an agent", "GET", f"/agents/{AGENT}", given=[AN_AGENT], answer=_agent(AGENT))
NO_AGENT = Exchange(
    "a request for an agent that there is not", "GET", "/agents/agent-000000000000", 404, answer=error()
)  # fmt: skip
CHANGE = Exchange(
    "a request to change an agent", "PATCH", f"/agents/{AGENT}", given=[AN_AGENT],
    asked={"fitness_score": 0.5, "config": {"language": "rust"}},
    answer=_agent(AGENT, fitness_score=0.5, updated_at=TIME, config={**_CONFIG, "language": "rust"}),
)  # fmt: skip
DELETE = Exchange(
    "a request to delete an agent", "DELETE", f"/agents/{AGENT}", given=[AN_AGENT],
    answer={"status": "deleted", "agent_id": AGENT},
)  # fmt: skip
GENOME = Exchange(
    "a request for the genome of an agent", "GET", f"/agents/{AGENT}/genome", given=[AN_AGENT],
    answer={"id": match.like("genome-00000001"), "traits": match.like({}), "strategies": match.like([])},
)  # fmt: skip
LINEAGE = Exchange(
    "a request for the lineage of an agent", "GET", f"/agents/{AGENT}/lineage", given=[AN_AGENT],
    answer={"ancestors": [], "descendants": []},
)  # fmt: skip
POPULATE = Exchange(
    "a request to create a population", "POST", "/evolution/population", 201,
    asked={"size": 6, "mutation_rate": 0.2},
    answer={
        "population_id": match.regex("pop-00000001", regex=r"^pop-[0-9a-f]{8,}$"),
        "config": match.like({"size": 6}),
        "agents": match.each_like(_ANY_AGENT, min=6, max=6),
        "generation": 0,
        "created_at": TIME,
    },
)  # fmt: skip
POPULATE_FEW = Exchange(
    "a request to create a population that is too small", "POST", "/evolution/population", 422,
    asked={"size": 4}, answer=error(),
)  # fmt: skip
GENERATION = Exchange(
    "a request to take a population a generation further", "POST", "/evolution/generation", given=[A_POPULATION],
    asked={"population_id": POPULATION},
    answer={
        "generation": 1,
        "population": match.each_like(_ANY_AGENT, min=5, max=5),
        "stats": match.like({}),
    },
)  # fmt: skip
NO_POPULATION = Exchange(
    "a request to take a population further that there is not", "POST", "/evolution/generation", 404,
    asked={"population_id": "pop-000000000000"}, answer=error(),
)  # fmt: skip
METRICS = Exchange(
    "a request for the figures of a population", "GET", "/evolution/metrics", given=[A_POPULATION],
    query={"population_id": POPULATION},
    answer={
        "total_agents": 5, "active_populations": 1, "patterns_discovered": match.int(0),
        "metrics": {
            "agents_created": match.int(5), "patterns_extracted": match.int(0), "search_queries": match.int(0),
        },
    },
)  # fmt: skip
PROMETHEUS = Exchange(
    "a request for IndexAgent's figures in Prometheus' text", "GET", "/metrics", headers={"Accept": "text/plain"},
    answered={"Content-Type": match.regex("text/plain; version=0.0.4", regex=r"^text/plain.*")},
)  # fmt: skip
SEARCH = Exchange(
    "a search", "POST", "/search", given=[INDEXED],
    asked={"query": "total orders", "repositories": [REPOSITORY], "file_types": ["py"], "limit": 5},
    answer={
        "query": "total orders",
        "results": match.each_like(
            {
                "id": match.like("hit-1"), "score": match.number(1.0), "repository": match.like(REPOSITORY),
                "file_path": "shop/orders.py", "line_number": 1, "snippet": match.like("def total(orders):"),
            },
            min=1, max=1,
        ),
        "total_results": 1,
        "execution_time_ms": match.number(0.5),
    },
)  # fmt: skip
SEARCH_NOTHING = Exchange(
    "a search for nothing", "POST", "/search", 422, asked={"query": ""}, answer=error()
)  # fmt: skip
INDEX = Exchange(
    "a request for the state of the index", "GET", "/search/index/status", given=[INDEXED],
    answer={
        "status": one_of(("ready", "indexing", "degraded")), "indexed_repositories": match.int(1),
        "total_files": match.int(1), "last_update": TIME,
    },
)  # fmt: skip
PATTERNS = Exchange(
    "a request for certain patterns", "GET", "/patterns", given=[A_PATTERN],
    query={"min_confidence": "0.5", "limit": "100", "offset": "0"},
    answer={
        "patterns": match.each_like(
            {
                "id": match.like(PATTERN), "type": match.like("optimization"), "confidence": match.number(0.75),
                "description": match.like("What it is"), "occurrences": match.int(3),
                "repositories": match.each_like(REPOSITORY, min=1), "created_at": TIME,
            },
            min=1,
        ),
        "total": match.int(1),
        "filters": match.like({"min_confidence": 0.5}),
    },
)  # fmt: skip
APPLY_NOTHING = Exchange(
    "a request to apply a pattern that there is not", "POST", "/patterns/apply", 404, given=[AN_AGENT],
    asked={"pattern_id": "pattern-000000000000", "target_agents": [AGENT]}, answer=error(),
)  # fmt: skip

AGREEMENTS = [
    Agreement([HEALTH], lambda pool: pool.indexagent.health(), lambda health: health.status == "healthy"),
    Agreement(
        [AGENTS],
        lambda pool: pool.indexagent.agents(status="active", limit=10),
        lambda page: page.agents[0].fitness_score is None,
    ),
    Agreement([AGENTS_OUT_OF_RANGE], lambda pool: pool.indexagent.agents(limit=0), refused=RejectedRequest),
    Agreement(
        [CREATE],
        lambda pool: pool.indexagent.create_agent(CreateAgent(name="finder", token_budget=200)),
        lambda agent: agent.status == "active",
    ),
    Agreement(
        [CREATE_ORPHAN],
        lambda pool: pool.indexagent.create_agent(CreateAgent(name="finder", parent_id="agent-000000000000")),
        refused=RejectedRequest,
    ),
    Agreement(
        [CREATE_NAMELESS],
        lambda pool: pool.indexagent.create_agent(
            CreateAgent.model_construct(_fields_set={"name", "token_budget"}, name="finder", token_budget=99)
        ),
        refused=RejectedRequest,
    ),
    Agreement([ONE_AGENT], lambda pool: pool.indexagent.agent(AGENT), lambda agent: agent.id == AGENT),
    Agreement([NO_AGENT], lambda pool: pool.indexagent.agent("agent-000000000000"), refused=NotFound),
    Agreement(
        [CHANGE],
        lambda pool: pool.indexagent.change_agent(
            AGENT, ChangeAgent(fitness_score=0.5, config=AgentConfigChange(language="rust"))
        ),
        lambda agent: (agent.fitness_score, agent.config.language) == (0.5, "rust"),
    ),
    Agreement([DELETE], lambda pool: pool.indexagent.delete_agent(AGENT), lambda gone: gone.agent_id == AGENT),
    Agreement([GENOME], lambda pool: pool.indexagent.genome(AGENT), lambda genome: genome.strategies == []),
    Agreement([LINEAGE], lambda pool: pool.indexagent.lineage(AGENT), lambda lineage: lineage.ancestors == []),
    Agreement(
        [POPULATE],
        lambda pool: pool.indexagent.create_population(CreatePopulation(size=6, mutation_rate=0.2)),
        lambda population: population.agents[0].fitness_score is None and population.generation == 0,
    ),
    Agreement(
        [POPULATE_FEW],
        lambda pool: pool.indexagent.create_population(CreatePopulation.model_construct(_fields_set={"size"}, size=4)),
        refused=RejectedRequest,
    ),
    Agreement(
        [GENERATION],
        lambda pool: pool.indexagent.next_generation(POPULATION),
        lambda generation: generation.generation == 1 and generation.best_agent is None,
    ),
    Agreement([NO_POPULATION], lambda pool: pool.indexagent.next_generation("pop-000000000000"), refused=NotFound),
    Agreement(
        [METRICS],
        lambda pool: pool.indexagent.population_metrics(population_id=POPULATION),
        lambda known: known.total_agents == 5,
    ),
    Agreement([PROMETHEUS], lambda pool: pool.indexagent.prometheus()),
    Agreement(
        [SEARCH],
        lambda pool: pool.indexagent.search(
            Search(query="total orders", repositories=[REPOSITORY], file_types=["py"], limit=5)
        ),
        lambda found: found.results[0].file_path == "shop/orders.py",
    ),
    Agreement(
        [SEARCH_NOTHING],
        lambda pool: pool.indexagent.search(Search.model_construct(_fields_set={"query"}, query="")),
        refused=RejectedRequest,
    ),
    Agreement([INDEX], lambda pool: pool.indexagent.index_status(), lambda index: index.total_files == 1),
    Agreement(
        [PATTERNS],
        lambda pool: pool.indexagent.patterns(min_confidence=0.5),
        lambda page: page.patterns[0].confidence == 0.75,
    ),
    Agreement(
        [APPLY_NOTHING],
        lambda pool: pool.indexagent.apply_pattern(
            ApplyPattern(pattern_id="pattern-000000000000", target_agents=[AGENT])
        ),
        refused=NotFound,
    ),
]
