#!/usr/bin/env bash
# A real Slurm cluster on one machine, for tests: a controller, nodes, and accounting (slurmdbd and MariaDB). Loopback only.
#
#   bash tests/backends/slurm.sh install   # the packages; Debian, as root
#   bash tests/backends/slurm.sh start     # starts what does not run yet, and prints what tests need in their environment
#   bash tests/backends/slurm.sh stop
#   bash tests/backends/slurm.sh kill-node NODE | start-node NODE | stop-controller | start-controller | start-empty-controller
#
# SUNDAE_SLURM_ACCOUNTING=no: without accounting, as at sites that have none; it starts sooner.
# SUNDAE_SLURM_MEMORY: for how many seconds the controller remembers jobs that have ended (300).
# All it keeps is below SUNDAE_BACKENDS (default: target/backends). SUNDAE_SLURM_NODES: how many nodes (3).
# SUNDAE_SLURM_PORT: the first of the ports that it uses (16817). SUNDAE_SLURM_PREFIX: what nodes are called (n: n1, n2, …); of
# two clusters on one machine, each has names of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

state=$(realpath -m "${SUNDAE_BACKENDS:-target/backends}/slurm")
nodes=${SUNDAE_SLURM_NODES:-3} prefix=${SUNDAE_SLURM_PREFIX:-n}
port=${SUNDAE_SLURM_PORT:-16817}
database_port=$((port + 1)) accounting_port=$((port + 2)) node_port=$((port + 10))
has_accounting=${SUNDAE_SLURM_ACCOUNTING:-yes}
export SLURM_CONF=$state/slurm.conf

fail() {
    printf 'slurm.sh: %s\n' "$*" >&2
    exit 1
}

# until SECONDS WHAT COMMAND...: asks until the command succeeds.
until_true() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" > "$state/log/last-question" 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "$what; the logs are in $state/log: $(cat "$state/log/last-question")"
        sleep 0.1
    done
}

is_alive() { [ -s "$state/run/$1.pid" ] && kill -0 "$(cat "$state/run/$1.pid")" 2> /dev/null; }

# end NAME [SIGNAL]
end() {
    is_alive "$1" || return 0
    local pid
    pid=$(cat "$state/run/$1.pid")
    kill "-${2:-TERM}" "$pid"
    for _ in $(seq 1 100); do
        kill -0 "$pid" 2> /dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2> /dev/null || true
    rm -f "$state/run/$1.pid"
}

install() {
    [ "$(id -u)" = 0 ] || fail "packages are installed by root"
    # The packages start services where there is something that starts services; this cluster is another one.
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' > $policy
        chmod 755 $policy
        made=yes
    fi
    local packages="slurm-wlm slurmdbd slurm-wlm-mysql-plugin mariadb-server munge environment-modules"
    local failed=
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages || {
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
    } || failed=yes
    [ -z "$made" ] || rm -f $policy
    [ -z "$failed" ] || fail "the packages could not be installed: $packages"
}

start_munge() {
    is_alive munged && return
    [ -s "$state/munge/key" ] || (umask 077 && head -c 1024 /dev/urandom > "$state/munge/key")
    rm -f "$state/munge/socket"
    # --force: a folder above may be writable by others, which is fine for a key that protects nothing.
    munged --force --key-file="$state/munge/key" --socket="$state/munge/socket" --pid-file="$state/run/munged.pid" \
        --log-file="$state/log/munged.log" --seed-file="$state/munge/seed" --num-threads=4 2>> "$state/log/start.log"
    until_true 20 "munge does not start" munge -n --socket="$state/munge/socket"
}

in_database() { mariadb --no-defaults --socket="$state/run/database" "$@"; }

