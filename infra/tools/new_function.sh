#!/usr/bin/env bash
# Starts a new HTTP function: `make new-function NAME=orgs`. Prints what only a person can decide.
set -euo pipefail
cd "$(dirname "$0")/../.."

name=${1:-}
if ! [[ $name =~ ^[a-z][a-z0-9_]*$ ]]; then
    echo "usage: make new-function NAME=orgs (lower case letters, digits and _; HTTP groups are plural nouns)" >&2
    exit 2
fi
folder=functions/$name
if [ -e "$folder" ]; then
    echo "$folder exists already" >&2
    exit 1
fi

mkdir -p "$folder/src"
sed -n '/^\[dependencies\]/q; p' functions/documents/Cargo.toml | sed "s/\"documents\"/\"$name\"/" >"$folder/Cargo.toml"
cat >>"$folder/Cargo.toml" <<TOML
[dependencies]
http_api.workspace = true
runtime.workspace = true
tokio.workspace = true
TOML
cat >"$folder/src/main.rs" <<RUST
//! The function \`$name\` on Lambda.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::serve($name::api()).await
}
RUST
cat >"$folder/src/lib.rs" <<RUST
//! What this function is for, in one sentence.

use http_api::Api;

/// The operations of this function.
pub fn api() -> Api {
    Api::new("Group in the API document")
}
RUST
# Beside the other functions in [workspace.dependencies].
sed -i.bak "s#^documents = { path = .*#&\n$name = { path = \"functions/$name\" }#" Cargo.toml && rm Cargo.toml.bak

cat <<TEXT
$folder is there. What remains, and the drift tests insist on:
  1. write its operations, one line each, in $folder/src/lib.rs
  2. add it to the dependencies of infra/local and to the list in infra/local/src/functions.rs
  3. give it a function, a role and a log in template.yaml: copy those of DocumentsFunction
  4. give each operation a row in tests/api/policy.tsv, and write its tests in tests/api/$name.rs
  5. put an event under events/$name/, and what it is answered into events/expected.json
  6. \`make openapi\`, and review the changed snapshots under tests/
TEXT
