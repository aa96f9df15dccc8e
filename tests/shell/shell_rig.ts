/**
 * Runs our shell scripts against a made-up machine: a temporary directory as root of the file system, and stub
 * programs that write down how they were called and change that directory the way the kernel would.
 */

/** The two shells an initramfs or a Debian root may have as /bin/sh. */
export const SHELLS: readonly (readonly string[])[] = [["dash"], ["busybox", "sh"]];

export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; anything it starts must end with it. */
export async function runProgram(
  argv: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<ProgramResult> {
  const [program = "", ...args] = argv;
  const output = await new Deno.Command(program, { args, env: { ...options.env }, stdin: "null" }).output();
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: decode(output.stdout), stderr: decode(output.stderr) };
}

/** What the made-up machine has, and how it misbehaves. */
export interface MachineOptions {
  /** Text of the session file; none when undefined. */
  readonly session?: string;
  /** Name -> MAC address of the links with a device. */
  readonly links?: Readonly<Record<string, string>>;
  /** A link that appears while the script waits: its name and MAC address. */
  readonly hotPlug?: { readonly name: string; readonly mac: string };
  /** Links without a device (bridges, VLANs): name -> MAC address. */
  readonly virtualLinks?: Readonly<Record<string, string>>;
  readonly hasCarrier?: boolean;
  /** Names of the links that have a cable; default: all. The cable stays with a link that gets another name. */
  readonly cables?: readonly string[];
  /** The cables that lead to the laptop: over the others no machine answers. Default: all. */
  readonly toLaptop?: readonly string[];
  /** How many attempts to attach fail before one works. */
  readonly refusedAttempts?: number;
  /** The disk the server exports. */
  readonly disk?: { readonly sectors: number; readonly blockSizeBytes: number };
  /** The attached disk cannot be opened. */
  readonly isDiskUnreadable?: boolean;
  /** nbd-client stays as a process with this id. */
  readonly clientProcess?: number;
  readonly hasNbdModule?: boolean;
  readonly hasIpv6?: boolean;
  /** The kernel makes no VLANs. */
  readonly hasNoVlans?: boolean;
  /** The kernel is 6.15 or later. */
  readonly hasRtoMax?: boolean;
  /** The initramfs holds a copy of LVM's devices file. */
  readonly lvmDevices?: boolean;
  /** The `ip` is busybox's. */
  readonly hasBusyboxIp?: boolean;
  /** More stub programs: name -> shell lines that run after the call is written down. */
  readonly programs?: Readonly<Record<string, string>>;
}

export interface Machine extends AsyncDisposable {
  readonly root: string;
  /** Runs a script with the stubs in front of the machine's own programs. */
  run(argv: readonly string[]): Promise<ProgramResult>;
  /** The calls of stubs so far, one line each; the machine's root is left out of arguments. */
  calls(): readonly string[];
  read(path: string): string;
  write(path: string, text: string): void;
  exists(path: string): boolean;
  /** Every file below a directory with its text. */
  files(path: string): Readonly<Record<string, string>>;
}

// What every stub begins with. Arguments hold no blanks in anything we run, so a line is unambiguous.
const RECORD = `#!/bin/sh
printf '%s' "\${0##*/}" >>"$STUB/calls"
for word in "$@"; do printf ' %s' "\${word#"$STUB_ROOT"}" >>"$STUB/calls"; done
echo >>"$STUB/calls"
net=$STUB_ROOT/sys/class/net
`;

const STUBS: Readonly<Record<string, string>> = {
  ip: `${RECORD}
case "$*" in
-V) [ -e "$STUB/busybox-ip" ] || echo "ip utility, iproute2-6.15.0, libbpf 1.5.0" ;;
"monitor link")
  if [ -e "$STUB/hot-plug" ]; then
    read -r name mac <"$STUB/hot-plug"
    mkdir -p "$net/$name/device"
    echo "$mac" >"$net/$name/address"
    echo "9: $name: <BROADCAST>"
  fi
  exec /bin/sleep 30
  ;;
"link set dev "*" name "*) mv "$net/$4" "$net/$6" ;;
"link set dev "*" up")
  [ ! -e "$STUB/carrier" ] || echo 1 >"$net/$4/carrier"
  [ ! -e "$STUB/cables" ] || [ -e "$net/$4/cable" ] || echo 0 >"$net/$4/carrier"
  ;;
"link set dev "*" down") rm -f "$net/$4/carrier" ;;
"link add link "*" type vlan id "*)
  [ ! -e "$STUB/no-vlan" ] || exit 2
  mkdir -p "$net/$6" && cat "$net/$4/address" >"$net/$6/address"
  ;;
"link delete dev "*) rm -rf "$net/$4" ;;
"neighbour show "*) echo "fd12:3456:789a::1 lladdr 02:00:5e:20:00:02 REACHABLE" ;;
"route get 192.0.2."*) exit 2 ;;
esac
exit 0
`,
  modprobe: `${RECORD}[ -e "$STUB/nbd" ]\n`,
  "nbd-client": `${RECORD}
block=$STUB_ROOT/sys/block/nbd0
[ "$1" = -d ] && exit 0
if [ -e "$STUB/to-laptop" ] && [ ! -e "$net/stiefel0/laptop" ] && [ ! -e "$net/stiefel0c/laptop" ]; then exit 1; fi
read -r refused <"$STUB/refused"
if [ "$refused" -gt 0 ]; then
  echo $((refused - 1)) >"$STUB/refused"
  echo "Error: Socket failed: Connection refused" >&2
  exit 1
fi
mkdir -p "$block/queue" "$STUB_ROOT/dev"
read -r sectors size client <"$STUB/disk"
echo "$sectors" >"$block/size"
echo "$size" >"$block/queue/logical_block_size"
echo "$client" >"$block/pid"
[ -e "$STUB/no-node" ] || : >"$STUB_ROOT/dev/nbd0"
`,
  udevadm: RECORD,
  mount: RECORD,
  timeout: `${RECORD}[ "$1" = -s ] && shift 2\nshift\nexec "$@"\n`,
  // A second of the script takes a fiftieth here. Not recorded: how often it is called depends on the scheduler.
  sleep: "#!/bin/sh\nexec /bin/sleep 0.02\n",
};

