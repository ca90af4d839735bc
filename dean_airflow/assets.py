"""The assets DEAN's DAGs announce, for other DAGs to be scheduled on."""

from airflow.sdk import Asset, AssetAlias

TRIAL_FINISHED = Asset("dean_trial_finished")
"""Every completed trial. Extra of the event: the trial's result without its lists."""

CHAMPION = Asset("dean_champion")
"""Only a trial that improved its target. Extra of the event as above."""

CHAMPION_ALIAS = AssetAlias("dean_champion")
"""What the closing task declares: an outlet asset would be announced by every success, an alias only when used."""

ALERT = Asset("dean_alert")
"""Alerts that began to fire or were resolved. Extra of the event: `alerts`, a list of what a notice says of each."""

ALERT_ALIAS = AssetAlias("dean_alert")
"""What the notifying task declares, for the same reason as above."""
