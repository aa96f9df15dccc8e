/** Completions in real shells on a terminal: Tab completes, and what is typed, or lies about, is never run. */

import assert from "node:assert/strict";
import { openTerminal, type Terminal } from "../support/terminal.ts";
import { writeManual } from "../support/write_manual.ts";

interface Shell {
  readonly name: string;
  readonly argv: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
  /** How it writes the folder "$(touch PWNED)" on a command line. */
  readonly oddFolder: string;
  /** Empty line, empty screen. A Ctrl-C would flush what is typed next. */
  readonly clearKeys: readonly string[];
}

const shells: readonly Shell[] = [
  {
    name: "bash",
    argv: ["bash", "--noprofile", "--rcfile", "home/bashrc", "-i"],
    // The loader of bash-completion finds ours by the name of the command.
    settings: { "home/bashrc": "PS1='> '\n. /usr/share/bash-completion/bash_completion\n" },
    oddFolder: "\\$\\(touch\\ PWNED\\)/",
    clearKeys: ["C-u", "C-l"],
  },
  {
    name: "bash without bash-completion",
    argv: ["bash", "--noprofile", "--rcfile", "home/bashrc", "-i"],
    settings: { "home/bashrc": "PS1='> '\n. share/bash-completion/completions/stiefelsystem\n" },
    oddFolder: "\\$\\(touch\\ PWNED\\)/",
    clearKeys: ["C-u", "C-l"],
  },
  {
    name: "zsh",
    argv: ["zsh", "-i"],
    settings: {
      "home/.zshrc":
        "PS1='> '\nfpath=($PWD/share/zsh/site-functions $fpath)\nautoload -U compinit\ncompinit -u -d home/dump\n" +
        // By default zsh's Tab expands, and so runs, what is typed before it completes, after any command.
        "bindkey '^I' complete-word\n",
    },
    oddFolder: "\\$\\(touch\\ PWNED\\)/",
    clearKeys: ["C-u", "C-l"],
  },
  {
    name: "fish",
    argv: ["fish", "--private", "--init-command", "function fish_prompt; echo -n '> '; end; set fish_greeting"],
    settings: {},
    oddFolder: "\\$\\(touch\\ PWNED\\)/",
    // The first one closes its list; to fish it is a key like others.
    clearKeys: ["C-c", "C-u", "C-l"],
  },
];

const tab = "\t";

/** What is typed, and what the terminal shows then. */
const cases: readonly (readonly [typed: string, seen: RegExp])[] = [
  [`stiefelsystem setup-${tab}${tab}`, /setup-client-usbdrive[^]*setup-server|setup-server[^]*setup-client-usbdrive/],
  [`stiefelsystem setup-s${tab}`, /^> stiefelsystem setup-server/m],
  [`./stiefelsystem setup-s${tab}`, /^> \.\/stiefelsystem setup-server/m],
  [`./stiefelsystem setup-server --ro${tab}`, /^> \.\/stiefelsystem setup-server --root/m],
  [`stiefelsystem create-initrd --agents b${tab}`, /^> stiefelsystem create-initrd --agents bundle/m],
  [`stiefelsystem create-initrd --agents=co${tab}`, /^> stiefelsystem create-initrd --agents=compile/m],
  [`stiefelsystem test-qemu --out-dir x c${tab}`, /^> stiefelsystem test-qemu --out-dir x client/m],
  [`stiefelsystem create-initrd --only pa${tab}`, /^> stiefelsystem create-initrd --only pack/m],
  [`stiefelsystem bench boot st${tab}`, /^> stiefelsystem bench boot stick/m],
  [`stiefelsystem bench --agents a${tab}`, /^> stiefelsystem bench --agents auto/m],
  [`stiefelsystem help doc${tab}`, /^> stiefelsystem help doctor/m],
  [`stiefelsystem doctor --config lap${tab}`, /^> stiefelsystem doctor --config laptop\.yaml/m],
  [`stiefelsystem boot-entry --js${tab}`, /^> stiefelsystem boot-entry --json/m],
];

