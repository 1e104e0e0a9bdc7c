# Downloads a release file of modelctl. It is used only if it has the digest RELEASE_SHA256, or if the list of files
# beside it is signed with the key of which RELEASE_KEY is the public half; with both, if both hold.
fail() { echo "modelctl: $*" >&2; exit 1; }
[ -n "$RELEASE" ] || fail "there is no address of a release file"
[ -n "$RELEASE_SHA256$RELEASE_KEY" ] || fail "the release has to be checked: give its SHA-256 digest or its public key"
mkdir -p "$WORK/bin" "$WORK/release"
if [ -n "$RELEASE_KEY" ]; then cp -- "$RELEASE_KEY" "$WORK/release/key.pub"; fi
file=${RELEASE##*/}
cd "$WORK/release"
fetch() { curl --fail --silent --show-error --location --retry 3 --output "${1##*/}" "$1"; }
digest_of() { sha256sum "$1" | cut -d ' ' -f 1; }
fetch "$RELEASE"
if [ -n "$RELEASE_SHA256" ]; then
  [ "$(digest_of "$file")" = "$RELEASE_SHA256" ] || fail "the digest of $RELEASE is $(digest_of "$file")"
fi
if [ -n "$RELEASE_KEY" ]; then
  fetch "${RELEASE%/*}/SHA256SUMS"
  fetch "${RELEASE%/*}/SHA256SUMS.sigstore.json"
  # The signature is in an envelope of the form DSSE: it signs the type and the length of a statement, and the statement.
  field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" SHA256SUMS.sigstore.json | base64 -d; }
  field payload > statement
  field sig > signature
  { printf 'DSSEv1 28 application/vnd.in-toto+json %s ' "$(($(wc -c < statement)))"; cat statement; } > signed
  openssl dgst -sha256 -verify key.pub -signature signature signed > /dev/null 2>&1 || # ECDSA, or Ed25519
    openssl pkeyutl -verify -pubin -inkey key.pub -rawin -in signed -sigfile signature > /dev/null 2>&1 ||
    fail "the list of files beside $RELEASE is not signed with the public key"
  subject="\"predicateType\":\"https://modelctl.dev/release/v1\",\"subject\":[{\"digest\":{\"sha256\":\"$(digest_of SHA256SUMS)\"}"
  grep -qF "$subject" statement || fail "the list of files beside $RELEASE is not the one that was signed"
  grep -qxF "$(digest_of "$file")  $file" SHA256SUMS || fail "$RELEASE is not in the signed list of files"
fi
case "$file" in
  *.tar.gz) mkdir -p unpacked && tar -xzf "$file" -C unpacked --strip-components=1 ;;
  *.whl) python3 -m venv unpacked && unpacked/bin/pip install --quiet --no-index "./$file" ;;
  *) fail "$RELEASE is neither a .tar.gz nor a .whl file" ;;
esac
ln -sf "$WORK/release/unpacked/bin/modelctl" "$WORK/bin/modelctl"
cd "$OLDPWD"
"$WORK/bin/modelctl" version
