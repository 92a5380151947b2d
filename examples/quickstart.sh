#!/usr/bin/env bash
# Builds Sundae, makes the starter project, trains on the default stack, switches to another stack by one command, and
# trains again with no line changed. Everything it makes is in target/quickstart (or the folder that you name).
set -euo pipefail
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=${1:-$checkout/target/quickstart}
mkdir -p "$work"
work=$(cd "$work" && pwd)

say() { printf '\n# %s\n' "$*"; }
run() { printf '\n$ %s\n' "$*"; "$@"; }

say "Build the program and the plugins of the default stack"
"$checkout/plugins-dist/build.sh" --local
export PATH="$checkout/target/release:$PATH"
export SUNDAE_HOME="$work/home"
rm -rf "$SUNDAE_HOME" "$work/starter"

say "Make the starter project, with a Python of its own"
run sundae init "$work/starter" --template starter --template-with-defaults
cd "$work/starter"
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
export PATH="$work/venv/bin:$PATH"
run pip install --quiet --disable-pip-version-check "$checkout/sdk/python"
run pip install --quiet --disable-pip-version-check -r requirements.txt

say "Train on the default stack"
run sundae stack describe
run python run.py --training-pipeline

say "Another stack: a second artifact store"
run sundae artifact-store register my_artifact_store --flavor=local
run sundae stack register a_new_local_stack -o default -a my_artifact_store
run sundae stack set a_new_local_stack

say "The same code, on the new stack"
run python run.py --training-pipeline

say "What there is now"
run sundae stack list
run sundae runs list
run sundae runs describe
