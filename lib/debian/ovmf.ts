/** The files of Debian's packages for UEFI firmware of virtual machines. Data. */
export const ovmf = {
  package: "ovmf",
  /** Built with SMM, which Secure Boot needs. */
  secureBootCode: "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd",
  /** Variables with Microsoft's keys enrolled, so that Secure Boot is enforced. */
  enrolledVariables: "/usr/share/OVMF/OVMF_VARS_4M.ms.fd",
  /** Variables without any key. */
  emptyVariables: "/usr/share/OVMF/OVMF_VARS_4M.fd",
} as const;

/** The same for arm64. For tests. */
export const aavmf = {
  package: "qemu-efi-aarch64",
  secureBootCode: "/usr/share/AAVMF/AAVMF_CODE.fd",
  enrolledVariables: "/usr/share/AAVMF/AAVMF_VARS.ms.fd",
  emptyVariables: "/usr/share/AAVMF/AAVMF_VARS.fd",
} as const;
