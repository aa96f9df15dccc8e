/** Asks for a secret on the real terminal, twice, and says what was typed; for tests. */

import { createTerminalUi } from "../../lib/cli/terminal_ui.ts";

const ui = createTerminalUi();
ui.say(`Typed: ${JSON.stringify([await ui.askSecret("Passphrase"), await ui.askSecret("Again")])}`);
Deno.exit();
