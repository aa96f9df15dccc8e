/** A wired card with a cable, as tests take one. */
import type { Link } from "../../lib/system/facts.ts";

export const sampleLink: Link = {
  name: "eth0",
  index: 2,
  mac: "52:54:00:12:34:56",
  isUp: true,
  hasCarrier: true,
  isLoopback: false,
  mtu: 1500,
  addresses: [],
};
