import assert from "node:assert/strict";
import { treePrefix } from "./debian/bootstrap_tree.ts";
import { CommandError, unwrapCommand } from "./errors.ts";

const bootstrap =
  "setpriv --pdeathsig=TERM timeout --kill-after=3 3600 unshare --mount --propagation=private mmdebstrap --mode=root trixie"
    .split(" ");

Deno.test("P8: an error names the program that people know, not the one around it", () => {
  assert.deepEqual(unwrapCommand(bootstrap), { program: "mmdebstrap", isWrapped: true });
  assert.deepEqual(unwrapCommand(["timeout", "60", "/x/denort"]), { program: "/x/denort", isWrapped: true });
  assert.deepEqual(unwrapCommand(["unshare", "--user", "--map-auto", "--", "rm", "-rf", "/x"]), {
    program: "rm",
    isWrapped: true,
  });
  const inTree = ["timeout", "9", ...treePrefix({ root: "/c/tools/tree", shared: "/c" }, "unshare"), "mmdebstrap", "x"];
  assert.deepEqual(unwrapCommand(inTree), { program: "mmdebstrap", isWrapped: true });
  assert.deepEqual(unwrapCommand(["timeout"]), { program: "timeout", isWrapped: false });
  assert.deepEqual(unwrapCommand(["zstd", "-19"]), { program: "zstd", isWrapped: false });
  const said = (exitCode: number, argv: readonly string[] = bootstrap): string =>
    new CommandError({ argv, exitCode, lastLines: [] }).message.split("\n")[0] ?? "";
  assert.equal(said(25), '"mmdebstrap" exited with status 25');
  assert.equal(said(124), '"mmdebstrap" did not end in time and was stopped');
  assert.equal(said(137), '"mmdebstrap" was ended by SIGKILL (memory may have run out)');
  assert.equal(said(127), '"mmdebstrap" was not found');
  assert.equal(said(124, ["zstd"]), '"zstd" exited with status 124');
});
