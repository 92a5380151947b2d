#!/usr/bin/env bash
# Runs all tests: Rust (host, plugin API, flavors), the out-of-tree plugin template, and the Python package with the real
# program. Needs Rust, Python 3.10 or newer, and the package registries.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s\n' "$*" >&2; }

step "Rust: unit tests, transcripts, behaviour suites, hostile plugins"
cargo test --workspace --locked

step "the template of an out-of-tree plugin, built and tested outside the workspace"
cargo test --manifest-path plugins-dist/template/Cargo.toml --target-dir target/template

step "Python: the package, with the real program"
plugins-dist/build.sh --debug
venv=target/test-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e 'sdk/python[test]'
SUNDAE_BIN=$PWD/target/debug/sundae "$venv/bin/python" -m pytest -q sdk/python/tests
