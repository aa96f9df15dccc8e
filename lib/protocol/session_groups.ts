/**
 * The groups of values that hello and session are made of (doc/protocol.md, "Groups"), as one table: the schema of the
 * messages and the text of the session file come from it, and tests compare it with the keys that the initramfs knows.
 * A new group, key or transport is a row here. Pure.
 */
import * as v from "valibot";
import { addressFamily, isAddressWithPrefix, isAddressWithZone, isLinkName, isMac } from "../formats/address.ts";
import { engineParts, engineTransport } from "../formats/engine.ts";
import { integer, type Parsed } from "../formats/json.ts";

/** Of boot exchange and session file: they change together. */
export const SESSION_VERSION = 2;

/** All there may be, in the order of the session file; those without a row in {@link groups} are reserved. */
export const groupNames = ["link", "tunnel", "disk", "secret", "chain", "mode", "uplink"] as const;
export type GroupName = typeof groupNames[number];
/** What comes beside the session file, in a file of its own that is written over when it was read. */
const besideFile: readonly GroupName[] = ["secret"];

const mac = v.pipe(v.string(), v.check(isMac));
const address = v.pipe(v.string(), v.check(isAddressWithPrefix));
const gateway = v.exactOptional(v.pipe(v.string(), v.check(isAddressWithZone)));
// 1280: the least an IPv6 link may have (RFC 8200 section 5).
const mtu = v.exactOptional(integer(1280, 65535));
// IEEE 802.1Q: 0 and 4095 are no VLANs.
const vlan = v.exactOptional(integer(1, 4094));

/** Of X25519, in hex: base64 has characters that the session file has not. */
const publicKey = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const isName = (text: string): boolean => /^[a-z][a-z0-9-]{0,31}$/.test(text);
const isBlockSize = (size: number): boolean => [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536].includes(size);

/** At a time. */
export const maximumGuests = 8;

/** One row a transport; what comes first is taken where there is a choice. */
const transports = [
  v.strictObject({
    transport: v.literal("nvme-tcp"),
    /** Where the kernel's target listens, which keeps no zone. */
    address: engineParts.address,
    port: integer(1, 65535),
    /** Random for each session: the name of the disk, and of who may connect to it. */
    subsystem: engineParts.hostId,
    host: engineParts.hostId,
    /** Logical block size of the disk: a power of two from a sector to what Linux takes. */
    blockSizeBytes: v.pipe(v.number(), v.check(isBlockSize)),
    sizeBytes: integer(512, Number.MAX_SAFE_INTEGER),
    /** How many queues the block device has at most. */
    queues: integer(1, 64),
  }),
  v.strictObject({
    transport: v.literal("nbd"),
    /** Where the export listens; with a zone only when link-local. */
    address: v.pipe(v.string(), v.check(isAddressWithZone)),
    port: integer(1, 65535),
    /** Random for each session. */
    exportName: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
    /** Logical block size of the disk. */
    blockSizeBytes: v.pipe(v.number(), v.check(isBlockSize)),
    sizeBytes: integer(512, Number.MAX_SAFE_INTEGER),
    /** How many connections the block client opens. */
    connections: integer(1, 16),
  }),
  // Not the laptop's disk: what lends it has a size of its own, which the laptop does not know.
  v.strictObject({
    transport: v.literal(engineTransport),
    address: engineParts.address,
    /** Other ways to the same disk. */
    secondAddress: v.exactOptional(engineParts.address),
    thirdAddress: v.exactOptional(engineParts.address),
    fourthAddress: v.exactOptional(engineParts.address),
    port: engineParts.port,
    subsystem: engineParts.subsystem,
    host: engineParts.host,
    hostId: engineParts.hostId,
    namespaceId: engineParts.namespaceId,
    queues: integer(1, 64),
  }),
] as const;

/** The transports that a session may have. */
export const sessionTransports = transports.map(({ entries }) => entries.transport.literal);
/** `block.transport` of the configuration: "auto" takes the first that laptop and desktop have. */
export const transportSettings = ["auto", "nvme-tcp", "nbd"] as const;
export type TransportSetting = typeof transportSettings[number];

