# Read by scripts that make a Debian in a folder.

# Where a Debian's own packages come from; elsewhere nothing, and debootstrap goes by itself.
mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2> /dev/null |
        sed -nE 's/^(URIs:|deb( \[[^]]*\])?) *(https?:[^ ]*\/debian)\/?( .*)?$/\3/p' | head -1
}
