/**
 * setup-server, undo-setup and init, stopped at each of their questions: undo gives the system back. On a terminal:
 * terminal_transcripts.
 */

import assert from "node:assert/strict";
import { init } from "../../lib/cli/commands/init.ts";
import { setupServer } from "../../lib/cli/commands/setup_server.ts";
import { undoSetup } from "../../lib/cli/commands/undo_setup.ts";
import { StoppedByUser } from "../../lib/errors.ts";
import type { Ui } from "../../lib/ui.ts";
import { createScriptedUi, type ScriptedAnswer, snapshot } from "../support/host_rig.ts";
import { createMadeUpLaptop, type MadeUpLaptop } from "../support/made_up_laptop.ts";

const yes = (): Ui => createScriptedUi(["yes"]);

interface Command {
  readonly questions: number;
  readonly run: (laptop: MadeUpLaptop, ui: Ui) => Promise<void>;
  readonly prepare?: (laptop: MadeUpLaptop) => Promise<void>;
}

const commands: Readonly<Record<string, Command>> = {
  "setup-server": { questions: 19, run: ({ system, setup }, ui) => setupServer(system, ui, setup) },
  "undo-setup": {
    questions: 17,
    prepare: ({ system, setup }) => setupServer(system, yes(), setup),
    run: ({ system }, ui) => undoSetup(system, ui),
  },
  init: { questions: 4, run: ({ system, setup }, ui) => init(system, ui, { configPath: setup.configPath }) },
};

for (const [name, { questions, run, prepare }] of Object.entries(commands)) {
  Deno.test(`Ctrl-C and "abort" at each of the ${questions} questions of ${name}: undo gives the system back`, async () => {
    // "no" is all the others than Ctrl-C that init knows.
    for (const how of name === "init" ? ["ctrl-c"] as const : ["ctrl-c", "abort"] as const) {
      for (let stopAt = 1; stopAt <= questions; stopAt++) {
        const laptop = await createMadeUpLaptop();
        const before = snapshot(laptop.system);
        await prepare?.(laptop);
        const answers: readonly ScriptedAnswer[] = [...Array<ScriptedAnswer>(stopAt - 1).fill("yes"), how];
        const ui = createScriptedUi(answers);
        await assert.rejects(run(laptop, ui), StoppedByUser, `stopped at question ${stopAt}`);
        assert.equal(ui.questions.length, stopAt);
        if (name !== "init") assert.ok(ui.said.some((line) => line.startsWith("Stopped")), `${stopAt}`);
        await undoSetup(laptop.system, yes());
        assert.deepEqual(snapshot(laptop.system), before, `stopped at question ${stopAt}`);
      }
    }
    const laptop = await createMadeUpLaptop();
    await prepare?.(laptop);
    const ui = createScriptedUi(["yes"]);
    await run(laptop, ui);
    assert.equal(ui.questions.length, questions, "all questions were tried");
  });
}