start_database() {
    is_alive database && return
    if [ ! -d "$state/database/data/mysql" ]; then
        mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$state/database/data" \
            --auth-root-authentication-method=socket > "$state/log/database-install.log" 2>&1
    fi
    rm -f "$state/run/database"
    # As who we are: another user may not reach a folder that is somewhere below a closed one. It need not survive a power cut.
    setsid mariadbd --no-defaults --user="$(id -un)" --datadir="$state/database/data" --socket="$state/run/database" \
        --pid-file="$state/run/database.pid" --bind-address=127.0.0.1 --port=$database_port \
        --innodb-buffer-pool-size=64M --innodb-lock-wait-timeout=900 --innodb-flush-log-at-trx-commit=0 \
        > "$state/log/database.log" 2>&1 < /dev/null &
    until_true 60 "the database does not start" in_database -e 'select 1'
    in_database -e "create database if not exists slurm_accounting;
        create user if not exists slurm@localhost identified by 'slurm';
        create user if not exists slurm@127.0.0.1 identified by 'slurm';
        grant all on slurm_accounting.* to slurm@localhost;
        grant all on slurm_accounting.* to slurm@127.0.0.1"
}

start_accounting() {
    is_alive slurmdbd && return
    (
        umask 077
        cat > "$state/slurmdbd.conf" << END
AuthType=auth/munge
AuthInfo=socket=$state/munge/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$accounting_port
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$database_port
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_accounting
PidFile=$state/run/slurmdbd.pid
LogFile=$state/log/slurmdbd.log
CommunicationParameters=NoInAddrAny
END
    )
    slurmdbd 2>> "$state/log/start.log"
    until_true 60 "slurmdbd does not start" timeout 10 sacctmgr -n show cluster
}

# Who has more memory than it asked for is ended by the kernel, where this machine lets us make groups; else by Slurm, which looks
# once a second and has another name for it.
memory_by() {
    local group=/sys/fs/cgroup/memory/sundae-probe
    if mkdir "$group" 2> /dev/null; then
        rmdir "$group"
        echo cgroups
    else
        echo polling
    fi
}

write_config() {
    local memory_by
    memory_by=$(memory_by)
    # Slurm counts the devices that are there; what they are it does not look at.
    printf 'Name=gpu File=%s\n' /dev/null /dev/zero > "$state/gres.conf"
    printf '%s\n' CgroupPlugin=cgroup/v1 CgroupMountpoint=/sys/fs/cgroup ConstrainRAMSpace=yes > "$state/cgroup.conf"
    {
        cat << END
ClusterName=sundae
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket=$state/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$state/state
SlurmdSpoolDir=$state/spool/%n
SlurmctldPidFile=$state/run/slurmctld.pid
SlurmdPidFile=$state/run/slurmd.%n.pid
SlurmctldLogFile=$state/log/slurmctld.log
SlurmdLogFile=$state/log/slurmd.%n.log
MpiDefault=none
ProctrackType=$([ "$memory_by" = cgroups ] && echo proctrack/cgroup || echo proctrack/linuxproc)
TaskPlugin=$([ "$memory_by" = cgroups ] && echo task/cgroup || echo task/none)
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
$([ "$memory_by" = cgroups ] || echo JobAcctGatherParams=OverMemoryKill)
JobCompType=jobcomp/none
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_min_interval=100000,batch_sched_delay=0,default_queue_depth=1000
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=200
MaxArraySize=2001
MaxJobCount=20000
ReturnToService=2
# A node has as many processors as it says, whatever the machine has.
SlurmdParameters=config_overrides
SlurmdTimeout=5
InactiveLimit=0
KillWait=2
MinJobAge=${SUNDAE_SLURM_MEMORY:-300}
MessageTimeout=10
Licenses=seats:2
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
END
        if [ "$has_accounting" = yes ]; then
            echo "AccountingStorageType=accounting_storage/slurmdbd"
            echo "AccountingStorageHost=127.0.0.1"
            echo "AccountingStoragePort=$accounting_port"
            echo "AccountingStoragePass=$state/munge/socket"
            echo "AccountingStorageEnforce=associations,limits,qos"
        fi
        for number in $(seq 1 "$nodes"); do
            echo "NodeName=$prefix$number NodeHostname=localhost NodeAddr=127.0.0.1 Port=$((node_port + number)) CPUs=4 RealMemory=2000 Gres=gpu:2 State=UNKNOWN"
        done
        echo "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO"
        echo "PartitionName=short Nodes=ALL MaxTime=10 State=UP OverSubscribe=NO"
        # Its jobs take the place of others.
        echo "PartitionName=urgent Nodes=ALL MaxTime=10 State=UP OverSubscribe=NO PriorityTier=10"
    } > "$state/slurm.conf"
}

