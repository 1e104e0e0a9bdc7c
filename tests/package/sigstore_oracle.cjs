// node sigstore_oracle.cjs BUNDLE KEY.pub: what Sigstore's own JavaScript verifier says of a bundle made with a plain
// key. Exit code 2 where its packages (@sigstore/bundle, @sigstore/verify, @sigstore/core) are not in NODE_PATH.
let bundle, verify, core;
try {
  bundle = require('@sigstore/bundle');
  verify = require('@sigstore/verify');
  core = require('@sigstore/core');
} catch (error) {
  console.log(String(error));
  process.exit(2);
}
const fs = require('fs');
const [, , bundlePath, keyPath] = process.argv;
const key = core.crypto.createPublicKey(fs.readFileSync(keyPath, 'utf8'));
try {
  const parsed = bundle.bundleFromJSON(JSON.parse(fs.readFileSync(bundlePath, 'utf8')));
  const trust = verify.toTrustMaterial(
      {mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1', tlogs: [], certificateAuthorities: [],
       ctlogs: [], timestampAuthorities: []},
      () => ({publicKey: key, validFor: () => true}));
  const options = {tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0};
  new verify.Verifier(trust, options).verify(verify.toSignedEntity(parsed));
  console.log('verified');
} catch (error) {
  console.log('refused: ' + error);
}
