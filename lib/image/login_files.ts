/** The files that say who may log in, and where a shell runs. Pure. */

export interface LoginOptions {
  /** Login shell of root, an absolute path. */
  readonly shell: string;
  readonly isDebug: boolean;
  /** dnsmasq runs, with no more rights than it needs. */
  readonly hasNetboot?: boolean;
  readonly drivers: readonly { readonly service?: { readonly argv: readonly string[] } }[];
  /** Further lines of inittab. */
  readonly services?: readonly string[];
}

export interface GeneratedFile {
  readonly path: string;
  readonly mode: number;
  readonly content: string;
}

/** As Debian's dnsmasq has it; its group is that of image/initrd/etc/group. */
const dnsmasqUser = "dnsmasq:x:100:65534:dnsmasq:/nonexistent:/usr/sbin/nologin\n";

/**
 * passwd, shadow and inittab, as each desktop gets them that starts over the network: root is locked. A debugging
 * image asks for a name on the second terminal, and has {@link formatDebugLogin} beside the key.
 */
export function formatLoginFiles(
  { shell, isDebug, hasNetboot, drivers, ...more }: LoginOptions,
): GeneratedFile[] {
  // Their output would disturb the agent's.
  const services = drivers.flatMap(({ service }) =>
    service === undefined ? [] : [`null::respawn:${service.argv.join(" ")}`]
  );
  return [
    { path: "etc/passwd", mode: 0o644, content: `root:x:0:0:root:/root:${shell}\n${hasNetboot ? dnsmasqUser : ""}` },
    formatShadow("!"), // no hash of any password (shadow(5))
    { path: "etc/shells", mode: 0o644, content: `/bin/sh\n${shell === "/bin/sh" ? "" : `${shell}\n`}` },
    { path: "etc/inittab", mode: 0o644, content: formatInittab(isDebug, [...services, ...more.services ?? []]) },
  ];
}

/**
 * What opens root's account in a debugging image. A hash is a secret: who has it tries passwords at leisure.
 * @param passwordHash as crypt(3) makes it
 */
export function formatDebugLogin(
  { isDebug, passwordHash }: { readonly isDebug: boolean; readonly passwordHash?: string },
): GeneratedFile[] {
  return isDebug && passwordHash !== undefined ? [formatShadow(passwordHash)] : [];
}

function formatShadow(password: string): GeneratedFile {
  return { path: "etc/shadow", mode: 0o600, content: `root:${password}:20089::::::\n` };
}

function formatInittab(isDebug: boolean, services: readonly string[]): string {
  return [
    "# busybox init; terminal::action:program. An empty terminal is the console the kernel uses.",
    "::sysinit:/usr/lib/stiefelsystem/start-devices",
    "::respawn:/usr/lib/stiefelsystem/supervise-agent",
    ...(isDebug ? ["tty2::respawn:/usr/bin/busybox getty 38400 tty2 linux"] : []),
    ...services,
    "::ctrlaltdel:/usr/sbin/reboot",
    "::shutdown:/usr/lib/stiefelsystem/stop-devices",
    "",
  ].join("\n");
}