/** Builds the machine; disposing of it removes it. */
export async function makeMachine(options: MachineOptions = {}): Promise<Machine> {
  const base = await Deno.makeTempDir({ prefix: "stiefel-shell-" });
  const root = `${base}/root`;
  const stub = `${base}/stub`;
  const write = (path: string, text: string, mode = 0o644): void => {
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text, { mode });
  };
  for (const [name, text] of Object.entries(STUBS)) write(`${base}/bin/${name}`, text, 0o755);
  for (const [name, text] of Object.entries(options.programs ?? {})) {
    write(`${base}/bin/${name}`, `${RECORD}${text}\n`, 0o755);
  }
  write(`${stub}/calls`, "");
  write(`${stub}/refused`, `${options.refusedAttempts ?? 0}\n`);
  const disk = options.disk ?? { sectors: 2048, blockSizeBytes: 512 };
  write(`${stub}/disk`, `${disk.sectors} ${disk.blockSizeBytes} ${options.clientProcess ?? 99999}\n`);
  if (options.hasCarrier ?? true) write(`${stub}/carrier`, "");
  if (options.hasNbdModule ?? true) write(`${stub}/nbd`, "");
  if (options.lvmDevices) write(`${root}/etc/lvm/devices/system.devices`, "VERSION=1.1.1\n");
  if (options.hasBusyboxIp) write(`${stub}/busybox-ip`, "");
  if (options.hasNoVlans) write(`${stub}/no-vlan`, "");
  if (options.isDiskUnreadable) write(`${stub}/no-node`, "");
  if (options.hotPlug) write(`${stub}/hot-plug`, `${options.hotPlug.name} ${options.hotPlug.mac}\n`);
  if (options.session !== undefined) write(`${root}/stiefelsystem/session`, options.session, 0o600);
  if (options.clientProcess) write(`${root}/proc/${options.clientProcess}/stat`, "");
  write(`${root}/sys/class/net/lo/address`, "00:00:00:00:00:00\n");
  for (const [name, mac] of Object.entries(options.links ?? {})) {
    write(`${root}/sys/class/net/${name}/address`, `${mac}\n`);
    write(`${root}/sys/class/net/${name}/device/uevent`, "");
  }
  for (const [which, file] of [["cables", "cable"], ["toLaptop", "laptop"]] as const) {
    if (options[which] === undefined) continue;
    write(`${stub}/${which === "cables" ? "cables" : "to-laptop"}`, "");
    for (const name of options[which]) write(`${root}/sys/class/net/${name}/${file}`, "");
  }
  for (const [name, mac] of Object.entries(options.virtualLinks ?? {})) {
    write(`${root}/sys/class/net/${name}/address`, `${mac}\n`);
  }
  write(`${root}/proc/sys/net/ipv4/tcp_retries2`, "15\n");
  if (options.hasRtoMax) write(`${root}/proc/sys/net/ipv4/tcp_rto_max_ms`, "120000\n");
  if (options.hasIpv6 ?? true) {
    for (const [name, value] of [["accept_ra", 1], ["accept_dad", 1], ["dad_transmits", 1], ["disable_ipv6", 1]]) {
      write(`${root}/proc/sys/net/ipv6/conf/stiefel0/${name}`, `${value}\n`);
    }
    write(`${root}/proc/sys/net/ipv6/conf/stiefel0/keep_addr_on_down`, "0\n");
  }

  const listFiles = (path: string): Record<string, string> => {
    const found: Record<string, string> = {};
    for (const entry of [...Deno.readDirSync(`${root}${path}`)].sort((a, b) => a.name < b.name ? -1 : 1)) {
      const inner = `${path}/${entry.name}`;
      if (entry.isDirectory) Object.assign(found, listFiles(inner));
      else if (entry.isSymlink) found[inner] = `-> ${Deno.readLinkSync(`${root}${inner}`)}`;
      else found[inner] = Deno.readTextFileSync(`${root}${inner}`);
    }
    return found;
  };
  return {
    root,
    run: (argv) => runProgram(argv, { env: { PATH: `${base}/bin:/usr/bin:/bin`, STUB: stub, STUB_ROOT: root } }),
    calls: () => Deno.readTextFileSync(`${stub}/calls`).replaceAll(`${base}/bin/`, "").split("\n").slice(0, -1),
    read: (path) => Deno.readTextFileSync(`${root}${path}`),
    write: (path, text) => write(`${root}${path}`, text),
    exists: (path) => {
      try {
        Deno.lstatSync(`${root}${path}`);
        return true;
      } catch {
        return false;
      }
    },
    files: listFiles,
    [Symbol.asyncDispose]: () => Deno.remove(base, { recursive: true }),
  };
}
