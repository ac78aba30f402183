/** How states look: by symbol and by colour, so that either is enough. */

import type { LiveOrigin, LiveRead } from "../core/control/live.ts";

export interface Mark {
  readonly symbol: string;
  readonly text: string;
  readonly colour: "green" | "yellow" | "red" | "gray" | "cyan" | "magenta";
}

const STATUS: Readonly<Record<LiveOrigin["status"], Mark>> = {
  healthy: { symbol: "●", text: "healthy", colour: "green" },
  degraded: { symbol: "◐", text: "degraded", colour: "yellow" },
  unhealthy: { symbol: "✖", text: "unhealthy", colour: "red" },
  unknown: { symbol: "○", text: "unknown", colour: "gray" },
};

const DISABLED: Mark = { symbol: "–", text: "disabled", colour: "gray" };

export function statusMark(status: LiveOrigin["status"]): Mark {
  return STATUS[status];
}

export function originMark({ status, enabled }: LiveOrigin): Mark {
  return enabled ? STATUS[status] : DISABLED;
}

const READS: Readonly<Record<LiveRead["marks"][number], Mark>> = {
  cache: { symbol: "◆", text: "cache", colour: "cyan" },
  hedge: { symbol: "⇉", text: "hedge", colour: "magenta" },
  retry: { symbol: "↻", text: "retry", colour: "yellow" },
  failover: { symbol: "⤳", text: "failover", colour: "yellow" },
  probable: { symbol: "≈", text: "probable", colour: "yellow" },
  error: { symbol: "✖", text: "failed", colour: "red" },
};

export function readMark(mark: LiveRead["marks"][number]): Mark {
  return READS[mark];
}
