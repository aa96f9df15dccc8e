/**
 * What a schema is made of: texts and lists with bounds, and keys that say what they are for. Each message says what a
 * value must be.
 */

import * as v from "valibot";

/** Longest text and list that are taken; real ones are far below. */
const MAX_TEXT = 4096;
const MAX_ITEMS = 1000;
/** Bound for names of modules, suites and machines. */
export const MAX_NAME = 64;

/** Text that matches a pattern without control characters. */
export function text(pattern: RegExp, wanted: string, maxLength = MAX_TEXT): v.GenericSchema<string> {
  return v.pipe(
    v.string(wanted),
    v.maxLength(maxLength, `${wanted}, of at most ${maxLength} characters`),
    v.regex(pattern, wanted),
  );
}

/** Text with a rule that no regular expression holds. */
export function checkedText(
  isRight: (value: string) => boolean,
  wanted: string,
  maxLength = MAX_TEXT,
): v.GenericSchema<string> {
  return v.pipe(
    v.string(wanted),
    v.maxLength(maxLength, `${wanted}, of at most ${maxLength} characters`),
    v.check(isRight, wanted),
  );
}

export function list<Item extends v.GenericSchema>(
  item: Item,
  wanted: string,
): v.GenericSchema<v.InferInput<Item>[], v.InferOutput<Item>[]> {
  return v.pipe(v.array(item, wanted), v.maxLength(MAX_ITEMS, `at most ${MAX_ITEMS} items`));
}

type Described<Value extends v.GenericSchema> = v.SchemaWithPipe<
  readonly [Value, v.DescriptionAction<v.InferOutput<Value>, string>]
>;

interface KeyProperties {
  /**
   * The key decides what is lent to desktops, when the laptop listens and restarts, what is put on the laptop, or who
   * can log in. Who mistypes it must not get the default: an unknown name that looks like this one is an error.
   */
  readonly guards?: true;
}

/** A value with what it is for. */
function described<Value extends v.GenericSchema>(
  schema: Value,
  purpose: string,
  { guards }: KeyProperties = {},
): Described<Value> {
  const guard = guards ? [v.metadata({ guards })] : [];
  // valibot's types know no pipe of a variable length.
  return (v.pipe as (...parts: readonly unknown[]) => unknown)(schema, v.description(purpose), ...guard) as Described<
    Value
  >;
}

/** A key that may be left out, and is then `fallback`. */
export function key<Value extends v.GenericSchema>(
  schema: Value,
  fallback: v.InferInput<Value>,
  purpose: string,
  properties?: KeyProperties,
): v.OptionalSchema<Described<Value>, v.InferInput<Value>> {
  return v.optional(described(schema, purpose, properties), fallback);
}

/** A key that may be left out, and has no value then. */
export function optionalKey<Value extends v.GenericSchema>(
  schema: Value,
  purpose: string,
  properties?: KeyProperties,
): v.OptionalSchema<Described<Value>, undefined> {
  return v.optional(described(schema, purpose, properties), undefined);
}

/** A key that has to be there when its group is. */
export function neededKey<Value extends v.GenericSchema>(
  schema: Value,
  purpose: string,
  properties?: KeyProperties,
): Described<Value> {
  return described(schema, purpose, properties);
}

type Section<Entries extends v.ObjectEntries> = v.NullishSchema<
  v.ObjectSchema<Entries, string>,
  v.InferInput<v.ObjectSchema<Entries, string>>
>;

/**
 * A group of keys that may all be left out. Left out itself, or with nothing but comments in it, all its keys have
 * their defaults.
 */
export function section<Entries extends v.ObjectEntries>(entries: Entries): Section<Entries> {
  // The compiler cannot see for any `Entries` that all of them may be left out.
  return v.nullish(v.object(entries, "a mapping"), {} as v.InferInput<v.ObjectSchema<Entries, string>>);
}

export function wholeNumber(most: number, wanted: string, least = 0): v.GenericSchema<number> {
  return v.pipe(v.number(wanted), v.integer(wanted), v.minValue(least, wanted), v.maxValue(most, wanted));
}
