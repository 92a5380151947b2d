#!/usr/bin/env bash
# The S3 gateway of Ceph, with a cluster of one monitor and one disk in memory: the reference for `s3`.
#
#   ceph.sh add-key KEY SECRET    another key of the same user
#   ceph.sh remove-key KEY
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$state/ceph
port=${SUNDAE_CEPH_PORT:-7480}
monitor=${SUNDAE_CEPH_MONITOR_PORT:-3300}
bucket=sundae-test
key=sundae
secret=sundae-secret
export CEPH_ARGS="-c $here/ceph.conf"

configure() {
    cat >"$here/ceph.conf" <<EOF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon host = v2:127.0.0.1:$monitor
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = $here/keyring
run dir = $here/run
admin socket = $here/run/\$name.asok
pid file = $here/run/\$name.pid
log file = $here/log/\$name.log
mon data = $here/mon
mgr data = $here/mgr
osd data = $here/osd
mgr initial modules =
# One copy of everything, in memory.
osd objectstore = memstore
memstore device bytes = ${SUNDAE_CEPH_BYTES:-6442450944}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
# It is no concern of the monitor how full this machine's disk is.
mon data avail crit = 1
mon data avail warn = 2

[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:$port
rgw data = $here/rgw
rgw enable ops log = false
rgw thread pool size = 32
EOF
}

# Without authentication the gateway of Ceph 16 cannot connect, so each part has a key, all in one file.
make_keys() {
    ceph-authtool --create-keyring "$here/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
    for name in client.admin mgr.x osd.0 client.rgw.a; do
        ceph-authtool "$here/keyring" --gen-key -n "$name" \
            --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' >/dev/null
    done
}

start_cluster() {
    monmaptool --create --addv a "[v2:127.0.0.1:$monitor]" \
        --fsid "$(sed -n 's/^fsid = //p' "$here/ceph.conf")" "$here/monmap" >/dev/null
    ceph-mon -i a --mkfs --monmap "$here/monmap" --keyring "$here/keyring"
    ceph-mon -i a
    ceph-mgr -i x
    local id
    id=$(cat /proc/sys/kernel/random/uuid)
    timeout 30 ceph osd new "$id" >/dev/null
    ceph-osd -i 0 --mkfs --osd-uuid "$id" >/dev/null 2>&1
    ceph-osd -i 0 >/dev/null 2>&1
    for _ in $(seq 1 150); do
        if timeout 5 ceph osd stat 2>/dev/null | grep -q '1 up'; then return; fi
        sleep 0.2
    done
    die "the disk of the Ceph cluster is not up after 30 s; its logs are in $here/log"
}

start() {
    if alive "$here/run/client.rgw.a.pid"; then return; fi
    stop
    rm -rf "$here"
    mkdir -p "$here"/{mon,mgr,osd,rgw,run,log}
    configure
    make_keys
    start_cluster
    radosgw -n client.rgw.a
    answers "http://127.0.0.1:$port/" 120 "$here/log/client.rgw.a.log"
    timeout 60 radosgw-admin user create --uid=sundae --display-name=sundae \
        --access-key="$key" --secret-key="$secret" >/dev/null
    make_bucket
}

# By the oldest of the signatures, which is a line of shell.
make_bucket() {
    local date signature
    date=$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')
    signature=$(printf 'PUT\n\n\n%s\n/%s' "$date" "$bucket" | openssl sha1 -hmac "$secret" -binary | base64)
    curl -sf -o /dev/null -X PUT -H "Date: $date" -H "Authorization: AWS $key:$signature" "http://127.0.0.1:$port/$bucket" ||
        die "cannot make the bucket $bucket; the log is $here/log/client.rgw.a.log"
}

# What was deleted gives its memory back only after hours; now instead.
collect() {
    if alive "$here/run/client.rgw.a.pid"; then timeout 300 radosgw-admin gc process --include-all >/dev/null; fi
}

stop() {
    local file
    for file in "$here"/run/*.pid; do
        [ -e "$file" ] || continue
        end_of "$file"
    done
}

case ${1-} in
    install) packages radosgw radosgw ceph-mon ceph-osd ceph-mgr ceph-common curl ;;
    start)
        start >&2
        echo "export SUNDAE_TEST_CEPH='$here'"
        echo "export SUNDAE_TEST_S3='{\"bucket\":\"$bucket\",\"endpoint\":\"http://127.0.0.1:$port\",\"access_key_id\":\"$key\",\"secret_access_key\":\"$secret\"}'"
        ;;
    stop) stop ;;
    add-key) timeout 60 radosgw-admin key create --uid=sundae --access-key="$2" --secret-key="$3" >/dev/null ;;
    remove-key) timeout 60 radosgw-admin key rm --uid=sundae --access-key="$2" >/dev/null ;;
    collect) collect ;;
    *) usage ;;
esac
