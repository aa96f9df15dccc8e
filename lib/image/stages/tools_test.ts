import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../../../tests/support/memory_system.ts";
import { loadConfig } from "../../config/load_config.ts";
import { UserError } from "../../errors.ts";
import { makeImageRequest } from "../image_request.ts";
import type { StageContext } from "./context.ts";
import { findStageHost } from "./stage_host.ts";
import { buildTools } from "./tools.ts";

async function contextFor(system: MemorySystem): Promise<StageContext> {
  const found = { overlay: "o", agentSources: "a", runtime: "r", sharedKey: "k", archiveKeys: "d" };
  const { config } = await loadConfig("", "config.yaml");
  return {
    system,
    request: makeImageRequest(config, { mirror: "http://mirror.example/debian", agentForm: "bundle", found }),
    places: { project: "/p", deno: "/deno", runtime: "/deno", denoEnvironment: {}, key: "/key" },
    progress: { update: () => {}, note: () => {}, finish: () => {}, fail: () => {} },
    signal: new AbortController().signal,
    directory: "/c/unfinished-tools-1",
    result: (name) => ({ directory: `/c/${name}-1`, record: { fingerprint: name, summary: "" } }),
  };
}

const optionOf = (argv: readonly string[], name: string): string => argv[argv.indexOf(name) + 1] ?? "";

Deno.test("packages that debootstrap has verified are unpacked, and get accounts and our keys alone", async () => {
  const system: MemorySystem = createMemorySystem({
    files: { "/p/image/keyring/debian-archive.gpg": "keys" },
    commands: [async (argv) => {
      if (argv.includes("debootstrap")) {
        const archives = `${argv.at(-3)}/var/cache/apt/archives`;
        for (const name of ["apt_3_amd64.deb", "perl_5_amd64.deb", "partial/x"]) {
          await system.writeFile(`${archives}/${name}`, "");
        }
      } else if (argv[0] === "bsdtar" && argv.includes("data.tar*")) {
        await system.writeFile(`${optionOf(argv, "-C")}/data.tar.xz`, "");
      } else if (argv[0] === "tar") {
        const tree = optionOf(argv, "-C");
        for (const name of ["passwd", "group"]) {
          await system.writeFile(`${tree}/usr/share/base-passwd/${name}.master`, `root of ${name}\n`);
        }
        await system.writeFile(`${tree}/etc/apt/trusted.gpg.d/other.asc`, "");
      }
      return "";
    }],
  });
  const record = await buildTools(await contextFor(system));
  assert.equal(record.summary, "2 packages");
  assert.ok(system.ran[0]?.includes("--keyring=/p/image/keyring/debian-archive.gpg"));
  const tree = "/c/unfinished-tools-1/tree";
  assert.equal(await system.readText(`${tree}/etc/group`), "root of group\n");
  assert.deepEqual(await system.readDirectory(`${tree}/etc/apt/trusted.gpg.d`), ["debian-archive.gpg"]);
  assert.equal(await system.readText(`${tree}/etc/apt/trusted.gpg.d/debian-archive.gpg`), "keys");
  assert.deepEqual(await system.readDirectory("/c/unfinished-tools-1"), ["tree"]);
});

Deno.test("when debootstrap fails, the reason comes from what its programs have said", async () => {
  const system: MemorySystem = createMemorySystem({
    commands: [async (argv) => {
      await system.writeFile(
        `${argv.at(-3)}/debootstrap/debootstrap.log`,
        "wget: unable to resolve host address ‘m.example’",
      );
      return 1;
    }],
  });
  await assert.rejects(
    buildTools(await contextFor(system)),
    (error: unknown) =>
      error instanceof UserError && /mmdebstrap cannot be fetched: the name "m.example"/.test(error.message),
  );
});

Deno.test("a stage runs the mmdebstrap of the stage tools, with the cache in its tree", async () => {
  const system = createMemorySystem({ commands: [() => "1000\n"] });
  const context = { ...await contextFor(system), directory: "/c/unfinished-base-1" };
  const tree = { root: "/c/tools-1/tree", shared: "/c" };
  assert.deepEqual(await findStageHost(context), { mode: "unshare", hasMountNamespace: false, tree });
});
