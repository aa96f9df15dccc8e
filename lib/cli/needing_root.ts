import { commandToType } from "../command_to_type.ts";
import { UserError } from "../errors.ts";

/**
 * For commands that everybody may run: the message on what keeps them from looking (a /boot for root only) names the
 * way out.
 * @param command its name
 * @param options `arguments`: what follows the name, quoted
 * @throws {UserError} in place of a refusal
 */
export async function needingRoot<T>(
  command: string,
  work: Promise<T>,
  options: { readonly arguments?: string } = {},
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    throw new UserError(`Only root may look at all of this system: ${error.message}`, {
      hints: [`Run it as root: ${commandToType(command, { ...options, asRoot: true })}`],
      cause: error,
    });
  }
}
