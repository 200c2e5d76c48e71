#!/usr/bin/env bash
# A real Grid Engine of one machine, for tests: its own sge_qmaster and sge_execd, from Debian's packages
# gridengine-master, -exec and -client, which `start` installs where they are missing. It touches no other Grid Engine:
# its files and ports are its own. Needs root.
#
# usage: scripts/grid_engine/local_cluster.sh start|stop|env
#
# start   starts it, unless it runs, and waits until it takes jobs: in the queue `featx`, parallel environment `smp`
# stop    ends its jobs and itself
# env     prints what a shell needs to use it:  eval "$(scripts/grid_engine/local_cluster.sh env)"
#
# FEATX_SGE_DIR     where its files are [/run/featx-sge]
# FEATX_SGE_PORT    its first of two ports [16444]
# FEATX_SGE_SLOTS   slots that it claims to have; jobs share the real cores [16]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../end_process.sh"

dir=${FEATX_SGE_DIR:-/run/featx-sge}
port=${FEATX_SGE_PORT:-16444}
slots=${FEATX_SGE_SLOTS:-16}
installed=/var/lib/gridengine

die() { echo "error: $*" >&2; exit 1; }

main() {
    case "${1-}" in
        start) start ;;
        stop) stop ;;
        env) settings ;;
        -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}" ;;
        *) echo "error: expected start, stop or env, found '${1-}' (see: local_cluster.sh --help)" >&2; exit 2 ;;
    esac
}

settings() {
    echo "export SGE_ROOT=$dir SGE_CELL=default SGE_QMASTER_PORT=$port SGE_EXECD_PORT=$((port + 1))"
}

start() {
    [ "$(id -u)" -eq 0 ] || die "a local Grid Engine needs root"
    install_packages
    eval "$(settings)"
    if answers; then return; fi
    stop
    mkdir -p "$dir"/default/common "$dir"/spool/db "$dir"/spool/qmaster "$dir"/spool/execd
    ln -s $installed/{bin,lib,util} "$dir"
    localhost > "$dir/default/common/host_aliases"
    echo localhost > "$dir/default/common/act_qmaster"
    bootstrap > "$dir/default/common/bootstrap"
    /usr/lib/gridengine/spoolinit berkeleydb libspoolb "$dir/spool/db" init
    local resources=/usr/share/gridengine/util/resources
    configuration > "$dir/configuration"
    /usr/lib/gridengine/spooldefaults configuration "$dir/configuration"
    /usr/lib/gridengine/spooldefaults complexes $resources/centry
    /usr/lib/gridengine/spooldefaults usersets $resources/usersets
    /usr/lib/gridengine/spooldefaults managers root
    /usr/sbin/sge_qmaster
    until_it qconf -sm
    qconf -as localhost > /dev/null 2>&1
    configure
    /usr/sbin/sge_execd
    until_it answers
}

# Calls of it may take a while to find what has just started.
until_it() {
    local _
    for _ in $(seq 300); do
        if "$@" > /dev/null 2>&1; then return; fi
        sleep 0.1
    done
    tail -n 5 "$dir"/spool/*/messages "$dir"/spool/*/*/messages >&2 2> /dev/null || true
    die "the local Grid Engine does not come up: $* fails"
}

install_packages() {
    if command -v sge_qmaster && command -v sge_execd && command -v qsub; then return; fi > /dev/null
    command -v apt-get > /dev/null || die "missing: sge_qmaster, sge_execd, qsub; install them with your package manager"
    apt-get update -qq || true
    # The packages' own services need not run.
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends \
        gridengine-master gridengine-exec gridengine-client > /dev/null 2>&1 ||
        die "apt-get cannot install gridengine-master, gridengine-exec and gridengine-client"
}

answers() {
    [ -d "$dir/default" ] || return 1
    # The state of a queue that takes jobs is empty: five columns.
    timeout 5 qstat -f 2> /dev/null | awk '$1 == "featx@localhost" { found = NF == 5 } END { exit !found }'
}

# This machine under all of its names.
localhost() { echo "localhost $(hostname) $(hostname -f 2> /dev/null || true)"; }

bootstrap() {
    cat << CONF
admin_user              none
default_domain          none
ignore_fqdn             true
spooling_method         berkeleydb
spooling_lib            libspoolb
spooling_params         $dir/spool/db
binary_path             /usr/sbin
qmaster_spool_dir       $dir/spool/qmaster
security_mode           none
listener_threads        2
worker_threads          2
scheduler_threads       1
CONF
}

configuration() {
    sed -e "s|^execd_spool_dir.*|execd_spool_dir $dir/spool/execd|" -e "s|^min_uid.*|min_uid 0|" -e "s|^min_gid.*|min_gid 0|" \
        /usr/share/gridengine/default-configuration
}

configure() {
    local file=$dir/object
    printf '%s\n' "hostname localhost" "load_scaling NONE" "complex_values NONE" "user_lists NONE" "xuser_lists NONE" \
        "projects NONE" "xprojects NONE" "usage_scaling NONE" "report_variables NONE" > "$file"
    qconf -Ae "$file" > /dev/null 2>&1
    printf '%s\n' "pe_name smp" "slots 999" "user_lists NONE" "xuser_lists NONE" "start_proc_args NONE" \
        "stop_proc_args NONE" "allocation_rule \$pe_slots" "control_slaves FALSE" "job_is_first_task TRUE" \
        "urgency_slots min" "accounting_summary FALSE" "qsort_args NONE" > "$file"
    qconf -Ap "$file" > /dev/null
    qconf -sq 2> /dev/null > "$file" || true # the template
    sed -i -e 's/^qname .*/qname featx/' -e 's/^hostlist .*/hostlist localhost/' -e "s/^slots .*/slots $slots/" \
        -e 's/^pe_list .*/pe_list smp/' -e 's|^shell .*|shell /bin/bash|' -e 's/^shell_start_mode .*/shell_start_mode unix_behavior/' \
        -e 's/^load_thresholds .*/load_thresholds NONE/' -e 's/^rerun .*/rerun TRUE/' "$file"
    qconf -Aq "$file" > /dev/null
    # Jobs start when they come, not every 15 s.
    qconf -ssconf | sed -e 's/^schedule_interval .*/schedule_interval 0:0:1/' -e 's/^flush_submit_sec .*/flush_submit_sec 1/' \
        -e 's/^flush_finish_sec .*/flush_finish_sec 1/' > "$file"
    qconf -Msconf "$file" > /dev/null
}

stop() {
    eval "$(settings)"
    if answers; then qdel -u '*' > /dev/null 2>&1 || true; fi
    local name pid
    for name in execd qmaster; do
        for pid in $(pgrep -x "sge_$name" || true); do
            # Of the Grid Engines that run here, this one.
            grep -qz "^SGE_ROOT=$dir$" "/proc/$pid/environ" 2> /dev/null || continue
            end_process "$pid"
        done
    done
    rm -rf "$dir"
}

main "$@"
