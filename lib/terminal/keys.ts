/**
 * What a terminal sends, as keys: bytes in, keys out. Pure.
 *
 * A key that is no character (an arrow, a function key), a mouse report, an answer of the terminal or a paste comes as
 * a control sequence (ECMA-48, section 5.4; xterm's "ctlseqs"). Such a sequence is read to its end and gives no key,
 * so that none of its bytes is taken for an answer. A sequence that does not come to its end is given up after a pause
 * ({@link pauseMsOf}, {@link endPause}).
 */

export type Key =
  /** One character. */
  | { readonly kind: "text"; readonly text: string }
  /** One character of a bracketed paste; ends of lines among them. */
  | { readonly kind: "pasted"; readonly text: string }
  | { readonly kind: "enter" | "erase" | "erase-line" | "interrupt" | "end" };

/** Where in a sequence the bytes so far have ended. */
type Place =
  | { readonly kind: "ground" }
  /** After an ESC: the key Esc, Alt with another key, or the begin of a sequence. */
  | { readonly kind: "escape" }
  /** An ESC and a pause: Esc was pressed, or the line is slow. */
  | { readonly kind: "late-escape" }
  | { readonly kind: "csi"; readonly parameters: string }
  | { readonly kind: "ss3" }
  /** Characters that belong to what came before: of an old mouse report, of a function key of the Linux console. */
  | { readonly kind: "counted"; readonly left: number }
  /** OSC, DCS, APC, PM, SOS: up to BEL or ST. */
  | { readonly kind: "string"; readonly afterEscape: boolean }
  | { readonly kind: "utf8"; readonly bytes: readonly number[]; readonly length: number; readonly isIgnored: boolean };

export interface KeyState {
  readonly place: Place;
  /** Between `CSI 200 ~` and `CSI 201 ~`. */
  readonly isPasting: boolean;
}

const ground: Place = { kind: "ground" };
export const noKeys: KeyState = { place: ground, isPasting: false };

const Code = {
  interrupt: 0x03, // Ctrl-C in raw mode (termios(3), VINTR)
  end: 0x04, // Ctrl-D (VEOF)
  bell: 0x07,
  backspace: 0x08,
  lineFeed: 0x0a,
  enter: 0x0d,
  eraseLine: 0x15, // Ctrl-U (VKILL)
  cancel: 0x18, // ends a sequence (ECMA-48, CAN and SUB)
  substitute: 0x1a,
  escape: 0x1b,
  delete: 0x7f,
} as const;

/** The most parameters of a sequence that we know; a longer one is unknown. */
const maximumParameters = 16;

/** @returns the keys that the bytes bring to their end, in order */
export function readKeys(
  state: KeyState,
  bytes: Uint8Array,
): { readonly state: KeyState; readonly keys: readonly Key[] } {
  const keys: Key[] = [];
  let current = state;
  for (const byte of bytes) current = step(current, byte, keys);
  return { state: current, keys };
}

/** How long to wait for the rest of a sequence, in milliseconds; undefined: no sequence has begun. */
export function pauseMsOf({ place, isPasting }: KeyState): number | undefined {
  // A terminal writes a sequence at once, but a serial line brings it byte by byte.
  if (place.kind === "escape") return 15;
  if (place.kind === "late-escape") return 300;
  if (isPasting) return 1_000;
  return place.kind === "ground" ? undefined : 100;
}

/** Nothing came for {@link pauseMsOf}: what was begun is given up. */
export function endPause({ place }: KeyState): KeyState {
  return place.kind === "escape" ? { place: { kind: "late-escape" }, isPasting: false } : noKeys;
}

function step(state: KeyState, byte: number, keys: Key[]): KeyState {
  const { place } = state;
  const at = (next: Place): KeyState => ({ ...state, place: next });
  if (byte === Code.interrupt) {
    keys.push({ kind: "interrupt" });
    return noKeys;
  }
  if (place.kind !== "ground" && (byte === Code.cancel || byte === Code.substitute)) return at(ground);
  switch (place.kind) {
    case "ground":
      return startKey(state, byte, keys);
    case "escape":
      return at(afterEscape(byte));
    case "late-escape":
      return byte === 0x5b || byte === 0x4f ? at(afterEscape(byte)) : startKey(state, byte, keys);
    case "csi":
      return stepControlSequence(state, place.parameters, byte, keys);
    case "ss3":
      if (byte < 0x20 || byte === Code.delete) return startKey(state, byte, keys);
      // Old terminals write modifiers into it: ESC O 5 A.
      return byte >= 0x30 && byte <= 0x3b ? at(place) : at(ground);
    case "counted":
      return byte === Code.escape
        ? at({ kind: "escape" })
        : at(place.left <= 1 ? ground : { ...place, left: place.left - 1 });
    case "string":
      return at(stepString(place.afterEscape, byte));
    case "utf8":
      return stepUtf8(state, place, byte, keys);
  }
}

