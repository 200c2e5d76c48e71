# For scripts that start services of their own: ends a process, and waits until it is gone, ten seconds at most.
end_process() {
    local _
    kill "$1"
    for _ in $(seq 100); do
        [ -d "/proc/$1" ] || break
        sleep 0.1
    done
}
