/** What of the unpacked packages goes into the image. Data and pure functions. */

/** Paths no running image needs; patterns of glob.ts. */
export const excludedPaths: readonly string[] = [
  "boot",
  "dev",
  "proc",
  "run",
  "sys",
  "tmp",
  "var",
  // Modules are chosen one by one (kernel_modules.ts).
  "usr/lib/modules",
  "usr/share",
  "usr/include",
  "usr/games",
  "usr/src",
  "usr/lib/dracut",
  "usr/lib/initcpio",
  "usr/lib/kernel",
  // Descriptions of arm64 boards: their firmware passes on its own.
  "usr/lib/linux-image-*",
  "usr/lib/lsb",
  "usr/lib/mime",
  "usr/lib/pcrlock.d",
  "usr/lib/sysctl.d",
  "usr/lib/sysusers.d",
  "usr/lib/tmpfiles.d",
  "usr/lib/xen-*",
  "usr/lib/*/gconv",
  "usr/lib/*/audit",
  "usr/lib/*/e2fsprogs",
  "usr/lib/*/engines-3",
  "usr/lib/*/krb5",
  "usr/lib/*/ossl-modules",
  "usr/lib/*/security",
  "usr/lib/*/sasl2",
  "usr/lib/*/libmvec.so*",
  "usr/lib/*/systemd/libsystemd-core-*",
  // Only those the chosen drivers name (stages/drivers.ts).
  "usr/lib/firmware",
  // Units nothing here starts.
  "usr/lib/systemd/system",
  "usr/lib/systemd/user",
  // Links keep the kernel's names: nothing may rename one that the agent has just raised.
  "usr/lib/systemd/network",
  "usr/lib/udev/rules.d/73-special-net-names.rules",
  "usr/lib/udev/rules.d/80-net-setup-link.rules",
  "usr/lib/udev/hwdb.d",
  "etc/alternatives",
  "etc/apt",
  "etc/cron.d",
  "etc/cron.daily",
  "etc/default",
  "etc/dpkg",
  "etc/hostname",
  "etc/init.d",
  "etc/initramfs-tools",
  "etc/kernel",
  "etc/logrotate.d",
  "etc/lvm/profile",
  "etc/pam.d",
  "etc/resolv.conf",
  "etc/security",
  "etc/systemd",
  "etc/xdg",
];

/** Applets of Debian's busybox that get a name of their own in /usr/bin, unless a real program has it. */
export const busyboxApplets: readonly string[] =
  ("[ [[ arch arping ash awk base64 basename blkdiscard bunzip2 bzcat cat chgrp chmod " +
    "chown chroot chvt clear cmp cp cpio cut date dd deallocvt devmem df diff dirname dmesg dos2unix du dumpkmap echo egrep env expand " +
    "expr factor fallocate false fdisk fgrep find fold free fsfreeze fstrim ftpget ftpput getopt grep groups gunzip gzip head hexdump " +
    "hostid hostname hwclock id ionice ipcalc kill killall last less link linux32 linux64 ln loadkmap logger login logname ls lspci lsusb " +
    "lsscsi md5sum microcom mkdir mkfifo mknod mktemp more mv nc netstat nl nohup nologin nproc nslookup od paste patch pidof ping ping6 " +
    "printf ps pwd readlink realpath renice reset rev rm rmdir sed seq setsid sh sha1sum sha256sum sha512sum shred shuf sleep sort " +
    "start-stop-daemon stat strings stty sync tac tail tar taskset tee telnet test tftp time timeout top touch tr traceroute true " +
    "truncate ts tty uname uncompress uniq unix2dos unlink unxz unzip uptime usleep uudecode uuencode vi watch wc wget which who whoami " +
    "xargs xxd xz xzcat yes zcat").split(" ");

/** The same for /usr/sbin. */
export const busyboxSystemApplets: readonly string[] =
  ("acpid brctl getty halt init klogd loadfont poweroff reboot sulogin sysctl syslogd udhcpc udhcpc6 watchdog").split(
    " ",
  );