/** One row a group: what the client says of it, and what the session has, if anything. */
const groups = {
  link: {
    hello: v.pipe(
      v.strictObject({
        /** Of the card that reached the server. */
        mac,
        /** Present: over a VLAN on that card. */
        vlan,
        /**
         * Present when the server was named by address (no discovery): how the client's link is set up, to be repeated
         * after kexec.
         */
        address: v.exactOptional(address),
        gateway,
        /** That of the link; above 1500 only when packets of that size were seen to reach the server and come back. */
        mtu,
      }),
      v.check((link) => link.address !== undefined || link.gateway === undefined),
    ),
    session: v.strictObject({
      /** Of the client's card that carries the disk; lower case with colons. */
      mac,
      /** The link is that VLAN on the card. */
      vlan,
      /** That the initramfs gives to that link. */
      name: v.pipe(v.string(), v.check(isLinkName)),
      /** Of the client on that link, with its prefix length: "fd00::2/64". */
      address,
      /** Only when the server is reached through a router. */
      gateway,
      /** Only when it is not the default of the link. */
      mtu,
    }),
  },
  // The disk's traffic goes through it, encrypted: lib/export/tunnel/.
  tunnel: {
    /** Present: the client can do that. */
    hello: v.exactOptional(v.strictObject({ publicKey })),
    session: v.exactOptional(v.strictObject({
      /** That the initramfs gives to the desktop's end. */
      name: v.pipe(v.string(), v.check(isLinkName)),
      /** Of the desktop inside the tunnel, with its prefix length. */
      address,
      mtu: integer(1280, 65535),
      /** Where the laptop takes what is encrypted, on the link. */
      endpoint: v.pipe(v.string(), v.check(isAddressWithZone)),
      /** UDP. */
      port: integer(1, 65535),
      /** Of the laptop's end. */
      publicKey,
    })),
  },
  disk: {
    hello: v.strictObject({
      /** That the client takes; it may know more of them than this program. */
      transports: v.pipe(v.array(v.pipe(v.string(), v.check(isName))), v.minLength(1), v.maxLength(8)),
    }),
    session: v.variant("transport", transports),
  },
  // Whose writes reach the disk.
  mode: {
    /** Present: the client is a guest. */
    hello: v.exactOptional(v.strictObject({ kind: v.literal("try") })),
    /** Absent: what the desktop writes is on the laptop's disk. */
    session: v.exactOptional(v.strictObject({
      /** What the desktop writes is thrown away in the end. */
      kind: v.literal("try"),
      /** Guests are told apart by it. */
      guest: integer(1, maximumGuests),
    })),
  },
  // What an engine knows the desktop by: DH-HMAC-CHAP. Who knows its transport takes this, too.
  secret: {
    session: v.exactOptional(v.strictObject({
      hostKey: engineParts.secret,
      /** By which the desktop knows the engine. */
      controllerKey: v.exactOptional(engineParts.secret),
    })),
  },
  // The laptop's own boot loaders, for a second boot: they come with the archive, and the initramfs needs none of it.
  chain: {
    /** Present: the client asks for them. */
    hello: v.exactOptional(v.strictObject({})),
  },
} as const satisfies Partial<
  Record<GroupName, { readonly hello?: v.GenericSchema; readonly session?: v.GenericSchema }>
>;

/** The groups of the table: all but what is reserved. */
export const knownGroups: readonly string[] = Object.keys(groups);

type Groups = typeof groups;
type Side<Name extends "hello" | "session"> = {
  readonly [Group in keyof Groups as Name extends keyof Groups[Group] ? Group : never]: Name extends keyof Groups[Group]
    ? Groups[Group][Name]
    : never;
};

function sideOf<Name extends "hello" | "session">(side: Name): Side<Name> {
  const rows: Readonly<Record<string, Partial<Record<"hello" | "session", v.GenericSchema>>>> = groups;
  return Object.fromEntries(
    Object.entries(rows).flatMap(([name, row]) => row[side] === undefined ? [] : [[name, row[side]]]),
  ) as unknown as Side<Name>;
}

/** What the hello has of each group. */
export const helloGroups = sideOf("hello");
export type HelloGroups = Parsed<v.StrictObjectSchema<Side<"hello">, undefined>>;

