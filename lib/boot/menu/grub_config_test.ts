import assert from "node:assert/strict";
import type { BlsFile } from "./bls.ts";
import { evaluateGrubConfig, type GrubEntry, type GrubResult } from "./grub_config.ts";
import type { GrubFile } from "./grub_files.ts";

interface Surroundings {
  /** Other files of the same partition. */
  readonly files?: ReadonlyMap<string, string>;
  /** In /loader/entries. */
  readonly blsEntries?: readonly BlsFile[];
}

type Evaluated = Omit<GrubResult, "entry"> & { readonly entry: Omit<GrubEntry, "partition"> | undefined };

/** Evaluates /grub/grub.cfg of the only partition; what is not given is not there. */
function evaluate(text: string, { files = new Map(), blsEntries = [] }: Surroundings = {}): Evaluated {
  const answers = new Map<string, GrubFile>();
  const add = (path: string, file: GrubFile): unknown => answers.set(`(disk)${path}`, file);
  for (const [path, content] of [["/grub/grub.cfg", text] as const, ...files]) {
    add(path, { kind: "file", sizeBytes: content.length, text: content });
  }
  if (blsEntries.length > 0) {
    add("/loader/entries", {
      kind: "directory",
      names: blsEntries.map((file) => file.fileName),
    });
  }
  for (const entry of blsEntries) {
    add(`/loader/entries/${entry.fileName}`, { kind: "file", sizeBytes: 1, text: entry.text });
  }
  const { entry, ...result } = evaluateGrubConfig({
    path: "/grub/grub.cfg",
    bootDirectory: "",
    partitions: [{ name: "disk" }],
    answers,
  });
  if (entry === undefined) return { ...result, entry };
  const { partition, ...rest } = entry;
  assert.equal(partition, "disk");
  return { ...result, entry: rest };
}

function title(text: string, surroundings: Surroundings = {}): string | undefined {
  return evaluate(text, surroundings).entry?.title;
}

/** Paths that were asked for, without those of kernels. */
function wanted(text: string): readonly string[] {
  return evaluate(text).open.map(({ path }) => path).filter((path) => !/vmlinuz/.test(path));
}

const environment = (...lines: readonly string[]): Map<string, string> =>
  new Map([["/grub/grubenv", ["# GRUB Environment Block", ...lines, "####"].join("\n")]]);

const menu = `
menuentry 'First' --class debian $menuentry_id_option 'id-first' { linux /vmlinuz-1 root=/dev/vda1 ro  quiet
  initrd /microcode.img /initrd-1 }
submenu 'More options' --id more {
  menuentry 'Second' --id=id-second { linux ($root)/vmlinuz-2 a; initrd ($root)/initrd-2 }
  menuentry 'Second (recovery mode)' --id rec { linux /vmlinuz-2 a single; initrd /initrd-2 }
}
menuentry "Windows > 10" { chainloader +1 }
`;

Deno.test("the first entry is the default; two blanks in the command line mean nothing", () => {
  assert.deepEqual(evaluate(menu).entry, {
    title: "First",
    kernel: "/vmlinuz-1",
    initrds: ["/microcode.img", "/initrd-1"],
    commandLine: "root=/dev/vda1 ro quiet",
    notices: [],
  });
});

const defaults: Readonly<Record<string, string>> = {
  "0": "First",
  "First": "First",
  "id-first": "First",
  "1": "Second",
  "1>0": "Second",
  "More options>Second": "Second",
  "more>id-second": "Second",
  "99": "First",
  "no such entry": "First",
  "": "First",
};
for (const [wish, expected] of Object.entries(defaults)) {
  Deno.test(`default "${wish}" is "${expected}"`, () =>
    assert.equal(title(`set default="${wish}"\n${menu}`), expected));
}

Deno.test("a recovery entry is never taken, even as the default", () => {
  const { entry } = evaluate(`set default="more>rec"\n${menu}`);
  assert.equal(entry?.title, "First");
  assert.deepEqual(entry?.notices, [
    `The boot menu's default "Second (recovery mode)" is a recovery entry; the first other entry is taken`,
  ]);
});

