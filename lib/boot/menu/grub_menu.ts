/** GRUB's menu: entries in submenus, and which of them is the default. Pure. */

import type { Statement } from "./grub_script.ts";

/** A menu entry before it is run. */
export interface MenuEntry {
  readonly title: string;
  readonly id: string;
  readonly args: readonly string[];
  readonly body: readonly Statement[];
  /** Variables as the entry's submenu has left them; undefined for an entry of the main menu, whose variables are those at its end. */
  readonly variables?: ReadonlyMap<string, string>;
  /** Of a submenu. */
  readonly children?: readonly MenuEntry[];
}

/** All entries that are no submenus, in their order. */
export function flattenMenu(menu: readonly MenuEntry[]): readonly MenuEntry[] {
  return menu.flatMap((entry) => entry.children === undefined ? [entry] : flattenMenu(entry.children));
}

/**
 * The entry that GRUB's variable `default` means: a number, a title or an id, with ">" between a submenu and what is in it.
 * As in GRUB, what is not found is the first one.
 * @returns undefined for an empty menu
 */
export function findDefault(menu: readonly MenuEntry[], wish: string): MenuEntry | undefined {
  let level = menu;
  // ">>" is a ">" in a title.
  for (const step of wish.split(/(?<!>)>(?!>)/).map((part) => part.replaceAll(">>", ">"))) {
    const chosen = findEntry(level, step) ?? level[0];
    if (chosen?.children === undefined) return chosen;
    level = chosen.children;
  }
  return flattenMenu(level)[0];
}

function findEntry(menu: readonly MenuEntry[], wish: string): MenuEntry | undefined {
  if (/^\s*\d+\s*$/.test(wish)) return menu[Number(wish)];
  return menu.find((entry) => entry.title === wish || entry.id === wish);
}
