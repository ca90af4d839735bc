"""PostgreSQL's images: which extensions they have, and their major version."""

from __future__ import annotations

import re

from dean_airflow.deployment.description.images import kind_of, parse_image

CONTRIB = frozenset(
    [
        "adminpack",
        "amcheck",
        "autoinc",
        "bloom",
        "btree_gin",
        "btree_gist",
        "citext",
        "cube",
        "dblink",
        "dict_int",
        "dict_xsyn",
        "earthdistance",
        "file_fdw",
        "fuzzystrmatch",
        "hstore",
        "insert_username",
        "intagg",
        "intarray",
        "isn",
        "lo",
        "ltree",
        "moddatetime",
        "old_snapshot",
        "pageinspect",
        "pg_buffercache",
        "pg_freespacemap",
        "pg_prewarm",
        "pg_stat_statements",
        "pg_surgery",
        "pg_trgm",
        "pg_visibility",
        "pg_walinspect",
        "pgcrypto",
        "pgrowlocks",
        "pgstattuple",
        "plpgsql",
        "postgres_fdw",
        "refint",
        "seg",
        "sslinfo",
        "tablefunc",
        "tcn",
        "tsm_system_rows",
        "tsm_system_time",
        "unaccent",
        "uuid-ossp",
        "xml2",
        "pg_logicalinspect",
    ]
)
_PL = frozenset({"plperl", "plperlu", "plpython3u", "plpythonu", "pltcl", "pltclu"} | {"bool_plperl", "hstore_plperl"})
_OWN_EXTENSIONS: dict[str, frozenset[str]] = {
    "pgvector": frozenset({"vector"}),
    "timescaledb": frozenset({"timescaledb", "timescaledb_toolkit"}),
    "timescaledb-ha": frozenset(
        {"timescaledb", "timescaledb_toolkit", "vector", "vectorscale", "ai", "postgis", "postgis_topology"}
        | {"postgis_tiger_geocoder", "pg_cron", "pgrouting", "h3", "hypopg", "pgaudit", "pg_repack", "pg_stat_monitor"}
    ),
    "postgis": frozenset(
        {"postgis", "postgis_raster", "postgis_sfcgal", "postgis_topology", "postgis_tiger_geocoder"}
        | {"address_standardizer", "address_standardizer_data_us"}
    ),
}


def has_extension(image: str, extension: str) -> bool | None:
    """Whether a PostgreSQL image has an extension; None where that is not known."""
    parsed = parse_image(image)
    own = _OWN_EXTENSIONS.get(parsed.name)
    if own is None and not (parsed.is_official and parsed.name == "postgres"):
        return None
    if extension in CONTRIB or (own is not None and extension in own):
        return True
    if extension in _PL:
        return False if "alpine" in parsed.tag else None
    return False


def postgres_major(image: str) -> int | None:
    """PostgreSQL's major version by the tag: `16.4`, or `-pg16` of a derived image."""
    parsed = parse_image(image)
    if kind_of(image) != "postgres":
        return None
    match = re.search(r"pg(\d{1,2})(?!\d)", parsed.tag)
    if match is None and parsed.name in ("postgres", "postgresql", "postgis"):
        match = re.match(r"(\d{1,2})(?!\d)", parsed.tag)
    return int(match[1]) if match else None
