/** The menus that boot loaders would show, over all partitions of a disk, most telling first. Pure. */

import { orderEntries } from "./bls.ts";
import type { BlsCandidate, BlsMenu } from "./bls_menu.ts";
import type { BootLoader } from "./entry.ts";
import type { UnifiedParts } from "./read_unified.ts";
import type { LoaderMenu, Survey } from "./survey.ts";
import { findOwner, type Owner, type SystemIdentity } from "./system_identity.ts";

/** An entry of a menu, on one of the partitions. */
export interface MenuCandidate {
  /** Number of the partition with the menu. */
  readonly partition: number;
  /** Number of the partition with kernel and initramfs, where that is another. */
  readonly filesPartition?: number;
  readonly loader: BootLoader;
  readonly title: string;
  /** The file that names it. */
  readonly source: string;
  readonly kernel: string;
  readonly initrds: readonly string[];
  readonly unified?: UnifiedParts;
  readonly commandLine: string;
  readonly notices: readonly string[];
  readonly owner: Owner;
  /** Why it is not to be started. */
  readonly problem?: string;
}

export interface Menu {
  readonly rank: number;
  /** The default first. */
  readonly candidates: readonly MenuCandidate[];
  /** Problems of the menu as a whole, and of entries that it does not show. */
  readonly problems: readonly string[];
}

/** What only one boot loader reads comes first, then what may be left over from an earlier one. */
const ranks = { systemdBoot: 0, grub: 1, entries: 2, extlinux: 3, unified: 4 } as const;

/** @param system whose entries are looked for, where that is known */
export function listMenus(surveys: readonly Survey[], system: SystemIdentity | undefined): readonly Menu[] {
  const menus = surveys.flatMap(({ loaderMenus }, partition) =>
    loaderMenus.map((menu) => placeLoaderMenu(menu, { surveys, partition, system }))
  );
  return [...menus, ...listBlsMenus(surveys, system)].toSorted((a, b) => a.rank - b.rank);
}

interface MenuPlace {
  readonly surveys: readonly Survey[];
  readonly partition: number;
  readonly system: SystemIdentity | undefined;
}

function placeLoaderMenu({ loader, entries, problems }: LoaderMenu, { surveys, partition, system }: MenuPlace): Menu {
  const candidates = entries.map(({ partition: name, ...entry }): MenuCandidate => {
    const other = surveys.findIndex((survey) => survey.name === name);
    return {
      ...entry,
      partition,
      ...name === undefined || other < 0 ? {} : { filesPartition: other },
      loader,
      owner: findOwner({ ...entry, id: "" }, system),
    };
  });
  return { rank: loader === "grub" ? ranks.grub : ranks.extlinux, candidates, problems };
}

interface PlacedBls {
  readonly menu: BlsMenu;
  readonly partition: number;
  /** A GRUB beside it reads the same entries. */
  readonly isGrubs: boolean;
}

/** systemd-boot shows the entries of its own partition (ESP) and of XBOOTLDR in one menu. */
function listBlsMenus(surveys: readonly Survey[], system: SystemIdentity | undefined): readonly Menu[] {
  const all: readonly PlacedBls[] = surveys.flatMap(({ blsMenus, loaderMenus }, partition) =>
    blsMenus.map((menu) => ({ menu, partition, isGrubs: loaderMenus.some(({ loader }) => loader === "grub") }))
  );
  const loaders = all.filter(({ menu }) => menu.isSystemdBoot);
  const others = all.filter(({ menu }) => !menu.isSystemdBoot);
  if (loaders.length === 0) return others.map((one) => mergeBls([one], system));
  const extended = others.filter(({ isGrubs }) => !isGrubs);
  return [
    ...loaders.map((one) => mergeBls([one, ...extended], system)),
    ...others.filter(({ isGrubs }) => isGrubs).map((one) => mergeBls([one], system)),
  ];
}

interface PlacedBlsCandidate extends BlsCandidate {
  readonly partition: number;
}

function mergeBls(placed: readonly PlacedBls[], system: SystemIdentity | undefined): Menu {
  const [first] = placed;
  const listed = placed.flatMap(({ menu, partition }) =>
    menu.listed.map((candidate): PlacedBlsCandidate => ({ ...candidate, partition }))
  );
  const { entries, notices: unfollowed } = orderEntries(listed, first?.menu.loaderConf);
  const notices = [...first?.menu.notices ?? [], ...unfollowed];
  const isUnified = listed.every(({ unified }) => unified !== undefined);
  const rank = first?.menu.isSystemdBoot ? ranks.systemdBoot : isUnified ? ranks.unified : ranks.entries;
  const candidates = entries.map(({ partition, tries, namedKernel, ...entry }): MenuCandidate => ({
    ...entry,
    partition,
    loader: rank === ranks.unified ? "unified" : "systemd-boot",
    notices: [
      ...notices,
      ...entry.notices,
      ...tries?.left === 0 ? [`"${entry.source}" has used up all its boot attempts`] : [],
    ],
    owner: findOwner({ ...entry, kernel: namedKernel }, system),
  }));
  const starts = candidates.some(({ problem }) => problem === undefined);
  const none = listed.length === 0 ? [] : [`No entry in "${first?.menu.entriesDirectory}" starts a Linux kernel`];
  return { rank, candidates, problems: [...starts ? [] : none, ...placed.flatMap(({ menu }) => menu.problems)] };
}
