/**
 * `status.json` of a laptop that serves: one line of JSON at http://LAPTOP:4645/status.json. doc/status.schema.json is
 * written from this schema. Readers pass over keys that they do not know. Holds no secret. Pure.
 */
import * as v from "valibot";
import { formatJsonLine, integer, type JsonFormat, type Parsed, printable, readJson } from "./json.ts";

/** TCP port of the page. */
export const STATUS_PORT = 4645;

const count = integer(0, Number.MAX_SAFE_INTEGER);
const rate = v.pipe(v.number(), v.minValue(0));

function described<Output>(schema: v.GenericSchema<Output, Output>, text: string): v.GenericSchema<Output, Output> {
  return v.pipe(schema, v.description(text));
}

const DetailsSchema = v.object({
  version: described(printable(64), "of the server's software"),
  phase: v.picklist(["starting", "refusing", "waiting", "sending", "lent", "lost", "ended"]),
  sentence: described(printable(4096), "what the server does, for people"),
  disk: v.exactOptional(v.object({
    path: printable(4096),
    model: v.exactOptional(printable(256)),
    sizeBytes: count,
  })),
  desktop: v.exactOptional(v.object({
    name: printable(256),
    mac: printable(64),
    since: described(printable(32), "ISO 8601, UTC, by the laptop's clock"),
    forSeconds: count,
    isConnected: described(v.boolean(), "whether it is connected to the disk right now"),
    transport: printable(64),
    isEncrypted: v.boolean(),
  })),
  guests: v.exactOptional(described(
    v.array(v.object({
      name: printable(256),
      mac: printable(64),
      isConnected: v.boolean(),
      store: v.exactOptional(v.object({
        usedBytes: count,
        sizeBytes: count,
        percent: integer(0, 100),
        isFull: described(v.boolean(), "the desktop cannot go on; the disk is as before"),
      })),
    })),
    "desktops that try the laptop's system: what they change is in the laptop's memory, and thrown away",
  )),
  traffic: v.exactOptional(v.object({
    readBytes: described(count, "from the disk, since this laptop serves"),
    writtenBytes: described(count, "to the disk, since this laptop serves"),
    readBytesPerSecond: v.exactOptional(described(rate, "between the last two looks, absent at the first")),
    writtenBytesPerSecond: v.exactOptional(rate),
  })),
  diskErrors: described(count, "that a desktop got from the disk, since the agent was started"),
  link: v.exactOptional(v.object({
    name: printable(64),
    speedMbps: v.exactOptional(described(count, "10^6 bit/s; absent without a cable, and where the card does not say")),
    receiveErrors: count,
    transmitErrors: count,
  })),
  whenDone: described(v.picklist(["wait", "reboot", "poweroff"]), "what the laptop does when its desktop is done"),
  power: v.object({
    isOnBattery: v.boolean(),
    batteryPercent: v.exactOptional(integer(0, 100)),
  }),
  listening: described(v.array(printable(128)), "links and addresses where desktops are answered"),
});

/** Of `status.json`. */
export const StatusSchema = v.object({
  version: v.literal(1),
  name: described(printable(256), "of the laptop"),
  state: described(v.picklist(["serving", "busy"]), "busy: a desktop has the disk"),
  details: v.exactOptional(
    v.pipe(DetailsSchema, v.description("for the desktop that has the disk, and on the laptop itself")),
  ),
});

export type Status = Parsed<typeof StatusSchema>;
export type StatusDetails = NonNullable<Status["details"]>;

const FORMAT: JsonFormat<Status> = { what: "The status", schema: StatusSchema, maxBytes: 64 * 1024 };

/** @throws ProtocolError malformed or oversize */
export function formatStatus(status: Status): string {
  return formatJsonLine(status, FORMAT);
}

/** @returns undefined for what is no status of this version */
export function parseStatus(text: string): Status | undefined {
  return text.length > FORMAT.maxBytes ? undefined : readJson(StatusSchema, text);
}
