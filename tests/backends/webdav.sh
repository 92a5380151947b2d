#!/usr/bin/env bash
# WsgiDAV, a WebDAV server in Python, with a password: for `webdav`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$state/webdav
port=${SUNDAE_WEBDAV_PORT:-8088}

start() {
    if alive "$here/pid"; then return; fi
    [ -x "$state/venv-webdav/bin/wsgidav" ] || die "WsgiDAV is not installed: $0 install"
    rm -rf "$here"
    mkdir -p "$here/files"
    cat >"$here/config.yaml" <<EOF
host: 127.0.0.1
port: $port
server: cheroot
server_args: {numthreads: 32}
provider_mapping: {"/": "$here/files"}
http_authenticator: {domain_controller: null, accept_basic: true, accept_digest: false, default_to_digest: false}
simple_dc: {user_mapping: {"*": {"sundae": {password: "sundae-secret"}}}}
EOF
    setsid "$state/venv-webdav/bin/wsgidav" -c "$here/config.yaml" >"$here/log" 2>&1 </dev/null &
    echo $! >"$here/pid"
    answers "http://127.0.0.1:$port/" 60 "$here/log"
}

case ${1-} in
    install) python_packages webdav 'wsgidav==4.3.3' cheroot ;;
    start)
        start
        echo "export SUNDAE_TEST_WEBDAV='{\"endpoint\":\"http://127.0.0.1:$port\",\"username\":\"sundae\",\"password\":\"sundae-secret\"}'"
        ;;
    stop) end_of "$here/pid" ;;
    *) usage ;;
esac