/** A byte that begins something. */
function startKey(state: KeyState, byte: number, keys: Key[]): KeyState {
  const at = (next: Place): KeyState => ({ ...state, place: next });
  if (byte === Code.escape) return at({ kind: "escape" });
  if (byte < 0x20 || byte === Code.delete) {
    const key = controlKey(byte, state.isPasting);
    if (key !== undefined) keys.push(key);
    return at(ground);
  }
  if (byte < 0x80) {
    keys.push(characterKey(String.fromCharCode(byte), state));
    return at(ground);
  }
  // C1 controls in eight bits (ECMA-48): the same as ESC and a byte that is 64 less.
  if (byte < 0xa0) return at(afterC1(byte - 0x40));
  return at(startUtf8(byte, false));
}

function controlKey(byte: number, isPasting: boolean): Key | undefined {
  if (isPasting) {
    return byte === Code.enter || byte === Code.lineFeed ? { kind: "pasted", text: "\n" } : undefined;
  }
  switch (byte) {
    case Code.end:
      return { kind: "end" };
    case Code.backspace:
    case Code.delete:
      return { kind: "erase" };
    case Code.eraseLine:
      return { kind: "erase-line" };
    case Code.lineFeed:
    case Code.enter:
      return { kind: "enter" };
  }
  return undefined;
}

function characterKey(text: string, { isPasting }: KeyState): Key {
  return { kind: isPasting ? "pasted" : "text", text };
}

/** What an ESC and this byte are the begin of; with Alt, a key comes with an ESC before it, and gives no key. */
function afterEscape(byte: number): Place {
  if (byte === Code.escape) return { kind: "escape" };
  return byte >= 0xc2 ? startUtf8(byte, true) : afterC1(byte);
}

function afterC1(byte: number): Place {
  switch (String.fromCharCode(byte)) {
    case "[":
      return { kind: "csi", parameters: "" };
    case "O":
      return { kind: "ss3" };
    case "P":
    case "X":
    case "]":
    case "^":
    case "_":
      return { kind: "string", afterEscape: false };
  }
  return ground;
}

/** Parameters (0x30 to 0x3f) and intermediate bytes (0x20 to 0x2f), then one final byte. */
function stepControlSequence(state: KeyState, parameters: string, byte: number, keys: Key[]): KeyState {
  const at = (next: Place): KeyState => ({ ...state, place: next });
  if (byte < 0x20 || byte >= Code.delete) return startKey({ ...state, place: ground }, byte, keys);
  const character = String.fromCharCode(byte);
  if (byte < 0x40) {
    return at({ kind: "csi", parameters: `${parameters}${character}`.slice(0, maximumParameters) });
  }
  // xterm's first mouse protocol: three characters follow. The Linux console's F1 to F5: one.
  if (parameters === "" && character === "M") return at({ kind: "counted", left: 3 });
  if (parameters === "" && character === "[") return at({ kind: "counted", left: 1 });
  if (character === "~" && parameters === "200") return { place: ground, isPasting: true };
  if (character === "~" && parameters === "201") return { place: ground, isPasting: false };
  return at(ground);
}

function stepString(isAfterEscape: boolean, byte: number): Place {
  if (isAfterEscape) return byte === 0x5c ? ground : afterEscape(byte);
  if (byte === Code.bell || byte === 0x9c) return ground;
  return { kind: "string", afterEscape: byte === Code.escape };
}

/** RFC 3629, section 3: the first byte says how many there are. */
function startUtf8(byte: number, isIgnored: boolean): Place {
  const length = byte >= 0xf0 && byte <= 0xf4 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 0;
  return length === 0 || byte > 0xf4 ? ground : { kind: "utf8", bytes: [byte], length, isIgnored };
}

function stepUtf8(state: KeyState, place: Extract<Place, { kind: "utf8" }>, byte: number, keys: Key[]): KeyState {
  if (byte < 0x80 || byte >= 0xc0) return startKey({ ...state, place: ground }, byte, keys);
  const bytes = [...place.bytes, byte];
  if (bytes.length < place.length) return { ...state, place: { ...place, bytes } };
  const text = new TextDecoder().decode(new Uint8Array(bytes));
  if (!place.isIgnored && !/^\p{Cc}/u.test(text)) keys.push(characterKey(text, state));
  return { ...state, place: ground };
}
