#!/usr/bin/env bash
# OpenSSH's SFTP server with a key and a known host of its own: for `sftp`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$state/sftp
port=${SUNDAE_SFTP_PORT:-2222}
export PATH=$PATH:/usr/sbin

start() {
    if alive "$here/pid"; then return; fi
    mkdir -p "$here/files"
    # As root, sshd insists on this folder, which the system makes when it starts the service.
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    [ -f "$here/host" ] || ssh-keygen -q -t ed25519 -N '' -f "$here/host"
    [ -f "$here/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$here/key"
    cp "$here/key.pub" "$here/authorized_keys"
    cat >"$here/sshd_config" <<EOF
ListenAddress 127.0.0.1:$port
HostKey $here/host
PidFile $here/pid
AuthorizedKeysFile $here/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PermitRootLogin prohibit-password
StrictModes no
# Many tests connect at once.
MaxStartups 200
MaxSessions 200
Subsystem sftp internal-sftp
EOF
    printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$here/host.pub")" >"$here/known_hosts"
    # In the place of ~/.ssh/config, which is not ours.
    cat >"$here/config" <<EOF
Host 127.0.0.1
    UserKnownHostsFile $here/known_hosts
EOF
    "$(command -v sshd)" -f "$here/sshd_config" -E "$here/log"
    for _ in $(seq 1 100); do
        if [ -s "$here/pid" ]; then return; fi
        sleep 0.1
    done
    die "sshd does not start; its log is $here/log"
}

case ${1-} in
    install) packages sshd openssh-server openssh-client ;;
    start)
        start
        echo "export SUNDAE_TEST_SFTP='{\"endpoint\":\"ssh://$(id -un)@127.0.0.1:$port\",\"folder\":\"$here/files\",\"key_file\":\"$here/key\",\"known_hosts_file\":\"$here/known_hosts\"}'"
        ;;
    stop) end_of "$here/pid" ;;
    *) usage ;;
esac
