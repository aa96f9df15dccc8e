/**
 * Firmware and certificates of Debian 13, for machines that trust what the ovmf of the machine under test does not
 * know of.
 */

import { findBootstrapHost } from "../../lib/debian/bootstrap_program.ts";
import { downloadArguments, formatDownload } from "../../lib/debian/download_packages.ts";
import { runBootstrap } from "../../lib/debian/run_bootstrap.ts";
import { debianMirror, readAptMirror } from "../../lib/debian/mirror.ts";
import { parsePem, readVariables, trustCertificates } from "../support/uefi_variables.ts";
import type { UefiFirmware } from "../../lib/qemu/vm_spec.ts";
import type { QemuTest } from "./machines.ts";

const suite = "trixie";
const certificates = "usr/lib/python3/dist-packages/virt/firmware/certs";

/**
 * Which certificates of Microsoft's a machine trusts for boot loaders of others; "none": it trusts another one only.
 */
export type Trust = "2011" | "both" | "2023" | "none";

export interface FirmwareFiles {
  /** Names of the variables as new. */
  readonly variableNames: ReadonlySet<string>;
  /**
   * Variables as new, which enforce Secure Boot. @param isStrict memory is either writable or executable, as new PCs
   * demand
   */
  prepare(
    options: {
      readonly name: string;
      readonly trust: Trust;
      readonly isStrict?: boolean;
      /** Certificates that are trusted as well, in DER. */
      readonly further?: readonly Uint8Array[];
    },
  ): Promise<UefiFirmware>;
}

/** Fetches the packages ovmf and python3-virt-firmware (for its certificates) once. Runs `mmdebstrap`, `tar`. */
export async function fetchFirmware(rig: QemuTest): Promise<FirmwareFiles> {
  const { system, options } = rig;
  const tree = await fetchDebianFiles(rig, "firmware", ["ovmf", "python3-virt-firmware"]);
  const firmware = (name: string): string => `${tree}/x/usr/share/OVMF/${name}`;
  const certificate = async (name: string): Promise<Uint8Array> =>
    parsePem(await system.readText(`${tree}/x/${certificates}/${name}.pem`));
  const trusted: Readonly<Record<Trust, readonly string[]>> = {
    "2011": ["MicrosoftCorporationUEFICA2011"],
    both: ["MicrosoftCorporationUEFICA2011", "MicrosoftUEFICA2023"],
    "2023": ["MicrosoftUEFICA2023"],
    none: ["WindowsUEFICA2023"],
  };
  const fresh = await system.readFile(firmware("OVMF_VARS_4M.ms.fd"));
  return {
    variableNames: new Set(readVariables(fresh).keys()),
    prepare: async ({ name, trust, isStrict = false, further = [] }) => {
      const variablesPath = `${options.runDirectory}/${name}.uefi-variables`;
      const list = await Promise.all(trusted[trust].map(certificate));
      await system.writeFile(variablesPath, trustCertificates(fresh, [...list, ...further]));
      return {
        codePath: firmware(isStrict ? "OVMF_CODE_4M.secboot.strictnx.fd" : "OVMF_CODE_4M.secboot.fd"),
        variablesPath,
      };
    },
  };
}

/**
 * The files of packages of Debian 13, fetched once and kept in the cache. Runs `mmdebstrap`, `tar`.
 * @returns the directory with the directory "x", in which they are
 */
export async function fetchDebianFiles(
  { system, options }: QemuTest,
  name: string,
  packages: readonly string[],
): Promise<string> {
  const tree = `${options.cacheDir}/test-${name}-${suite}`;
  if (await system.stat(`${tree}/x`) === undefined) {
    const work = await system.makeTempDirectory({ parent: options.cacheDir, prefix: `test-${name}-work-` });
    try {
      const host = await findBootstrapHost(system);
      const hook = ["set -eu", ...formatDownload(packages), 'rm -r "$1/debs"'].join("\n");
      const mirror = await readAptMirror(system) ?? debianMirror;
      const target = host.mode === "root" ? `${work}/tree` : `${work}/tree.tar`;
      const plan = { failure: "What the machines need cannot be fetched", suite, mirror, host, directory: work };
      await runBootstrap(system, downloadArguments({ suite, mirror, hook }, host, target), plan, {
        timeoutMs: 600_000,
      });
      if (host.mode === "unshare") {
        await system.makeDirectory(`${work}/tree`);
        await system.run(["tar", "-x", "-f", target, "-C", `${work}/tree`, "--no-same-owner", "./x"]);
      }
      await system.rename(`${work}/tree`, tree);
    } finally {
      await system.remove(work);
    }
  }
  return tree;
}
