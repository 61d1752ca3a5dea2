#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Writes internal/account/common/passwords.txt.gz: the commonest passwords, from the npm package that is named here. Entries shorter than
# six characters are left out: no policy allows them, and as part of a longer password they say nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

package=@zxcvbn-ts/language-common
version=3.0.4
out=internal/account/common

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm pack --silent --pack-destination "$tmp" "$package@$version" >/dev/null
tar -xzf "$tmp"/*.tgz -C "$tmp"
node -e '
  const words = require(process.argv[1]).map(w => w.toLowerCase()).filter(w => /^[\x21-\x7e]{6,}$/.test(w));
  process.stdout.write([...new Set(words)].sort().join("\n") + "\n");
' "$tmp/package/src/passwords.json" | gzip -9n >"$out/passwords.txt.gz"
cp "$tmp/package/LICENSE.txt" "$out/LICENSE"
