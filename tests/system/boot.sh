#!/bin/bash
# Inside fresh namespaces, as their PID 1: lays an overlay over this machine's root, installs the
# suite on it and becomes systemd. Nothing outside the overlay is written.
#   boot.sh FOLDER BUILD-DIRECTORY UNIT
# Without a build directory ("") nothing is installed: a package will be.
set -euo pipefail
folder=$1 build=$2 unit=$3
top=$folder/top root=$folder/top/root

mkdir -p "$top"
mount -t tmpfs tmpfs "$top"
mkdir "$top/upper" "$top/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$root"

rm -f "$root/usr/sbin/policy-rc.d" # services may start here
if [ -n "$build" ]; then
    DESTDIR=$root meson install -C "$build" --no-rebuild --quiet
    config=$(sed -n 's/^ExecStart=.* --config //p' "$root/lib/systemd/system/llm-proxy.service")
    [ ! -e "$folder/llm-proxy.yaml" ] || cp "$folder/llm-proxy.yaml" "$root$config"
    mkdir -p "$root/etc/systemd/system"
    [ ! -d "$folder/units" ] || cp -r "$folder/units/." "$root/etc/systemd/system"
    # A package's trigger or script does these.
    chroot "$root" systemd-sysusers llm-proxy.conf
    chroot "$root" journalctl --update-catalog
fi

cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
    touch "dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ip link set lo up

mkdir -p mnt/outside
pivot_root . mnt/outside
umount -l /mnt/outside
# Units with credentials or private mounts get empty ones from a private tree.
mount --make-rshared /
# What would act on the kernel, and so on the machine outside.
for masked in systemd-sysctl.service systemd-modules-load.service systemd-udevd.service \
    systemd-udev-trigger.service systemd-timesyncd.service systemd-remount-fs.service \
    systemd-pstore.service sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
    proc-sys-fs-binfmt_misc.automount dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount; do
    ln -sf /dev/null "/etc/systemd/system/$masked"
done
rm -f /etc/machine-id
systemd-id128 new >/etc/machine-id
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=namespace \
    /lib/systemd/systemd --system --log-target=journal --unit="$unit"
