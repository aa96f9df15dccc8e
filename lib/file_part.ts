/** A part of a file; what lies behind the file's end is absent. */
export interface FilePart {
  readonly offset: number;
  readonly sizeBytes: number;
}
