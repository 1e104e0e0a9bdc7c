# Packs what modelctl.yaml lists, and signs it. MODELCTL_KEY is the text of the private key, or a file that has it;
# MODELCTL_PASSWORD is its passphrase. The file with the key is readable for this user only, and removed at the end.
if [ "$SHIP" != true ]; then
  echo "The model is built and evaluated, but not shipped from here."
elif [ -z "${MODELCTL_KEY:-}" ]; then
  echo "modelctl: the model cannot be shipped: there is no private key to sign it with" >&2
  exit 1
else
  (
    secrets=$(mktemp -d)
    trap 'rm -rf "$secrets"' EXIT
    trap 'exit 1' HUP INT TERM
    (
      umask 077
      if [ -f "$MODELCTL_KEY" ]; then cat -- "$MODELCTL_KEY"; else printf '%s\n' "$MODELCTL_KEY"; fi > "$secrets/model.key"
    )
    set --
    if [ -n "$VERSION" ]; then set -- --version "${VERSION#v}"; fi
    if [ -s "$WORK/evaluation.json" ]; then set -- "$@" --evaluate; fi # adds the metrics to the package
    cd "$PROJECT"
    modelctl pack --key "$secrets/model.key" -o "$WORK/package.tar" "$@"
  )
fi
