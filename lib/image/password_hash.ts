/** The hash of a password for /etc/shadow. Runs `openssl`. */
import type { System } from "../system/system.ts";
import { hashText } from "../hash.ts";

/**
 * SHA-512 crypt (crypt(5), "$6$"). The salt follows from password and key, so that the same image comes out each time,
 * and says nothing of either.
 */
export async function hashPassword(system: System, password: string, sharedKey: Uint8Array): Promise<string> {
  const salt = hashText(`stiefelsystem root password ${hashText(sharedKey)} ${password}`).slice(0, 16);
  // On standard input: arguments can be seen by every user of the machine.
  const { stdout } = await system.run(["openssl", "passwd", "-6", "-salt", salt, "-stdin"], { stdin: `${password}\n` });
  return stdout.trim();
}
