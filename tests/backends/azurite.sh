#!/usr/bin/env bash
# Azurite, the emulator of Azure Blob Storage that Microsoft maintains: for `azure-blob`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$state/azurite
port=${SUNDAE_AZURITE_PORT:-10000}
# The account that every Azurite has; its key is public.
account=devstoreaccount1
container=sundae-test
key='Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='

install() {
    packages npm npm
    mkdir -p "$here"
    npm install --prefix "$here" --silent --no-audit --no-fund azurite@3.37.0 >&2
}

start() {
    if alive "$here/pid"; then return; fi
    local program=$here/node_modules/azurite/dist/src/blob/main.js
    [ -f "$program" ] || die "Azurite is not installed: $0 install"
    rm -rf "$here/data"
    mkdir -p "$here/data"
    AZURITE_TELEMETRY_DISABLED=1 setsid node "$program" --blobHost 127.0.0.1 --blobPort "$port" --location "$here/data" \
        --silent --skipApiVersionCheck --disableTelemetry >"$here/log" 2>&1 </dev/null &
    echo $! >"$here/pid"
    answers "http://127.0.0.1:$port/" 60 "$here/log"
    make_container >/dev/null
}

# A container can be made by a signed request only.
make_container() {
    python3 - "$port" "$account" "$key" "$container" <<'EOF'
import base64, hashlib, hmac, sys, urllib.request
from email.utils import formatdate

port, account, key, container = sys.argv[1:]
date = formatdate(usegmt=True)
lines = ["PUT", "", "", "", "", "", "", "", "", "", "", "", f"x-ms-date:{date}", "x-ms-version:2021-08-06",
         f"/{account}/{account}/{container}", "restype:container"]
digest = hmac.new(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256).digest()
request = urllib.request.Request(
    f"http://127.0.0.1:{port}/{account}/{container}?restype=container", method="PUT",
    headers={"x-ms-date": date, "x-ms-version": "2021-08-06",
             "Authorization": f"SharedKey {account}:{base64.b64encode(digest).decode()}"})
urllib.request.urlopen(request).read()
EOF
}

case ${1-} in
    install) install ;;
    start)
        start
        echo "export SUNDAE_TEST_AZURE_BLOB='{\"container\":\"$container\",\"endpoint\":\"http://127.0.0.1:$port/$account\",\"account_name\":\"$account\",\"account_key\":\"$key\"}'"
        ;;
    stop) end_of "$here/pid" ;;
    *) usage ;;
esac
