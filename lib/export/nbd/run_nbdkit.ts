/** The program that runs nbdkit and keeps its log for the agent after this one: part of the image (image/initrd). */
export const RUN_NBDKIT_PATH = "/usr/lib/stiefelsystem/run-nbdkit";
