import assert from "node:assert/strict";
import { createMemorySystem } from "../../tests/support/memory_system.ts";
import { bootstrapProgram, findBootstrapHost, readBootstrapStep } from "./bootstrap_program.ts";

Deno.test("P17: as root mmdebstrap mounts in a namespace of its own, where the machine allows one", async () => {
  const as = (uid: string, canUnshare: boolean) =>
    findBootstrapHost(createMemorySystem({
      commands: [
        ([program]) => program === "id" ? `${uid}\n` : program === "unshare" ? (canUnshare ? "" : 1) : undefined,
      ],
    }));
  const root = await as("0", true);
  assert.deepEqual(root, { mode: "root", hasMountNamespace: true });
  assert.equal(
    bootstrapProgram(root).join(" "),
    "setpriv --pdeathsig=TERM timeout --kill-after=3 3600 unshare --mount --propagation=private mmdebstrap --mode=root",
  );
  const container = await as("0", false);
  assert.equal(
    bootstrapProgram(container).join(" "),
    "setpriv --pdeathsig=TERM timeout --kill-after=3 3600 mmdebstrap --mode=root",
  );
  const user = await as("1000", true);
  assert.deepEqual(user, { mode: "unshare", hasMountNamespace: false });
  assert.equal(
    bootstrapProgram(user).join(" "),
    "setpriv --pdeathsig=TERM timeout --kill-after=3 3600 mmdebstrap --mode=unshare",
  );
});

Deno.test("steps of mmdebstrap are distinguished from its other output", () => {
  assert.equal(readBootstrapStep("I: extracting archives..."), "extracting archives");
  const others = [
    "I: main() received signal PIPE: waiting for setup...",
    "W: skipping",
    "I: skipping emulation check for x",
  ];
  for (const line of [...others, "Get:1 http://m trixie"]) assert.equal(readBootstrapStep(line), undefined);
});
