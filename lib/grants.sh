# shellcheck shell=sh disable=SC2034
# Written by "deno task grants" from lib/grants.ts, and read by the launcher: what the command "$1" may do.
oldest_major=2 oldest_minor=9 pinned=2.9.6
standard_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
case ${1-} in
init)
    flags="\
--no-prompt \
--allow-run=cat,cp,findmnt,lsblk,/usr/bin/lsblk,systemctl,udevadm \
--allow-read \
--allow-write \
--allow-env=TERM,NO_COLOR,PAGER,HOME,XDG_CACHE_HOME,SUDO_UID \
--ignore-env \
--allow-sys=uid"
    ;;
create-initrd)
    flags="\
--no-prompt \
--allow-run=apt-get,id,sudo,mmdebstrap,/usr/bin/mmdebstrap,tar,/usr/bin/tar,bsdtar,/usr/bin/bsdtar,cat,cp,find,install,touch,depmod,/usr/sbin/depmod,modinfo,/usr/sbin/modinfo,bzip2,gzip,lz4,pigz,xz,/usr/bin/xz,zstd,/usr/bin/zstd,curl,/usr/bin/curl,git,/usr/bin/git,deno,openssl,timeout,rm,setpriv,umount,unshare,df \
--allow-read \
--allow-write \
--allow-env=TERM,NO_COLOR,PAGER,HOME,XDG_CACHE_HOME,SUDO_UID,PATH,DENO_DIR,DENORT_BIN,DENO_CERT,DENO_TLS_CA_STORE,NODE_EXTRA_CA_CERTS,SSL_CERT_FILE,SSL_CERT_DIR,NPM_CONFIG_REGISTRY,HTTP_PROXY,HTTPS_PROXY,NO_PROXY \
--ignore-env \
--allow-sys=uid"
    ;;
setup-server)
    flags="\
--no-prompt \
--allow-run=cat,chroot,cp,findmnt,id,networkctl,nmcli,systemctl,less,more,most,pager,update-initramfs \
--allow-read \
--allow-write \
--allow-env=TERM,NO_COLOR,PAGER,HOME,XDG_CACHE_HOME,SUDO_UID \
--ignore-env \
--allow-sys=uid"
    ;;
undo-setup)
    flags="\
--no-prompt \
--allow-run=cat,chroot,cp,findmnt,id,networkctl,nmcli,systemctl,less,more,most,pager,update-initramfs \
--allow-read \
--allow-write \
--allow-env=TERM,NO_COLOR,PAGER,HOME,XDG_CACHE_HOME,SUDO_UID \
--ignore-env \
--allow-sys=uid"
    ;;
doctor)
    flags="\
--no-prompt \
--allow-run=cat,findmnt,ip,/usr/sbin/ip,ls,lsblk,/usr/bin/lsblk,od,systemctl,udevadm,cryptsetup,mokutil,nft \
--allow-read \
--allow-env=TERM,NO_COLOR,PAGER,HOME,XDG_CACHE_HOME,SUDO_UID \
--ignore-env \
--allow-sys=uid"
    ;;
boot-entry)
    flags="\
--no-prompt \
--allow-read \
--allow-env=TERM,NO_COLOR,PAGER,HOME,XDG_CACHE_HOME,SUDO_UID \
--ignore-env \
--allow-sys=uid"
    ;;
serve-now)
    flags="\
--no-prompt \
--allow-run=busctl,cat,dd,id,kexec,lsblk,/usr/bin/lsblk,mount,stat,systemctl,umount \
--allow-read \
--allow-write=/run/stiefel-handover \
--allow-env=TERM,NO_COLOR,PAGER,HOME,XDG_CACHE_HOME,SUDO_UID \
--ignore-env \
--allow-sys=uid"
    ;;
setup-client-usbdrive)
    flags="\
--no-prompt \
--allow-run=cat,dd,flock,id,lsblk,/usr/bin/lsblk,stat,sync,wipefs \
--allow-read \
--allow-write \
--allow-env=TERM,NO_COLOR,PAGER,HOME,XDG_CACHE_HOME,SUDO_UID \
--ignore-env \
--allow-sys=uid"
    ;;
demo)
    flags="\
--no-prompt \
--allow-run=apt-get,id,sudo,mmdebstrap,/usr/bin/mmdebstrap,tar,/usr/bin/tar,bsdtar,/usr/bin/bsdtar,cat,cp,find,install,touch,depmod,/usr/sbin/depmod,modinfo,/usr/sbin/modinfo,bzip2,gzip,lz4,pigz,xz,/usr/bin/xz,zstd,/usr/bin/zstd,curl,/usr/bin/curl,git,/usr/bin/git,deno,openssl,timeout,rm,setpriv,umount,unshare,df,qemu-system-x86_64,/usr/bin/qemu-system-x86_64,mkfifo,tee,dd,debugfs,/usr/sbin/debugfs,mkdir,mkfs.ext4,/usr/sbin/mkfs.ext4,mv,sfdisk,/usr/sbin/sfdisk,truncate \
--allow-read \
--allow-write \
--allow-env=TERM,NO_COLOR,PAGER,HOME,XDG_CACHE_HOME,SUDO_UID,PATH,DENO_DIR,DENORT_BIN,DENO_CERT,DENO_TLS_CA_STORE,NODE_EXTRA_CA_CERTS,SSL_CERT_FILE,SSL_CERT_DIR,NPM_CONFIG_REGISTRY,HTTP_PROXY,HTTPS_PROXY,NO_PROXY \
--ignore-env \
--allow-sys=uid"
    ;;
