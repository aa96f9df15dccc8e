import assert from "node:assert/strict";
import { createMemorySystem, type MemorySystem } from "../../tests/support/memory_system.ts";
import { checkMemory, executeKernel, loadArguments, loadKernel } from "./kexec.ts";

function machine(facts: { readonly loaded?: string; readonly availableKiB?: number }): MemorySystem {
  return createMemorySystem({
    commands: [
      ([program, path]) =>
        program === "cat" && path === "/sys/kernel/kexec_loaded" ? `${facts.loaded ?? "1"}\n` : undefined,
      ([program]) => program === "cat" ? `MemTotal: 1 kB\nMemAvailable:   ${facts.availableKiB ?? 0} kB\n` : undefined,
      () => 0,
    ],
  });
}

Deno.test("kernel, initramfs and command line reach kexec as single words", () => {
  assert.deepEqual(loadArguments({ kernel: "/run/k", initramfs: "/run/i", commandLine: '-x "a b" c' }, "unchecked"), [
    "kexec",
    "--load",
    "--kexec-syscall",
    "--no-checks",
    "--initrd=/run/i",
    '--command-line=-x "a b" c',
    "/run/k",
  ]);
  const bare = loadArguments({ kernel: "/k", commandLine: "" }, "by-kernel");
  assert.deepEqual(bare, ["kexec", "--load", "--kexec-file-syscall", "--command-line=", "/k"]);
});

Deno.test("a kernel counts as loaded only when the running one says so", async () => {
  await loadKernel(machine({ loaded: "1" }), { kernel: "/k", commandLine: "" });
  await assert.rejects(
    loadKernel(machine({ loaded: "0" }), { kernel: "/k", commandLine: "" }),
    /kexec_loaded is not 1/,
  );
});

Deno.test("a locked down kernel is asked to check the new one itself", async () => {
  const loads: string[] = [];
  const system = createMemorySystem({
    commands: [([program, , how = ""]) => {
      if (program === "cat") return "1\n";
      loads.push(how);
      return how === "--kexec-syscall" ? 1 : 0;
    }],
  });
  await loadKernel(system, { kernel: "/k", commandLine: "" });
  assert.deepEqual(loads, ["--kexec-syscall", "--kexec-file-syscall"]);
});

Deno.test("an error names the signature when the kernel was refused for it, and quotes kexec otherwise", async () => {
  const cases = [
    ["kexec_file_load failed: No data available", /"\/k" cannot be started here: it is not signed$/],
    ["kexec_file_load failed: Key was rejected by service", /it is not what was signed/],
    ["kexec_file_load failed: Accessing a corrupted shared library", /it is not what was signed/],
    ["kexec_file_load failed: Required key not available", /a key that this machine does not trust/],
    ["kexec_file_load failed: Cannot allocate memory", /"kexec" exited with status 255/],
  ] as const;
  for (const [stderr, message] of cases) {
    const system = createMemorySystem({ commands: [() => ({ exitCode: 255, stdout: "", stderr })] });
    await assert.rejects(loadKernel(system, { kernel: "/k", commandLine: "" }), message, stderr);
  }
});

Deno.test("too little memory is an error before anything is loaded, with the needed and the available amount", async () => {
  const bytes = 100 * 1024 * 1024;
  await checkMemory(machine({ availableKiB: 164 * 1024 }), bytes);
  await assert.rejects(checkMemory(machine({ availableKiB: 164 * 1024 - 1 }), bytes), {
    code: "no-memory",
    message: "Not enough memory to start the new kernel: 164 MiB are needed, 163 MiB are available",
  });
});

Deno.test("nothing is executed when nothing is loaded", async () => {
  const system = machine({ loaded: "0" });
  await assert.rejects(executeKernel(system), /No kernel is loaded/);
  assert.equal(system.ran.some(([program]) => program === "kexec"), false);
});

Deno.test("data is synced before the jump", async () => {
  const system = machine({});
  const jump = executeKernel(system);
  const failed = assert.rejects(jump, /did not start within 60 seconds/);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  assert.deepEqual(system.ran.slice(-2), [["sync"], ["kexec", "--exec"]]);
  system.advance(60_000);
  await failed;
});
