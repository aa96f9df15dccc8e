import assert from "node:assert/strict";
import { UserError } from "../errors.ts";
import { desktopParameters } from "../image/quick_parameters.ts";
import { formatMenu, listMenuEntries } from "./boot_menu.ts";

const quick = desktopParameters.join(" ");
const files = { kernel: "stiefel/kernel", initrds: ["stiefel/base.img", "stiefel/key.img"] } as const;

Deno.test("both boot loaders get the same entries, in the same order, with the same files and parameters", () => {
  const entries = listMenuEntries({ isDebug: true, parameters: ["console=ttyS0,115200"] });
  const menu = formatMenu(entries, files);
  const names = entries.map(({ id }) => `loader/entries/${id}.conf`);
  assert.deepEqual(Object.keys(menu), ["loader/loader.conf", ...names, "boot/grub/grub.cfg"]);
  assert.deepEqual(names.toSorted(), names, "systemd-boot sorts them");
  assert.equal(
    menu["loader/entries/2-safe-graphics.conf"],
    "title Start the laptop's system with safe graphics\nsort-key 2-safe-graphics\nlinux /stiefel/kernel\n" +
      "initrd /stiefel/base.img\ninitrd /stiefel/key.img\n" +
      `options stiefel.role=client ${quick} nomodeset console=ttyS0,115200\n`,
  );
  assert.match(
    menu["boot/grub/grub.cfg"] ?? "",
    /menuentry "Start the laptop's system with safe graphics" \{\n {2}linux \/stiefel\/kernel stiefel\.role=client .* nomodeset console=ttyS0,115200\n {2}initrd \/stiefel\/base\.img \/stiefel\/key\.img\n\}/,
  );
  assert.match(menu["loader/loader.conf"] ?? "", /^default 1-laptop\.conf$/m);
});

Deno.test("on a stick with a place for a second boot no entry is the default, so that the order counts, and each names the place", () => {
  const placeUuid = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f10213243";
  const menu = formatMenu(listMenuEntries({ isDebug: false, placeUuid }), { ...files, hasPlace: true });
  assert.doesNotMatch(menu["loader/loader.conf"] ?? "", /default/);
  const entries = Object.entries(menu).filter(([path]) => path.startsWith("loader/entries/"));
  assert.equal(entries.length, 3);
  for (const [path, text] of entries) {
    assert.match(text, new RegExp(`^options .* stiefel\\.stick=${placeUuid}$`, "m"), path);
    // An entry for one start has the sort key "0-once" (agents/client/second_boot.ts).
    assert.match(text, /^sort-key [1-9]-/m, path);
  }
});

Deno.test("the rescue shell is there with the module debug only", () => {
  const ids = (isDebug: boolean): readonly string[] => listMenuEntries({ isDebug }).map(({ id }) => id);
  assert.deepEqual(ids(false), ["1-laptop", "2-safe-graphics", "3-try"]);
  assert.deepEqual(ids(true), ["1-laptop", "2-safe-graphics", "3-try", "4-rescue"]);
});

Deno.test("the entry for try mode says it to the agent, and no other one does", () => {
  const tries = listMenuEntries({ isDebug: true }).filter(({ parameters }) => parameters.includes("stiefel.mode=try"));
  assert.deepEqual(tries.map(({ id }) => id), ["3-try"]);
});

Deno.test("a parameter that a menu would take for something else is refused", () => {
  for (const parameter of ["a b", "a\nb", "x;reboot", "$x", "'", '"', "}"]) {
    const entries = listMenuEntries({ isDebug: false, parameters: [parameter] });
    assert.throws(() => formatMenu(entries, files), UserError, parameter);
  }
});