/** Lines with a program in them that no shell may run while it completes. */
const hostile: readonly string[] = [
  "stiefelsystem setup-server --root '$(touch PWNED)'/",
  "stiefelsystem setup-server --root $(touch PWNED)/",
  "stiefelsystem setup-server --root `touch PWNED`/",
  "stiefelsystem '$(touch PWNED)' --",
  "stiefelsystem '`touch PWNED`' ",
  "stiefelsystem doctor --config 'x[$(touch PWNED)]' --",
  "stiefelsystem doctor 'a[$(touch PWNED)]",
  "stiefelsystem bench '$(touch PWNED)' ",
  "stiefelsystem create-initrd --agents $(touch PWNED)",
  "stiefelsystem doctor --config=$(touch PWNED)/",
  "stiefelsystem setup-client-usbdrive $(touch PWNED)/",
  "stiefelsystem setup-client-usbdrive ${x:=$(touch PWNED)}/",
  "stiefelsystem setup-client-usbdrive <(touch PWNED)/",
  "stiefelsystem setup-client-usbdrive ;touch${IFS}PWNED",
];

async function withShell(shell: Shell, test: (terminal: Terminal, folder: string) => Promise<void>): Promise<void> {
  // No blank: the loader of bash-completion 2.11 does not quote the name of the folder.
  const folder = await Deno.makeTempDir({ prefix: "stiefel_shell-" });
  try {
    await writeManual(`${folder}/share`);
    for (const place of ["home", "$(touch PWNED)", "bin"]) await Deno.mkdir(`${folder}/${place}`);
    // Without it fish's first start reads all manual pages in the background, and writes there after its end.
    await Deno.mkdir(`${folder}/share/fish/generated_completions`, { recursive: true });
    await Deno.writeTextFile(`${folder}/laptop.yaml`, "");
    // fish completes for commands that are there. No completion starts them.
    for (const path of ["bin/stiefelsystem", "stiefelsystem"]) {
      await Deno.writeTextFile(`${folder}/${path}`, `#!/bin/sh\ntouch ${folder}/PWNED\n`, { mode: 0o755 });
    }
    for (const [path, text] of Object.entries(shell.settings)) await Deno.writeTextFile(`${folder}/${path}`, text);
    const env = {
      HOME: `${folder}/home`,
      PATH: `${folder}/bin:/usr/bin:/bin`,
      ZDOTDIR: `${folder}/home`,
      XDG_DATA_HOME: `${folder}/share`,
      XDG_CONFIG_HOME: `${folder}/home`,
      LC_ALL: "C.UTF-8",
      INPUTRC: "/dev/null",
    };
    await using terminal = await openTerminal(shell.argv, { env, cwd: folder, rows: 60, columns: 160 });
    await terminal.waitFor(/^> ?$/m);
    await test(terminal, folder);
    // A shell that is killed may still write into the folder.
    await clear(terminal, shell);
    await terminal.send("exit\r");
    await terminal.waitFor(/^EXIT /m);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The line goes, nothing of it is run. */
async function clear(terminal: Terminal, { clearKeys: keys }: Shell): Promise<void> {
  await terminal.press(...keys);
  await terminal.waitUntil((screen) => /^>\s*$/.test(screen), "The screen is not empty");
}

for (const shell of shells) {
  Deno.test(`${shell.name}: Tab completes commands, options, choices and files`, async () => {
    await withShell(shell, async (terminal) => {
      for (const [typed, seen] of cases) {
        await terminal.send(typed);
        await terminal.waitFor(seen);
        await clear(terminal, shell);
      }
    });
  });

  Deno.test(`${shell.name}: a folder with a program as its name is completed as a name`, async () => {
    await withShell(shell, async (terminal, folder) => {
      for (const option of ["--root", "--config"]) {
        const start = `stiefelsystem setup-server ${option} `;
        await terminal.send(`${start}\\$${tab}`);
        await terminal.waitUntil(
          (screen) => screen.includes(`> ${start}${shell.oddFolder}`),
          "The folder is not completed",
        );
        // Once more, in it.
        await terminal.send(`${tab}END`);
        await terminal.waitFor(/END/);
        await clear(terminal, shell);
      }
      assertUntouched(folder);
    });
  });

  Deno.test(`${shell.name}: nothing that is typed is run by Tab`, async () => {
    await withShell(shell, async (terminal, folder) => {
      for (const line of hostile) {
        await terminal.send(`${line}${tab}${tab}`);
        await terminal.send("END");
        await terminal.waitFor(/END/);
        await clear(terminal, shell);
        assertUntouched(folder, line);
      }
    });
  });
}

function assertUntouched(folder: string, line?: string): void {
  for (const place of [folder, `${folder}/$(touch PWNED)`]) {
    const names = [...Deno.readDirSync(place)].map(({ name }) => name);
    assert.ok(!names.includes("PWNED"), `A program was run by Tab after: ${line ?? "a folder"}`);
  }
}
