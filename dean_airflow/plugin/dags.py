"""The DAGs whose permissions decide who may see and do what."""

TRIAL_DAG = "dean_evolution_trial"
METRICS_DAG = "dean_metrics_collection"
DEPLOYMENT_DAG = "dean_deployment"
VALIDATION_DAG = "dean_deployment_validation"