Deno.test("a value is assigned with and without set, as grub-mkconfig's header does", () => {
  const text = `if [ x"\${feature_menuentry_id}" = xy ]; then
  menuentry_id_option="--id"
else
  menuentry_id_option=""
fi
set default=id-first
menuentry Zero { linux /zero }
${menu}`;
  assert.equal(title(text), "First");
});

Deno.test("what starts no Linux is passed over", () => {
  const { entry } = evaluate(`set default="Windows >> 10"\n${menu}`);
  assert.equal(entry?.title, "First");
  assert.match(entry?.notices[0] ?? "", /"Windows > 10" starts no Linux kernel/);
});

Deno.test("the saved entry is the default when the menu says so", () => {
  const text = `
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "\${next_entry}" ] ; then
   set default="\${next_entry}"
   set next_entry=
   save_env next_entry
else
   set default="\${saved_entry}"
fi
${menu}`;
  assert.deepEqual(wanted(text), ["/grub/grubenv"]);
  const saved = "saved_entry=More options>Second";
  assert.equal(title(text, { files: environment(saved) }), "Second");
  assert.equal(
    title(text, { files: environment(saved, "next_entry=First") }),
    "Second",
    "meant for the laptop's next boot",
  );
  assert.equal(title(text, { files: environment() }), "First");
});

Deno.test("functions, loops and conditions work", () => {
  const text = `
function choose {
  for x in a b c; do
    if test "$x" = "$1"; then set found=$x; return; fi
  done
  set found=none
}
set n=
while [ "$n" != xxx ]; do set n="\${n}x"; done
choose b
if [ $found = b -a $n = xxx ]; then set default=1; elif true; then set default=2; fi
${menu}`;
  assert.equal(title(text), "Second");
});

Deno.test("an unquoted variable becomes no word, one, or several; a quoted one is always one", () => {
  const text = `
set none=
set two="a  b"
menuentry x { linux /k $none$none "$none" $two"c" "$two" pre$two }`;
  assert.equal(evaluate(text).entry?.commandLine, ' a bc "a  b" prea b');
});

Deno.test("arguments with blanks are handed to Linux in quotes", () => {
  assert.equal(
    evaluate(`menuentry x { linux /k dyndbg="file a.c +p" 'x=it"s' }`).entry?.commandLine,
    `"dyndbg=file a.c +p" x=it\\"s`,
  );
});

Deno.test("the escapes of udev and systemd are handed on as they are, other backslashes as GRUB does", () => {
  assert.equal(
    evaluate(`menuentry x { linux /k root=LABEL=My\\x20Disk "mask=dev-by\\x2duuid" a\\b 'c\\d' e\\x2 }`).entry
      ?.commandLine,
    "root=LABEL=My\\x20Disk mask=dev-by\\x2duuid ab c\\\\d ex2",
  );
});

Deno.test("the command may be in a variable, its arguments in those of the entry", () => {
  const text = `set linux=linuxefi\nmenuentry x /vmlinuz-9 { $linux $2 title=$1\n initrdefi /i }`;
  assert.deepEqual(evaluate(text).entry, {
    title: "x",
    kernel: "/vmlinuz-9",
    initrds: ["/i"],
    commandLine: "title=x",
    notices: [],
  });
});

Deno.test("included files are asked for, then run", () => {
  const text = `if [ -f \${config_directory}/custom.cfg ]; then\n source \${config_directory}/custom.cfg\nfi\n${menu}`;
  assert.deepEqual(wanted(text), ["/grub/custom.cfg"]);
  const files = new Map([["/grub/custom.cfg", "menuentry Mine { linux /mine }"]]);
  assert.equal(title(text, { files }), "Mine");
  assert.equal(title("source $prefix/a", { files: new Map([["/grub/a", "source $prefix/a"]]) }), undefined);
});

