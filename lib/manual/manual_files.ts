/** All manual pages and completions, where programs look for them below a folder like /usr/share. Pure. */
import { formatAgentsPage } from "./agents_page.ts";
import { formatBashCompletion } from "./bash_completion.ts";
import { formatConfigPage } from "./config_page.ts";
import type { ProgramDescription } from "./description.ts";
import { formatFishCompletion } from "./fish_completion.ts";
import { agentsPage, configPage, type ManualPage, type PageEdition } from "./pages.ts";
import { formatCommandPages, formatProgramPage } from "./program_pages.ts";
import { formatZshCompletion } from "./zsh_completion.ts";

export interface ManualSources {
  readonly program: ProgramDescription;
  /** What each agent prints with --help. */
  readonly agentUsages: readonly string[];
  readonly edition: PageEdition;
}

/** For tests, and for the task that writes them. @returns path -> text */
export function manualFiles({ program, agentUsages, edition }: ManualSources): ReadonlyMap<string, string> {
  const all: readonly ManualPage[] = [
    { name: program.name, section: 1, text: formatProgramPage(program, edition) },
    ...formatCommandPages(program, edition),
    { ...configPage, text: formatConfigPage(edition) },
    { ...agentsPage, text: formatAgentsPage(agentUsages, edition) },
  ];
  return new Map([
    ...all.map(({ name, section, text }) => [`man/man${section}/${name}.${section}`, text] as const),
    [`bash-completion/completions/${program.name}`, formatBashCompletion(program)],
    [`zsh/site-functions/_${program.name}`, formatZshCompletion(program)],
    [`fish/vendor_completions.d/${program.name}.fish`, formatFishCompletion(program)],
  ]);
}
