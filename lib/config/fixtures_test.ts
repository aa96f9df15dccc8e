/**
 * Whole files: one in the form of the original, one with many mistakes. `UPDATE_GOLDEN=1` rewrites the messages about
 * the latter.
 */

import assert from "node:assert/strict";
import { ConfigError, formatDiagnostic } from "./diagnostics.ts";
import { requireDriverSource } from "./driver_source.ts";
import { loadConfig } from "./load_config.ts";

const folder = new URL("../../tests/fixtures/config/", import.meta.url);
const isUpdate = Deno.env.get("UPDATE_GOLDEN") === "1";

Deno.test("a file in the form of the original loads, with warnings for what does nothing any more, and the driver without hash", async () => {
  const text = await Deno.readTextFile(new URL("as-original.yaml", folder));
  const { config, warnings } = await loadConfig(text, "config.yaml");
  assert.deepEqual(warnings.map((warning) => formatDiagnostic(warning, "config.yaml").replace(/, wanted .*/, "")), [
    'config.yaml:2:24: warning: modules[2]: found "nbd"',
    'config.yaml:2:42: warning: modules[4]: found "lvm"',
    "config.yaml:55:5: warning: module-configs.r8152.sha256: found nothing",
  ]);
  const { modules, drivers, ...rest } = config;
  assert.deepEqual([...modules], ["base", "debug", "system-arch", "r8152"]);
  assert.deepEqual(rest, {
    boot: {
      disk: "/dev/disk/by-id/nvme-EXAMPLE_SSD_0001",
      part: {
        type: "luks",
        block: "/dev/laptop/boot",
        luksBlock: "/dev/disk/by-uuid/7f1c2d3e-0000-4000-8000-000000000001",
      },
      load: {
        kernel: "vmlinuz-linux",
        initrd: "/initramfs-stiefel.img",
        cmdline: [
          "root=/dev/laptop/root",
          "rw",
          "cryptdevice=/dev/disk/by-uuid/7f1c2d3e-0000-4000-8000-000000000001:laptop",
        ],
      },
    },
    autokexec: {
      broadcast: true,
      macs: ["02:00:00:aa:bb:cc"],
      countdownSeconds: 10,
      clientTimeoutMinutes: 15,
    },
    serverSetup: {
      stiefelsystemKernel: "/opt/stiefel/kernel",
      stiefelsystemInitrd: "/opt/stiefel/initrd",
      cmdline: ["ro", "nomodeset"],
    },
    initrd: {
      includePackages: ["tree", "zsh", "fio"],
      shell: "/usr/bin/zsh",
      password: "0000",
      packing: {
        compressor: { program: "gzip", arguments: ["-1"] },
        excludePaths: [],
        excludePackages: ["libfdisk1:amd64", "libreadline7", "whiptail"],
      },
    },
    image: { suite: "trixie", architecture: "amd64", agents: "auto", firmware: true },
    block: { security: "wireguard", transport: "auto", mode: "write" },
    server: { onEnd: "reboot" },
    network: {},
    netboot: { links: [], cmdline: [] },
    paths: { cache: "cache", workdir: "/var/tmp/stiefel" },
  });
  const [driver] = drivers;
  assert.ok(driver);
  assert.throws(
    () => requireDriverSource(driver),
    /"r8152" cannot be compiled: found no hash for https:\/\/example.org\/r8152-2.tar.gz/,
  );
});

Deno.test("many mistakes are reported at once", async () => {
  const text = await Deno.readTextFile(new URL("many-mistakes.yaml", folder));
  const golden = new URL("many-mistakes.txt", folder);
  const error = await loadConfig(text, "many-mistakes.yaml").catch((error: unknown) => error);
  assert.ok(error instanceof ConfigError);
  if (isUpdate) await Deno.writeTextFile(golden, `${error.message}\n`);
  assert.equal(`${error.message}\n`, await Deno.readTextFile(golden));
});
