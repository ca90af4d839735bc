"""A log of what changed, written by triggers, which also wake whoever listens to a PostgreSQL.

Triggers, so that no writer can forget it, and so that a producer's statements stay the ones it has.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

KEPT = 20_000
"""Changes of a topic; whoever was away for longer is told how things are instead."""
TOPICS = ("trials", "alerts", "deployments")

_TRIAL_MOVED = " OR ".join(
    f"OLD.{column} IS DISTINCT FROM NEW.{column}"
    for column in (
        *("status", "attempt", "current_generation", "best_fitness"),
        *("outcome", "stop_reason", "error", "run_id"),
    )
)
_TRIAL_KIND = "CASE WHEN OLD.status <> NEW.status OR OLD.attempt <> NEW.attempt THEN NEW.status ELSE 'progress' END"
_ALERT_MOVED = " OR ".join(
    f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in ("state", "severity", "message", "muted_by")
)
_DEPLOYMENT_MOVED = " OR ".join(
    f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in ("status", "attempt", "error", "strategy", "backend")
)
_DAG_OF_DEPLOYMENT = "(SELECT dag_id FROM dean_deployments WHERE id = NEW.deployment_id)"
_ALERT_KIND = "CASE WHEN OLD.state <> NEW.state THEN NEW.state ELSE 'changed' END"
# (table, event, condition, topic, subject, kind, dag id)
_WATCHED = (
    ("dean_trials", "insert", None, "trials", "NEW.id", "NEW.status", "NEW.dag_id"),
    ("dean_trials", "update", _TRIAL_MOVED, "trials", "NEW.id", _TRIAL_KIND, "NEW.dag_id"),
    ("dean_trials", "delete", None, "trials", "OLD.id", "'removed'", "OLD.dag_id"),
    ("dean_deployments", "insert", None, "deployments", "NEW.id", "NEW.status", "NEW.dag_id"),
    ("dean_deployments", "update", _DEPLOYMENT_MOVED, "deployments", "NEW.id", "NEW.status", "NEW.dag_id"),
    ("dean_deployments", "delete", None, "deployments", "OLD.id", "'removed'", "OLD.dag_id"),
    *(
        ("dean_deployment_services", event, None, "deployments", "NEW.deployment_id", "'service'", _DAG_OF_DEPLOYMENT)
        for event in ("insert", "update")
    ),
    ("dean_alerts", "insert", None, "alerts", "NEW.fingerprint", "NEW.state", "NULL"),
    ("dean_alerts", "update", _ALERT_MOVED, "alerts", "NEW.fingerprint", _ALERT_KIND, "NULL"),
    ("dean_alerts", "delete", None, "alerts", "OLD.fingerprint", "'removed'", "NULL"),
    ("dean_alert_silences", "insert", None, "alerts", "NEW.id", "'silence'", "NULL"),
    ("dean_alert_silences", "update", None, "alerts", "NEW.id", "'silence'", "NULL"),
)
# Commits that say something wait for one another, disk included. So of an island's evaluations within a tenth of a
# second only the first is said; whoever hears of it looks again shortly after.
_FIRST_OF_ITS_MOMENT = """NOT EXISTS (
    SELECT 1 FROM dean_evaluations
    WHERE trial_id = NEW.trial_id AND island = NEW.island AND sequence = NEW.sequence - 1
    AND floor(10 * extract(epoch FROM created_at)) = floor(10 * extract(epoch FROM NEW.created_at))
)"""
# Rows that have numbers of their own need no log: PostgreSQL only says that there are new ones.
_SAID = (
    ("dean_events", "ROW", "'trial:' || NEW.trial_id", None),
    ("dean_evaluations", "ROW", "'trial:' || NEW.trial_id", _FIRST_OF_ITS_MOMENT),
    ("dean_deployment_steps", "ROW", "'deployment:' || NEW.deployment_id", None),
    ("dean_samples", "STATEMENT", "'metrics'", None),
)


def upgrade() -> None:
    op.create_table(
        "dean_change_heads",
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name=op.f("pk_dean_change_heads")),
    )
    op.create_table(
        "dean_changes",
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(length=250), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=True),
        sa.PrimaryKeyConstraint("topic", "sequence", name=op.f("pk_dean_changes")),
    )
    op.create_index(
        op.f("ix_dean_changes_topic_subject_sequence"), "dean_changes", ["topic", "subject", "sequence"], unique=False
    )
    for topic in TOPICS:
        op.execute(f"INSERT INTO dean_change_heads (topic, sequence) VALUES ('{topic}', 0)")
    if op.get_bind().dialect.name == "sqlite":
        for watched in _WATCHED:
            _sqlite_trigger(*watched)
        return
    _postgres_function()
    for watched in _WATCHED:
        _postgres_trigger(*watched)
    for said in _SAID:
        _postgres_saying(*said)


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table, event, *_ in _WATCHED:
        op.execute(f"DROP TRIGGER {table}_{event}" + ("" if sqlite else f" ON {table}"))
        if not sqlite:
            op.execute(f"DROP FUNCTION {table}_{event}()")
    if not sqlite:
        for table, *_ in _SAID:
            op.execute(f"DROP TRIGGER {table}_said ON {table}")
            op.execute(f"DROP FUNCTION {table}_said()")
        op.execute("DROP FUNCTION dean_change(text, text, text, text)")
    op.drop_table("dean_changes")
    op.drop_table("dean_change_heads")


def _sqlite_trigger(
    table: str, event: str, condition: str | None, topic: str, subject: str, kind: str, dag_id: str
) -> None:
    # IS DISTINCT FROM is younger than the oldest SQLite that Python 3.11 comes with.
    when = f"WHEN {condition.replace('IS DISTINCT FROM', 'IS NOT')} " if condition else ""
    op.execute(
        f"CREATE TRIGGER {table}_{event} AFTER {event.upper()} ON {table} {when}BEGIN "
        f"UPDATE dean_change_heads SET sequence = sequence + 1 WHERE topic = '{topic}'; "
        f"INSERT INTO dean_changes (topic, sequence, subject, kind, dag_id) "
        f"SELECT '{topic}', sequence, {subject}, {kind}, {dag_id} FROM dean_change_heads WHERE topic = '{topic}'; "
        f"DELETE FROM dean_changes WHERE topic = '{topic}' AND sequence = "
        f"(SELECT sequence - {KEPT} FROM dean_change_heads WHERE topic = '{topic}'); END"
    )


def _postgres_function() -> None:
    op.execute(
        f"""CREATE FUNCTION dean_change(of_topic text, of_subject text, its_kind text, its_dag text) RETURNS void
        LANGUAGE plpgsql AS $$
        DECLARE number bigint;
        BEGIN
            UPDATE dean_change_heads SET sequence = sequence + 1 WHERE topic = of_topic RETURNING sequence INTO number;
            INSERT INTO dean_changes (topic, sequence, subject, kind, dag_id)
            VALUES (of_topic, number, of_subject, its_kind, its_dag);
            DELETE FROM dean_changes WHERE topic = of_topic AND sequence = number - {KEPT};
            PERFORM pg_notify('dean_feed', of_topic);
        END $$"""
    )


def _postgres_trigger(
    table: str, event: str, condition: str | None, topic: str, subject: str, kind: str, dag_id: str
) -> None:
    """At the commit, when everything else is locked that will be: nobody can wait in a circle for the topic's head."""
    own = {"trials": "trial:", "deployments": "deployment:"}.get(topic)
    also = f"PERFORM pg_notify('dean_feed', '{own}' || {subject});" if own else ""
    op.execute(
        f"""CREATE FUNCTION {table}_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {condition or "true"} THEN
                PERFORM dean_change('{topic}', {subject}, {kind}, {dag_id});
                {also}
            END IF;
            RETURN NULL;
        END $$"""
    )
    op.execute(
        f"CREATE CONSTRAINT TRIGGER {table}_{event} AFTER {event.upper()} ON {table} DEFERRABLE INITIALLY DEFERRED "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_{event}()"
    )


def _postgres_saying(table: str, each: str, topic: str, condition: str | None) -> None:
    op.execute(
        f"""CREATE FUNCTION {table}_said() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {condition or "true"} THEN
                PERFORM pg_notify('dean_feed', {topic});
            END IF;
            RETURN NULL;
        END $$"""
    )
    op.execute(f"CREATE TRIGGER {table}_said AFTER INSERT ON {table} FOR EACH {each} EXECUTE FUNCTION {table}_said()")
