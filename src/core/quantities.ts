/** Quantities as people read them. */

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const KIBI = 1024;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `0 B`, `1.5 KiB`, `12 MiB`. */
export function shownBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= KIBI && unit < BYTE_UNITS.length - 1) {
    value /= KIBI;
    unit++;
  }
  return `${value.toFixed(unit > 0 && value < 10 ? 1 : 0)} ${BYTE_UNITS[unit]}`;
}

/** `42 s`, `7 min`, `3 h 20 min`, `12 days`. */
export function shownDuration(secs: number): string {
  if (secs < MINUTE) return `${Math.round(secs)} s`;
  if (secs < HOUR) return `${Math.floor(secs / MINUTE)} min`;
  if (secs < 2 * DAY) {
    return `${Math.floor(secs / HOUR)} h ${Math.floor((secs % HOUR) / MINUTE)} min`;
  }
  return `${Math.floor(secs / DAY)} days`;
}
