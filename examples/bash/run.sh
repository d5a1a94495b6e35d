#!/usr/bin/env bash
# A training job in a few lines of bash: shows what SageMaker hands to a script, and leaves a model.
set -euo pipefail

echo "arguments:"
printf '  %q\n' "$@"

echo "variables:"
env | grep '^SM_' | sort | sed 's/^/  /'

steps=5
while [ $# -gt 0 ]; do
  case "$1" in
    --steps) steps="$2"; shift 2 ;;
    *) shift ;;
  esac
done

for ((step = 1; step <= steps; step++)); do
  echo "step=$step loss=$((100 / step)).0"
done

# What is written here becomes model.tar.gz, and what is written there output.tar.gz.
echo "steps=$steps" > "$SM_MODEL_DIR/model.txt"
echo "done by $SM_CURRENT_HOST" > "$SM_OUTPUT_DATA_DIR/report.txt"
