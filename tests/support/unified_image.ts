/** Unified kernel images for tests, as ukify(1) lays them out: a PE header, a section table, the sections' bytes. */

export interface SectionBytes {
  readonly name: string;
  readonly content: string | Uint8Array;
}

const align = (value: number): number => Math.ceil(value / 512) * 512;

export function buildUnifiedImage(sections: readonly SectionBytes[]): Uint8Array<ArrayBuffer> {
  const contents = sections.map(({ content }) =>
    typeof content === "string" ? new TextEncoder().encode(content) : content
  );
  const [start, optionalBytes] = [0x80, 240];
  const table = start + 24 + optionalBytes;
  let end = align(table + sections.length * 40);
  const offsets = contents.map((content) => {
    const offset = end;
    end += align(content.length);
    return offset;
  });
  const image = new Uint8Array(end);
  const view = new DataView(image.buffer);
  image.set(new TextEncoder().encode("MZ"));
  view.setUint32(0x3c, start, true);
  image.set(new TextEncoder().encode("PE\0\0"), start);
  view.setUint16(start + 4, 0x8664, true);
  view.setUint16(start + 6, sections.length, true);
  view.setUint16(start + 20, optionalBytes, true);
  view.setUint16(start + 24, 0x20b, true);
  for (const [index, { name }] of sections.entries()) {
    const [at, content, offset] = [table + index * 40, contents[index] ?? new Uint8Array(), offsets[index] ?? 0];
    image.set(new TextEncoder().encode(name), at);
    view.setUint32(at + 8, content.length, true);
    view.setUint32(at + 16, align(content.length), true);
    view.setUint32(at + 20, offset, true);
    image.set(content, offset);
  }
  return image;
}
