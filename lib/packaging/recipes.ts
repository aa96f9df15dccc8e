/** Recipes with which other distributions make their packages of the archive. Pure. */

import { buildPrograms } from "../debian/bootstrap_way.ts";
import { arch } from "../distro/arch.ts";
import { type Distribution, packagesFor } from "../distro/distribution.ts";
import { fedora } from "../distro/fedora.ts";
import { gentoo } from "../distro/gentoo.ts";

export interface RecipeFacts {
  readonly version: string;
  /** File name of the archive. */
  readonly archive: string;
  /** Its sum, in hexadecimal. */
  readonly sha256: string;
  /** Of the folder in the archive. */
  readonly folder: string;
}

const summary = "laptop as the bootable disk of a stronger computer";
const laptopPrograms = ["kexec", "ip", "modprobe"] as const;
const imagePrograms = buildPrograms.debootstrap;

/** Packages of programs that a laptop needs, but for those that each system has. */
function laptopPackages(distribution: Distribution): readonly string[] {
  return packagesFor(distribution, laptopPrograms);
}

/** For tests, and for the task. PKGBUILD(5). */
export function formatPkgbuild({ version, archive, sha256, folder }: RecipeFacts): string {
  const names = laptopPackages(arch).map((name) => `'${name}'`).join(" ");
  return `# PKGBUILD(5). Beside ${archive}: makepkg
pkgname=stiefelsystem
pkgver=${version}
pkgrel=1
pkgdesc='${summary}'
arch=('x86_64')
license=('GPL-3.0-or-later')
depends=('glibc' 'gcc-libs')
optdepends=(${laptopPackages(arch).map((name) => `'${name}: laptops'`).join(" ")} ${
    packagesFor(arch, imagePrograms).map((name) => `'${name}: create-initrd'`).join(" ")
  } 'qemu-system-x86: demo')
source=('${archive}')
sha256sums=('${sha256}')
# Deno is taken as its authors have made it.
options=('!strip' '!debug')

package() {
  # Laptops want ${names}; desktops want nothing.
  cd '${folder}'
  DESTDIR="$pkgdir" ./install.sh
}
`;
}

/** For tests, and for the task. rpm-spec(5). */
export function formatSpec({ version, archive, folder }: RecipeFacts): string {
  return `# rpm-spec(5). With ${archive} in the folder _sourcedir: rpmbuild -bb stiefelsystem.spec
# Deno is taken as its authors have made it.
%global debug_package %{nil}
%global _build_id_links none
%global __strip /bin/true
%global __brp_mangle_shebangs /bin/true
Name: stiefelsystem
Version: ${version}
Release: 1
Summary: Laptop as the bootable disk of a stronger computer
License: GPL-3.0-or-later
Source0: ${archive}
ExclusiveArch: x86_64
AutoReqProv: no
Requires: glibc, libgcc
${laptopPackages(fedora).map((name) => `Recommends: ${name}`).join("\n")}
Recommends: ${packagesFor(fedora, imagePrograms).join(", ")}
Suggests: qemu-system-x86

%description
Over a network cable, a desktop boots the Linux that is installed on a laptop: it runs on the desktop's processor,
graphics and memory, and every block is read from and written to the laptop's disk.

%prep
%setup -q -n ${folder}

%install
DESTDIR="%{buildroot}" ./install.sh
# One entry a line; folders of ours are those with a slash at the end.
sed -e 's,^\\(.*stiefelsystem.*\\)/$,%dir "/\\1",;t' -e '/\\/$/d' -e '/^usr\\/share\\/stiefelsystem\\/files$/d' \\
  -e 's,^usr/share/man/.*,"/&*",;t' -e 's,.*,"/&",' usr/share/stiefelsystem/files >files.list

%preun
if [ "$1" -eq 0 ] && [ -e /var/lib/stiefelsystem/journal.json ]; then
  echo "This laptop is set up for desktops, and stays so. To take that back: sudo stiefelsystem undo-setup" >&2
fi

%files -f files.list
`;
}

/** For tests, and for the task. ebuild(5). */
export function formatEbuild({ version, archive, folder }: RecipeFacts): string {
  return `# ebuild(5): stiefelsystem-${version}.ebuild in a local repository's app-admin/stiefelsystem, ${archive} in DISTDIR;
# "ebuild stiefelsystem-${version}.ebuild manifest" writes the sums down.
EAPI=8

DESCRIPTION="${summary}"
HOMEPAGE="https://wiki.gentoo.org/wiki/No_homepage"
SRC_URI="${archive}"

S="\${WORKDIR}/${folder}"
LICENSE="GPL-3+ MIT ISC BSD"
SLOT="0"
KEYWORDS="-* ~amd64"
# Deno is taken as its authors have made it.
RESTRICT="fetch strip mirror"
QA_PREBUILT="usr/libexec/stiefelsystem/deno"

RDEPEND="
\tsys-libs/glibc
\tsys-devel/gcc
"

src_install() {
\tDESTDIR="\${D}" ./install.sh
}

pkg_postinst() {
\telog "Laptops want ${laptopPackages(gentoo).join(", ")};"
\telog "create-initrd wants ${packagesFor(gentoo, imagePrograms).join(", ")}."
}

pkg_prerm() {
\tif [[ -z \${REPLACED_BY_VERSION} && -e /var/lib/stiefelsystem/journal.json ]]; then
\t\tewarn "This laptop is set up for desktops, and stays so. To take that back: stiefelsystem undo-setup"
\tfi
}
`;
}
