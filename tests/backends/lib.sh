# What the scripts of this folder share: where state is kept, and how a server is waited for and ended. To be sourced.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Everything that a server writes is below this folder; `install` also asks the system for packages.
state=${SUNDAE_BACKENDS:-$root/target/backends}

die() {
    echo "$*" >&2
    exit 1
}

# Installs packages of the system, if a command of theirs is missing: packages COMMAND PACKAGE...
packages() {
    local command=$1
    shift
    if PATH=$PATH:/usr/sbin command -v "$command" >/dev/null; then return; fi
    command -v apt-get >/dev/null || die "install $*: there is no apt-get here"
    local sudo=
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    DEBIAN_FRONTEND=noninteractive $sudo apt-get update -qq || true
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$@" >&2 ||
        die "cannot install $*: run as root, or install them yourself"
}

# A Python environment of the backend's own: python_packages NAME PACKAGE...
python_packages() {
    local venv=$state/venv-$1
    shift
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

# Whether the process whose id is in a file is alive.
alive() {
    [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null
}

# Waits until an address answers anything at all: answers URL SECONDS LOG
answers() {
    local end=$(($(date +%s) + $2))
    until curl -s -o /dev/null -m 2 "$1"; do
        [ "$(date +%s)" -lt "$end" ] || { tail -n 20 "$3" >&2; die "$1 does not answer after $2 s; its log is $3"; }
        sleep 0.1
    done
}

# Ends the process whose id is in a file, and waits until it is gone.
end_of() {
    alive "$1" || { rm -f "$1"; return 0; }
    local pid; pid=$(cat "$1")
    kill "$pid"
    for _ in $(seq 1 100); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$1"
}

usage() {
    die "usage: $(basename "$0") install | start | stop"
}
