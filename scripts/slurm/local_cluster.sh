#!/usr/bin/env bash
# A real Slurm of one machine, for tests: its own munged, slurmctld and slurmd, from Debian's packages slurm-wlm and
# munge, which `start` installs where they are missing. It touches no other Slurm: its files, sockets and ports are its
# own. Needs root.
#
# usage: scripts/slurm/local_cluster.sh start|stop|env
#
# start   starts it, unless it runs, and waits until it takes jobs
# stop    ends its jobs and itself
# env     prints what a shell needs to use it:  eval "$(scripts/slurm/local_cluster.sh env)"
#
# FEATX_SLURM_DIR     where its files are [/run/featx-slurm]
# FEATX_SLURM_PORT    its first of two ports [16817]
# FEATX_SLURM_CPUS    CPUs that it claims to have; jobs share the real ones [16]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../end_process.sh"

dir=${FEATX_SLURM_DIR:-/run/featx-slurm}
port=${FEATX_SLURM_PORT:-16817}
cpus=${FEATX_SLURM_CPUS:-16}
conf=$dir/slurm.conf

die() { echo "error: $*" >&2; exit 1; }

main() {
    case "${1-}" in
        start) start ;;
        stop) stop ;;
        env) echo "export SLURM_CONF=$conf" ;;
        -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}" ;;
        *) echo "error: expected start, stop or env, found '${1-}' (see: local_cluster.sh --help)" >&2; exit 2 ;;
    esac
}

start() {
    [ "$(id -u)" -eq 0 ] || die "a local Slurm needs root"
    install_packages
    if answers; then return; fi
    stop
    mkdir -p "$dir"/{state,spool,munge}
    chmod 755 "$dir"
    start_munge
    configure > "$conf"
    export SLURM_CONF=$conf
    slurmctld > /dev/null
    slurmd -N local > /dev/null
    local _
    for _ in $(seq 100); do
        if answers; then return; fi
        sleep 0.1
    done
    tail -n 5 "$dir"/*.log >&2
    die "the local Slurm does not come up; its logs are in '$dir'"
}

install_packages() {
    if command -v slurmctld && command -v slurmd && command -v munged; then return; fi > /dev/null
    command -v apt-get > /dev/null || die "missing: slurmctld, slurmd, munged; install them with your package manager"
    apt-get update -qq || true
    # The packages' own services need not run.
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends slurm-wlm munge > /dev/null 2>&1 ||
        die "apt-get cannot install slurm-wlm and munge"
}

answers() {
    [ -f "$conf" ] || return 1
    case "$(SLURM_CONF=$conf timeout 5 sinfo --noheader --format %T 2> /dev/null)" in
        idle | mixed | allocated | completing) ;;
        *) return 1 ;;
    esac
}

start_munge() {
    [ -f "$dir/munge/key" ] || (umask 077 && head -c 128 /dev/urandom > "$dir/munge/key")
    munged --key-file "$dir/munge/key" --socket "$dir/munge/socket" --pid-file "$dir/munged.pid" \
        --log-file "$dir/munged.log" --seed-file "$dir/munge/seed"
}

configure() {
    cat << CONF
ClusterName=featx
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
SlurmUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=1
ReturnToService=2
JobRequeue=1
KillWait=10
MinJobAge=300
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/none
NodeName=local NodeHostname=$(hostname) NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=16000 State=UNKNOWN
PartitionName=all Nodes=local Default=YES MaxTime=INFINITE State=UP
CONF
}

# Ends what `start` started, by its process ids, in the order in which one needs the other.
stop() {
    if answers; then SLURM_CONF=$conf scancel --user root || true; fi
    local name pid
    for name in slurmd slurmctld munged; do
        [ -f "$dir/$name.pid" ] || continue
        pid=$(cat "$dir/$name.pid")
        # Another program may have got the id of one that is gone.
        [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = "$name" ] || continue
        end_process "$pid"
    done
    rm -rf "$dir"
}

main "$@"
