# Pushes the package, if there is one, to REFERENCE. The login is kept in a file for this user only, and only until the end.
if [ -n "$REFERENCE" ] && [ -e "$WORK/package.tar" ]; then
  (
    secrets=$(mktemp -d)
    trap 'rm -rf "$secrets"' EXIT
    trap 'exit 1' HUP INT TERM
    if [ -n "${REGISTRY_USER:-}" ]; then
      export REGISTRY_AUTH_FILE="$secrets/auth.json"
      host=${REFERENCE#*://}
      printf '%s\n' "$REGISTRY_PASSWORD" |
        modelctl login "${host%%/*}" --username "$REGISTRY_USER" --password-stdin
    fi
    modelctl push "$WORK/package.tar" "$REFERENCE" --output json > "$WORK/push.json"
    # The reference with the digest: unlike a tag, it cannot be moved to another package.
    sed -n 's/.*"reference":"\([^"]*\)".*/\1/p' "$WORK/push.json" > "$WORK/reference.txt"
    sed -n 's/.*"digest":"\([^"]*\)".*/\1/p' "$WORK/push.json" > "$WORK/digest.txt"
    echo "pushed $(cat "$WORK/reference.txt")"
  )
fi
