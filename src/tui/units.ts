/** Quantities in few characters. */

const BYTE_UNITS = ["B", "K", "M", "G", "T", "P"];
const KIBI = 1024;

/** `0B`, `999B`, `1.5K`, `12M`: at most four characters and the unit. */
export function shownBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= KIBI;
    unit++;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)}${BYTE_UNITS[unit]}`;
}

/** `0.4ms`, `12ms`, `1.2s`; `–` for none. */
export function shownMs(ms: number | null): string {
  if (ms === null) return "–";
  if (ms < 9.95) return `${ms.toFixed(1)}ms`;
  if (ms < 999.5) return `${ms.toFixed(0)}ms`;
  return `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)}s`;
}

/** `now`, `12s`, `4m`, `3h`, `2d`. */
export function shownAge(ms: number): string {
  const secs = Math.round(Math.max(0, ms) / 1000);
  if (secs === 0) return "now";
  if (secs < 100) return `${secs}s`;
  if (secs < 100 * 60) return `${Math.round(secs / 60)}m`;
  if (secs < 48 * 3600) return `${Math.round(secs / 3600)}h`;
  return `${Math.round(secs / 86_400)}d`;
}

/** `1234567` as `1 234 567`. */
export function shownCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, " ");
}

/** `0%` to `100%`. */
export function shownShare(share: number): string {
  return `${Math.round(share * 100)}%`;
}
