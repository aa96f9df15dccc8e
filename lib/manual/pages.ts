/** Which manual pages there are. Pure. */
import type { ProgramDescription } from "./description.ts";
import type { PageHead, PageName } from "./roff.ts";

export interface ManualPage extends PageName {
  /** man(7) */
  readonly text: string;
}

export type PageEdition = Pick<PageHead, "version" | "date">;

export const configPage = { name: "stiefelsystem.yaml", section: 5 } as const;
export const agentsPage = { name: "stiefelsystem-agents", section: 8 } as const;

/** In the order in which pages refer to each other. */
export function pages({ name, commands }: ProgramDescription): readonly PageName[] {
  return [
    { name, section: 1 },
    ...commands.filter((command) => command.name !== "help")
      .map((command) => ({ name: `${name}-${command.name}`, section: 1 } as const)),
    configPage,
    agentsPage,
  ];
}
