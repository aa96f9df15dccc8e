/** GRUB's menu: entries in submenus, and which of them is the default. Pure. */

import type { Statement } from "./grub_script.ts";

/** A menu entry before it is run. */
export interface MenuEntry {
  readonly title: string;
  readonly id: string;
  readonly args: readonly string[];
  readonly body: readonly Statement[];
  readonly isSubmenu: boolean;
}

/** A menu with what was set when it was shown. */
export interface Menu {
  readonly entries: readonly MenuEntry[];
  readonly variables: ReadonlyMap<string, string>;
  /**
   * Files that led to it. One that is named again is of the same name on another partition, or would only show the
   * same menu again.
   */
  readonly files: ReadonlySet<string>;
}

/**
 * The entry that one step of GRUB's variable `default` means: a number, a title or an id.
 * @returns undefined when it means none; GRUB then takes the first
 */
export function findByWish(entries: readonly MenuEntry[], wish: string): MenuEntry | undefined {
  if (/^\s*\d+\s*$/.test(wish)) return entries[Number(wish)];
  return entries.find(({ id }) => id === wish) ?? entries.find(({ title }) => title === wish) ??
    // A number may be followed by anything, as strtoul(3) reads it.
    entries[Number(/^\s*(\d+)\s/.exec(wish)?.[1] ?? -1)];
}

/** `submenu>entry` -> what this menu takes, and what is left for the submenu; ">>" is a ">" in a title. */
export function splitWish(wish: string): { readonly step: string; readonly rest: string } {
  let at = wish.indexOf(">");
  while (at !== -1 && wish.charAt(at + 1) === ">") at = wish.indexOf(">", at + 2);
  const [step, rest] = at === -1 ? [wish, ""] : [wish.slice(0, at), wish.slice(at + 1)];
  return { step: step.replaceAll(">>", ">"), rest };
}