start_controller() {
    is_alive slurmctld && return
    rm -f "$state/run/slurmctld.pid"
    slurmctld ${1:+"$1"} 2>> "$state/log/start.log"
    # It forks before it is sure to live.
    until_true 30 "slurmctld does not start" sh -c 'timeout 3 scontrol ping | grep -q UP'
}

start_node() {
    is_alive "slurmd.$1" && return
    mkdir -p "$state/spool/$1"
    slurmd -N "$1" 2>> "$state/log/start.log"
}

# A machine that dies takes its jobs with it: not the daemon alone, but all that it has started.
kill_node() {
    local victims step
    is_alive "slurmd.$1" || return 0
    victims=$(cat "$state/run/slurmd.$1.pid")
    # Who serves a job is no child of the daemon; its script lies in the daemon's folder.
    for step in $(pgrep -x slurmstepd || true); do
        if pgrep -P "$step" -f "$state/spool/$1/job" > /dev/null; then
            victims="$victims $step $(descendants "$step")"
        fi
    done
    victims="$victims $(find "/sys/fs/cgroup/freezer/slurm_$1" -name cgroup.procs -exec cat {} + 2> /dev/null | tr '\n' ' ')"
    # shellcheck disable=SC2086
    kill -KILL $victims 2> /dev/null || true
    rm -f "$state/run/slurmd.$1.pid"
}

descendants() {
    local child
    for child in $(pgrep -P "$1" || true); do
        printf '%s ' "$child"
        descendants "$child"
    done
}

# There already, from the second start on.
add_accounts() {
    {
        timeout 20 sacctmgr -i -n add cluster sundae || true
        timeout 20 sacctmgr -i -n add qos patient || true
        timeout 20 sacctmgr -i -n add account lab || true
        timeout 20 sacctmgr -i -n add user "$(id -un)" account=lab || true
        timeout 20 sacctmgr -i -n modify user "$(id -un)" set qos+=patient || true
    } > "$state/log/accounts.log" 2>&1
}

all_up() { [ "$(timeout 5 sinfo -h -N -p main -t idle,mixed,allocated -o %N | sort -u | wc -l)" = "$nodes" ]; }

start() {
    command -v slurmctld > /dev/null || fail "there is no slurmctld; \`bash tests/backends/slurm.sh install\` installs it"
    mkdir -p "$state"/{state,spool,log,run,munge,database}
    # munged insists that everybody reaches its socket.
    chmod 755 "$state" "$state/munge"
    write_config
    start_munge
    if [ "$has_accounting" = yes ]; then
        start_database
        start_accounting
        add_accounts
    fi
    start_controller
    for number in $(seq 1 "$nodes"); do
        start_node "$prefix$number"
    done
    # What a test has drained, or an older configuration has made invalid, is good again.
    local drained
    drained=$(timeout 5 sinfo -h -N -t drain,drained -o %N | sort -u | paste -sd,)
    [ -z "$drained" ] || timeout 5 scontrol update "nodename=$drained" state=resume
    until_true 60 "not all nodes came up" all_up
}

stop() {
    local pid node
    for pid in "$state"/run/slurmd.*.pid; do
        node=$(basename "$pid" .pid)
        # With the jobs that run there: nobody would end them.
        [ ! -e "$pid" ] || kill_node "${node#slurmd.}"
    done
    end slurmctld
    end slurmdbd
    end database
    # It takes ten seconds to end by itself, and has nothing to lose.
    end munged KILL
}

case ${1:-} in
install) install ;;
start)
    start >&2
    printf 'export SLURM_CONF=%q\nexport SUNDAE_TEST_SLURM=%q\n' "$SLURM_CONF" "$state"
    ;;
stop) stop ;;
kill-node) kill_node "$2" ;;
start-node) start_node "$2" ;;
stop-controller) end slurmctld ;;
start-controller) start_controller ;;
# As one that has lost all that it knew.
start-empty-controller) start_controller -c ;;
*) fail "usage: slurm.sh install | start | stop | kill-node NODE | start-node NODE | stop-controller | start-controller | start-empty-controller" ;;
esac