test-qemu)
    flags="\
--no-prompt \
--allow-run=apt-get,id,sudo,mmdebstrap,/usr/bin/mmdebstrap,tar,/usr/bin/tar,bsdtar,/usr/bin/bsdtar,cat,cp,find,install,touch,depmod,/usr/sbin/depmod,modinfo,/usr/sbin/modinfo,bzip2,gzip,lz4,pigz,xz,/usr/bin/xz,zstd,/usr/bin/zstd,curl,/usr/bin/curl,git,/usr/bin/git,deno,openssl,timeout,rm,setpriv,umount,unshare,df,qemu-system-x86_64,/usr/bin/qemu-system-x86_64,mkfifo,tee,dd,debugfs,/usr/sbin/debugfs,mkdir,mkfs.ext4,/usr/sbin/mkfs.ext4,mv,sfdisk,/usr/sbin/sfdisk,truncate \
--allow-read \
--allow-write \
--allow-env=TERM,NO_COLOR,PAGER,HOME,XDG_CACHE_HOME,SUDO_UID,PATH,DENO_DIR,DENORT_BIN,DENO_CERT,DENO_TLS_CA_STORE,NODE_EXTRA_CA_CERTS,SSL_CERT_FILE,SSL_CERT_DIR,NPM_CONFIG_REGISTRY,HTTP_PROXY,HTTPS_PROXY,NO_PROXY \
--ignore-env \
--allow-sys=uid"
    ;;
test-nspawn)
    flags="\
--no-prompt \
--allow-run=apt-get,id,sudo,mmdebstrap,/usr/bin/mmdebstrap,tar,/usr/bin/tar,bsdtar,/usr/bin/bsdtar,cat,cp,find,install,touch,depmod,/usr/sbin/depmod,modinfo,/usr/sbin/modinfo,bzip2,gzip,lz4,pigz,xz,/usr/bin/xz,zstd,/usr/bin/zstd,curl,/usr/bin/curl,git,/usr/bin/git,deno,openssl,timeout,rm,setpriv,umount,unshare,df,qemu-system-x86_64,/usr/bin/qemu-system-x86_64,mkfifo,tee,dd,debugfs,/usr/sbin/debugfs,mkdir,mkfs.ext4,/usr/sbin/mkfs.ext4,mv,sfdisk,/usr/sbin/sfdisk,truncate,ip,/usr/sbin/ip,losetup,/usr/sbin/losetup,lsblk,/usr/bin/lsblk,systemd-nspawn,/usr/bin/systemd-nspawn \
--allow-read \
--allow-write \
--allow-env=TERM,NO_COLOR,PAGER,HOME,XDG_CACHE_HOME,SUDO_UID,PATH,DENO_DIR,DENORT_BIN,DENO_CERT,DENO_TLS_CA_STORE,NODE_EXTRA_CA_CERTS,SSL_CERT_FILE,SSL_CERT_DIR,NPM_CONFIG_REGISTRY,HTTP_PROXY,HTTPS_PROXY,NO_PROXY \
--ignore-env \
--allow-sys=uid"
    ;;
bench)
    flags="\
--no-prompt \
--allow-run=apt-get,id,sudo,mmdebstrap,/usr/bin/mmdebstrap,tar,/usr/bin/tar,bsdtar,/usr/bin/bsdtar,cat,cp,find,install,touch,depmod,/usr/sbin/depmod,modinfo,/usr/sbin/modinfo,bzip2,gzip,lz4,pigz,xz,/usr/bin/xz,zstd,/usr/bin/zstd,curl,/usr/bin/curl,git,/usr/bin/git,deno,openssl,timeout,rm,setpriv,umount,unshare,df,qemu-system-x86_64,/usr/bin/qemu-system-x86_64,mkfifo,tee,dd,debugfs,/usr/sbin/debugfs,mkdir,mkfs.ext4,/usr/sbin/mkfs.ext4,mv,sfdisk,/usr/sbin/sfdisk,truncate \
--allow-read \
--allow-write \
--allow-env=TERM,NO_COLOR,PAGER,HOME,XDG_CACHE_HOME,SUDO_UID,PATH,DENO_DIR,DENORT_BIN,DENO_CERT,DENO_TLS_CA_STORE,NODE_EXTRA_CA_CERTS,SSL_CERT_FILE,SSL_CERT_DIR,NPM_CONFIG_REGISTRY,HTTP_PROXY,HTTPS_PROXY,NO_PROXY \
--ignore-env \
--allow-sys=uid"
    ;;
*)
    flags="\
--no-prompt \
--allow-read \
--allow-env=TERM,NO_COLOR,PAGER,HOME,XDG_CACHE_HOME,SUDO_UID \
--ignore-env \
--allow-sys=uid"
    ;;
esac