const Session = v.strictObject({ version: v.literal(SESSION_VERSION), ...sideOf("session") });
/** Everything that the initramfs needs to raise the link and attach the disk. */
export type SessionParameters = Parsed<typeof Session>;
export const SessionSchema = v.pipe(Session, v.check((session) => findContradiction(session) === undefined));

/** What no single value can show; undefined when there is nothing. */
export function findContradiction({ link, tunnel, disk, secret, mode }: SessionParameters): string | undefined {
  const family = (text: string): number | undefined => addressFamily(text.replace(/[%/].*$/, ""));
  if (disk.transport === engineTransport) {
    if (tunnel !== undefined) return "The session has a tunnel to the laptop, and another one lends the disk";
    if (mode !== undefined) return "The session has a guest, and another one than the laptop lends the disk";
    const others = [disk.secondAddress, disk.thirdAddress, disk.fourthAddress].filter((one) => one !== undefined);
    if (others.some((one) => family(one) !== family(disk.address))) return "The session mixes IPv4 and IPv6 addresses";
  } else {
    if (disk.sizeBytes % disk.blockSizeBytes !== 0) {
      return "The session's disk size is not a multiple of its block size";
    }
    if (secret !== undefined) return "The session has a secret that its transport does not use";
  }
  if (tunnel !== undefined && (tunnel.name === link.name || disk.address.includes("%"))) {
    return "The session's tunnel is its link";
  }
  if (tunnel !== undefined && family(tunnel.address) !== family(disk.address)) {
    return "The session mixes IPv4 and IPv6 addresses";
  }
  const onLink = tunnel === undefined ? disk.address : tunnel.endpoint;
  for (const end of [onLink, ...link.gateway === undefined ? [] : [link.gateway]]) {
    if (family(end) !== family(link.address)) return "The session mixes IPv4 and IPv6 addresses";
    const zone = end.split("%")[1];
    if (zone !== undefined && zone !== link.name) return "The session has an address of another link than its own";
  }
  return undefined;
}

/** One value of a group: a key in JSON, and a line of the session file. */
export interface SessionField {
  /** In JSON. */
  readonly key: string;
  /** In the session file. */
  readonly name: string;
  readonly schema: v.GenericSchema;
  readonly isNumber: boolean;
  readonly isOptional: boolean;
}

/** A group of the session as the file has it. */
export interface SessionGroup {
  readonly name: GroupName;
  readonly isOptional: boolean;
  /** One, or one a transport. */
  readonly forms: readonly { readonly transport?: string; readonly fields: readonly SessionField[] }[];
}

/** As far as the file needs it: one form, or one a transport. */
interface Form {
  readonly entries: v.ObjectEntries;
}
type Whole = Form | { readonly options: readonly Form[] };
type Row = Whole | { readonly wrapped: Whole };
const rows: Partial<Record<GroupName, Row>> = sideOf("session");

/** In the order of the file. */
export const sessionGroups: readonly SessionGroup[] = groupNames.flatMap((name) => {
  const row = besideFile.includes(name) ? undefined : rows[name];
  if (row === undefined) return [];
  const whole = "wrapped" in row ? row.wrapped : row;
  const forms = "options" in whole ? whole.options : [whole];
  return [{ name, isOptional: whole !== row, forms: forms.map(({ entries }) => formOf(name, entries)) }];
});

function formOf(group: GroupName, entries: v.ObjectEntries): SessionGroup["forms"][number] {
  const fields = Object.entries(entries).map(([key, schema]): SessionField => {
    const inner = schema.type === "exact_optional" && "wrapped" in schema ? schema.wrapped : schema;
    return {
      key,
      name: `STIEFEL_${group}_${key.replace(/[A-Z]/g, (letter) => `_${letter}`)}`.toUpperCase(),
      schema: schema as v.GenericSchema,
      isNumber: inner.type === "number",
      isOptional: inner !== schema,
    };
  });
  const { transport } = entries;
  return transport?.type === "literal" && "literal" in transport
    ? { transport: String(transport.literal), fields }
    : { fields };
}