Deno.test("what a submenu sets counts for its own entries only", () => {
  const text = `set default=1
set who=outer
menuentry Own { linux /own }
submenu "Another system" { set default=0
  set who=inner
  menuentry Other { linux /other who=$who }
}
menuentry Last { linux /last who=$who }`;
  assert.equal(evaluate(text).entry?.commandLine, "who=inner");
  assert.equal(evaluate(text.replace("default=1", "default=2")).entry?.commandLine, "who=outer");
});

Deno.test("another system's configuration in a submenu is not taken for this one, which has the same path", () => {
  const text = `set default=2
menuentry Own { linux /own }
submenu "Another system" { configfile (hd1,gpt2)/grub/grub.cfg }
menuentry Last { linux /last }`;
  const { entry } = evaluate(text);
  assert.deepEqual([entry?.title, entry?.notices], ["Last", []]);
  assert.deepEqual(evaluate(text.replace("default=2", "default=1")).entry?.notices, [
    "The boot menu's default has no entries; the first one is taken",
  ]);
});

Deno.test("Fedora's blscfg takes the entries, newest first, with variables of the environment", () => {
  const blsEntries = ["6.9.12", "6.10.3"].map((version) => ({
    fileName: `0123-${version}-200.fc40.x86_64.conf`,
    text: `title Fedora Linux (${version})\nversion ${version}\nlinux /vmlinuz-${version}\n` +
      `initrd /initramfs-${version}.img $tuned_initrd\noptions $kernelopts \${extra} rhgb\ngrub_users $grub_users\n`,
  }));
  blsEntries.push({ fileName: "0123-0-rescue.conf", text: "title Fedora Linux (0-rescue)\nlinux /rescue\n" });
  const text = `load_env -f /grub/grubenv\nset default="\${saved_entry}"\ninsmod blscfg\nblscfg\n`;
  const files = environment("kernelopts=root=UUID=1 ro  rootflags=subvol=root");
  assert.deepEqual(evaluate(text, { blsEntries, files }).entry, {
    title: "Fedora Linux (6.10.3)",
    kernel: "/vmlinuz-6.10.3",
    initrds: ["/initramfs-6.10.3.img"],
    commandLine: "root=UUID=1 ro rootflags=subvol=root rhgb",
    notices: [],
  });
  const saved = environment("saved_entry=0123-6.9.12-200.fc40.x86_64");
  assert.equal(title(text, { blsEntries, files: saved }), "Fedora Linux (6.9.12)");
});

Deno.test("blscfg takes early initramfs files, and options for entries without any, from the environment", () => {
  const blsEntries = [{
    fileName: "0123-6.14.6.conf",
    text: "title Fedora\nlinux /root/boot/vmlinuz-6.14.6\ninitrd /root/boot/initramfs-6.14.6.img $tuned_initrd\n",
  }];
  const variables = "early_initrd=acpi.cpio fonts.cpio\ndefault_kernelopts=root=UUID=1 ro quiet";
  assert.deepEqual(evaluate("load_env\nblscfg\n", { blsEntries, files: environment(variables) }).entry, {
    title: "Fedora",
    kernel: "/root/boot/vmlinuz-6.14.6",
    initrds: ["/root/boot/acpi.cpio", "/root/boot/fonts.cpio", "/root/boot/initramfs-6.14.6.img"],
    commandLine: "root=UUID=1 ro quiet",
    notices: [],
  });
});

Deno.test("a script without end is stopped", () => {
  assert.equal(title(`${menu}\nwhile true; do true; done`), "First");
  assert.equal(title(`function f { f; f; }\nf\n${menu}`), undefined, "it never gets to the menu");
  assert.equal(title(`set a=\${a}\${a}xx\n`.repeat(100) + menu), undefined);
  assert.equal(title(`set x='eval $x'\neval $x\n${menu}`), "First");
  // All of them within a second or two.
  assert.equal(title("menuentry x { while true; do true; done }\n".repeat(60) + menu), "First");
});
