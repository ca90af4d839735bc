#!/bin/sh
# Becomes one of DEAN's servers. The first one that starts makes the key that service tokens are signed by.
set -eu
[ -e "$AIRFLOW__DEAN__DATA_DIR/signing-keys" ] || airflow dean auth signing-keys rotate
exec airflow dean serve "$@"
