import assert from "node:assert/strict";
import { createMemorySystem } from "../system/memory.ts";
import { bootstrapProgram, findBootstrapHost } from "./bootstrap_program.ts";

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
    "setpriv --pdeathsig=TERM timeout --kill-after=3 3600 unshare --mount --propagation=private mmdebstrap",
  );
  const container = await as("0", false);
  assert.equal(
    bootstrapProgram(container).join(" "),
    "setpriv --pdeathsig=TERM timeout --kill-after=3 3600 mmdebstrap",
  );
  const user = await as("1000", true);
  assert.deepEqual(user, { mode: "unshare", hasMountNamespace: false });
  assert.equal(bootstrapProgram(user).includes("unshare"), false);
});
