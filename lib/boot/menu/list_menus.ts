/** The menus that boot loaders would show, over all partitions of a disk, most telling first. Pure. */

import { findRoot } from "../../formats/kernel_command_line.ts";
import { areOtherDevices } from "../../formats/mount_tables.ts";
import { orderEntries } from "./bls.ts";
import type { BlsCandidate, BlsMenu } from "./bls_menu.ts";
import type { BootLoader } from "./entry.ts";
import type { UnifiedParts } from "./read_unified.ts";
import type { LoaderMenu, PlacedEntry, Survey } from "./survey.ts";
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
  const systems = surveys.flatMap((survey) => survey.systems).filter((one) => one !== system);
  const menus = surveys.flatMap(({ loaderMenus }, partition) =>
    loaderMenus.map((menu) => placeLoaderMenu(menu, { surveys, partition, system, systems }))
  );
  return [...menus, ...listBlsMenus(surveys, { system, systems })].toSorted((a, b) => a.rank - b.rank);
}

interface KnownSystems {
  readonly system: SystemIdentity | undefined;
  /** The others on the disk. */
  readonly systems: readonly SystemIdentity[];
}

interface MenuPlace extends KnownSystems {
  readonly surveys: readonly Survey[];
  readonly partition: number;
}

function placeLoaderMenu(menu: LoaderMenu, { surveys, partition, system, systems }: MenuPlace): Menu {
  const { loader, entries, alternatives = [], problems } = menu;
  const place = ({ partition: name, ...entry }: PlacedEntry): MenuCandidate => {
    const other = surveys.findIndex((survey) => survey.name === name);
    const owner = findOwner({ ...entry, id: "" }, system, systems);
    return {
      ...entry,
      notices: [...entry.notices, ...describeOtherRoot({ ...entry, owner }, system)],
      partition,
      ...name === undefined || other < 0 ? {} : { filesPartition: other },
      loader,
      owner,
    };
  };
  const candidates = entries.map(place);
  if (candidates[0]?.owner === "foreign") candidates.push(...alternatives.map(place));
  return { rank: loader === "grub" ? ranks.grub : ranks.extlinux, candidates, problems };
}

interface PlacedBls {
  readonly menu: BlsMenu;
  readonly partition: number;
  /** A GRUB beside it reads the same entries. */
  readonly isGrubs: boolean;
}

/** systemd-boot shows the entries of its own partition (ESP) and of XBOOTLDR in one menu. */
function listBlsMenus(surveys: readonly Survey[], known: KnownSystems): readonly Menu[] {
  const all: readonly PlacedBls[] = surveys.flatMap(({ blsMenus, loaderMenus }, partition) =>
    blsMenus.map((menu) => ({ menu, partition, isGrubs: loaderMenus.some(({ loader }) => loader === "grub") }))
  );
  const loaders = all.filter(({ menu }) => menu.isSystemdBoot);
  const others = all.filter(({ menu }) => !menu.isSystemdBoot);
  if (loaders.length === 0) return others.map((one) => mergeBls([one], known));
  const extended = others.filter(({ isGrubs }) => !isGrubs);
  return [
    ...loaders.map((one) => mergeBls([one, ...extended], known)),
    ...others.filter(({ isGrubs }) => isGrubs).map((one) => mergeBls([one], known)),
  ];
}

interface PlacedBlsCandidate extends BlsCandidate {
  readonly partition: number;
}

function mergeBls(placed: readonly PlacedBls[], { system, systems }: KnownSystems): Menu {
  const [first] = placed;
  const listed = placed.flatMap(({ menu, partition }) =>
    menu.listed.map((candidate): PlacedBlsCandidate => ({ ...candidate, partition }))
  );
  const { entries, notices: unfollowed } = orderEntries(listed, first?.menu.loaderConf);
  const notices = [...first?.menu.notices ?? [], ...unfollowed];
  const isUnified = listed.every(({ unified }) => unified !== undefined);
  const rank = first?.menu.isSystemdBoot ? ranks.systemdBoot : isUnified ? ranks.unified : ranks.entries;
  const candidates = entries.map(({ partition, tries, namedKernel, ...entry }): MenuCandidate => {
    const owner = findOwner({ ...entry, kernel: namedKernel }, system, systems);
    return {
      ...entry,
      partition,
      loader: rank === ranks.unified ? "unified" : "systemd-boot",
      notices: [
        ...notices,
        ...entry.notices,
        ...tries?.left === 0 ? [`"${entry.source}" has used up all its boot attempts`] : [],
        ...describeOtherRoot({ ...entry, owner }, system),
      ],
      owner,
    };
  });
  const starts = candidates.some(({ problem }) => problem === undefined);
  const none = listed.length === 0 ? [] : [`No entry in "${first?.menu.entriesDirectory}" starts a normal Linux`];
  return { rank, candidates, problems: [...starts ? [] : none, ...placed.flatMap(({ menu }) => menu.problems)] };
}

/** Nothing else says whose entry it is, and its root is surely another one: a cloned disk, or another system's. */
function describeOtherRoot(
  { source, commandLine, owner }: Pick<MenuCandidate, "source" | "commandLine" | "owner">,
  system: SystemIdentity | undefined,
): readonly string[] {
  const [root, own] = [findRoot(commandLine), system?.rootSource];
  if (owner !== "unknown" || root === undefined || own === undefined || !areOtherDevices(root, own)) return [];
  return [`"${source}" has root=${root}, but /etc/fstab has ${own} for "/": it may start another system`];
}
