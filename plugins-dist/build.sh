#!/bin/sh
# Builds the host and the plugins that come with it, and puts the plugins into this folder, where the host finds them.
#
#   plugins-dist/build.sh            for use: target/release/sundae
#   plugins-dist/build.sh --local    the same with only those plugins that the default stack needs: sooner done
#   plugins-dist/build.sh --debug    for work on Sundae itself: target/debug/sundae
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
plugins="sundae-local-artifact-store sundae-local-orchestrator"
others="sundae-object-storage sundae-slurm"

case "${1-}" in
    "") profile=release options=--release plugins="$plugins $others" ;;
    --local) profile=release options=--release ;;
    --debug) profile=debug options= plugins="$plugins $others" ;;
    *)
        echo "usage: plugins-dist/build.sh [--local | --debug]" >&2
        exit 2
        ;;
esac

cd "$root"
# shellcheck disable=SC2046,SC2086 # words, on purpose
cargo build $options -p sundae $(printf -- '-p %s ' $plugins)

target=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
built="$target${CARGO_BUILD_TARGET:+/$CARGO_BUILD_TARGET}/$profile"
case "$(uname -s)" in
    Darwin) end=dylib ;;
    *) end=so ;;
esac

for plugin in $plugins; do
    library="lib$(echo "$plugin" | tr - _).$end"
    # Aside, then in one step: a running host may have the old one in its memory, and must keep it.
    cp "$built/$library" "plugins-dist/.$library.$$"
    mv -f "plugins-dist/.$library.$$" "plugins-dist/$library"
    echo "plugins-dist/$library" >&2
done

# A target folder outside of the checkout does not lead back here, so the binary is shown the way.
case "$built" in
    "$root/target/"*) ;;
    *) ln -sfn "$root/plugins-dist" "$built/plugins-dist" ;;
esac
