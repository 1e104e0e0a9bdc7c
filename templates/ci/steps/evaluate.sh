# Evaluates the samples of modelctl.yaml. Fails if an output is not as expected, or if a metric is below a bound of MIN or
# above one of MAX. If there is nothing to compare with, the model is run, so that at least a crash is found.
(
  cd "$PROJECT"
  set --
  for bound in $MIN; do set -- "$@" --min "$bound"; done
  for bound in $MAX; do set -- "$@" --max "$bound"; done
  status=0
  modelctl evaluate "$@" --report "$WORK/evaluation.json" > "$WORK/evaluation.txt" 2> "$WORK/messages.txt" || status=$?
  if [ $# -eq 0 ] && grep -qF 'error[nothing-to-evaluate]' "$WORK/messages.txt"; then
    echo "Nothing is evaluated: modelctl.yaml has neither expected outputs nor labels." > "$WORK/evaluation.txt"
    : > "$WORK/messages.txt"
    status=0
    if grep -q '^samples:' modelctl.yaml; then modelctl run || status=$?; fi
  fi
  cat "$WORK/messages.txt" >&2
  cat "$WORK/evaluation.txt"
  : > "$WORK/metrics.txt"
  if [ -s "$WORK/evaluation.json" ]; then
    # A line "NAME VALUE" for each metric.
    sed -n 's/.*"metrics":{//; s/}}.*//; s/},/\n/gp' "$WORK/evaluation.json" |
      sed -n 's/^"\([a-z0-9_]*\)":.*"value":\([-+.0-9e]*\).*/\1 \2/p' > "$WORK/metrics.txt"
  fi
  exit "$status"
)
