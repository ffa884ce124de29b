# Sourced by deploy/quickstart, tests/run and .ci/run: which Debian packages the suite needs, and
# how they get onto a machine that may have nothing but apt.

BUILD_PACKAGES="gcc libc6-dev meson ninja-build pkg-config python3
  libcmocka-dev libcurl4-openssl-dev libevent-dev libsqlite3-dev libssl-dev libsystemd-dev
  libyajl-dev libyaml-dev libzmq3-dev zlib1g-dev"

PACKAGE_PACKAGES="build-essential debhelper git systemd"

TEST_PACKAGES="$BUILD_PACKAGES $PACKAGE_PACKAGES lintian clang clang-format libclang-rt-14-dev llvm ca-certificates procps
  jsonnet python3-pytest python3-yaml python3-zmq sqlite3 strace iproute2
  prometheus prometheus-alertmanager prometheus-node-exporter rsyslog logrotate
  nginx-light nodejs npm"

# as_root COMMAND…
as_root()
{
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Tools are wanted, not services: nothing that is installed here starts by itself.
apt_install()
{
    local policy=/usr/sbin/policy-rc.d status=0

    if [ -e $policy ]; then
        policy=
    else
        printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin $policy
    fi
    as_root apt-get -q update &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 \
            install --no-install-recommends "$@" || status=$?
    [ -z "$policy" ] || as_root rm -f "$policy"
    return $status
}

# install_packages PACKAGE… installs what is missing and nothing else.
install_packages()
{
    local missing=() package log

    for package in "$@"; do
        # nodejs of other origins brings npm along without a package of that name.
        [ "$package" = npm ] && command -v npm >/dev/null && continue
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0

    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        echo "missing: ${missing[*]}; run this as root, or install sudo" >&2
        return 1
    fi
    echo "installing ${#missing[@]} packages: ${missing[*]}"
    log=$(mktemp)
    if ! apt_install "${missing[@]}" >"$log" 2>&1; then
        echo "apt-get could not install ${missing[*]}: $(grep -m1 '^E:' "$log" || tail -n1 "$log")" >&2
        return 1
    fi
    rm -f "$log"
}
