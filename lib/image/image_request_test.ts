import assert from "node:assert/strict";
import { loadConfig } from "../config/load_config.ts";
import { formatAgentSettings, parseAgentSettings } from "../formats/agent_settings.ts";
import { makeAgentSettings, makeImageRequest } from "./image_request.ts";
import { type ImageRequest, planImage } from "./plan_image.ts";

async function requestFor(yaml: string): Promise<ImageRequest> {
  const { config } = await loadConfig(yaml, "config.yaml");
  const found = { overlay: "", agentSources: "", runtime: "", sharedKey: "" };
  return makeImageRequest(config, { mirror: "http://m/debian", agentForm: "bundle", found });
}

Deno.test("packages of base, modules, firmware and the configuration come together, each once", async () => {
  const { packages, components } = await requestFor("modules: [base, lvm]\ninitrd: {include-packages: [mc, busybox]}");
  for (const name of ["linux-image-amd64", "nbdkit", "lvm2", "firmware-realtek", "mc"]) {
    assert.ok(packages.includes(name), name);
  }
  assert.equal(packages.length, new Set(packages).size);
  assert.deepEqual(components, ["main", "non-free-firmware"]);
});

Deno.test("an image for arm64 has its kernel and boot loaders, and nothing of amd64", async () => {
  const request = await requestFor("image: {architecture: arm64}");
  assert.deepEqual(request.packages.filter((name) => name.startsWith("linux-")), ["linux-image-arm64"]);
  // What the agents may read names the libraries of both.
  const plan = planImage(request).filter(({ name }) => name !== "agents");
  assert.doesNotMatch(JSON.stringify(plan), /amd64|x86_64|x64\.efi/);
});

Deno.test("without the usual firmware, that of the chosen packages comes all the same", async () => {
  const request = await requestFor("image: {firmware: false}\ninitrd: {include-packages: [firmware-intel-misc]}");
  assert.deepEqual(request.packages.filter((name) => name.startsWith("firmware-")), ["firmware-intel-misc"]);
  assert.deepEqual(request.components, ["main", "non-free-firmware"]);
});

Deno.test("without firmware the archive's free part is enough", async () => {
  const { packages, components } = await requestFor("image: {firmware: false}");
  assert.ok(!packages.some((name) => name.startsWith("firmware-")));
  assert.deepEqual(components, ["main"]);
});

Deno.test("a package that the configuration names comes whole", async () => {
  const plain = await requestFor("");
  assert.ok(plain.excludedPackages.includes("coreutils") && "util-linux" in plain.partialPackages);
  const asked = await requestFor("initrd: {include-packages: [coreutils, util-linux]}");
  assert.ok(!asked.excludedPackages.includes("coreutils") && !("util-linux" in asked.partialPackages));
});

Deno.test("a debugging image has every package whole", async () => {
  assert.deepEqual((await requestFor("modules: [debug]")).partialPackages, {});
});

Deno.test("the agents learn what the configuration says of disk, boot entry and end", async () => {
  const { config } = await loadConfig(
    "boot: {disk: /dev/sda, part: {type: plain, block: /dev/sda1}}\nserver: {on-end: wait, name: laptop}",
    "config.yaml",
  );
  assert.deepEqual(makeAgentSettings(config), {
    version: 1,
    boot: { disk: "/dev/sda", part: { type: "plain", block: "/dev/sda1" } },
    onEnd: "wait",
    name: "laptop",
  });
  const { config: onVlan } = await loadConfig("network: {vlan: 20}", "config.yaml");
  assert.equal(parseAgentSettings(formatAgentSettings(makeAgentSettings(onVlan))).vlan, 20);
});

Deno.test("what passes a network on is in the image of a laptop that does, and in no other", async () => {
  const macs = `server: {pass-on-from: ["02:00:00:00:00:01"], pass-on-to: ["02:00:00:00:00:02"]}`;
  const [plain, asked] = [await requestFor(""), await requestFor(macs)];
  for (const name of ["dnsmasq-base", "nftables"]) {
    assert.deepEqual([plain, asked].map(({ packages }) => packages.includes(name)), [false, true], name);
  }
  const added = asked.modulePatterns.filter((pattern) => !plain.modulePatterns.includes(pattern));
  assert.ok(added.includes("net/netfilter/nft_masq") && added.every((pattern) => pattern.startsWith("net/netfilter/")));
  const stages = (request: ImageRequest) => new Map(planImage(request).map(({ name, inputs }) => [name, inputs]));
  assert.doesNotMatch(JSON.stringify(stages(plain).get("overlay")), /passOn/);
  assert.match(JSON.stringify(stages(asked).get("overlay")), /FROM=02:00:00:00:00:01/);
});
