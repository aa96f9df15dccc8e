/** A command of ours for the tree at hand, as a person types it. Pure. */

import { commandToType } from "../command_to_type.ts";
import { quoteCommand } from "../errors.ts";
import type { HostTree } from "./tree.ts";

export function commandOnTree({ prefix, isRunning }: HostTree, command: "setup-server" | "undo-setup"): string {
  return commandToType(command, {
    asRoot: true,
    ...isRunning ? {} : { arguments: quoteCommand(["--root", prefix]) },
  });
}
