/** Tests that a document names, each as `FILE`: "name", and whether they are there. Pure. */

export interface NamedTest {
  readonly path: string;
  readonly name: string;
}

/** A name may go on in the next line. */
export function listNamedTests(text: string): readonly NamedTest[] {
  return [...text.matchAll(/`([\w./-]+_test\.ts)`:\s+"([^"]+)"/g)].map(([, path = "", name = ""]) => ({
    path,
    name: name.replaceAll(/\s+/g, " "),
  }));
}

const literal = /"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/.source;
/** What is called as tests are, or has a name, and its text, which may be put together of several. */
const title = new RegExp(`(?:[tT]est\\w*\\(\\s*|\\bname:\\s*)((?:${literal})(?:\\s*\\+\\s*(?:${literal}))*)`, "g");

/** Whether a file has a test of this name; in its text, `${value}` stands for anything. */
export function hasTest(source: string, name: string): boolean {
  return [...source.matchAll(title)].some(([, text = ""]) => {
    const whole = [...text.matchAll(new RegExp(literal, "g"))].map(([part]) => part.slice(1, -1)).join("");
    const parts = whole.replaceAll(/\\(.)/g, "$1").split(/\$\{[^}]*\}/);
    // One that is nothing but values fits every name.
    if (parts.join("").trim().length < 8) return false;
    return new RegExp(`^${parts.map(RegExp.escape).join(".+")}$`, "s").test(name);
  });
}
