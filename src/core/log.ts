/**
 * The one logger. For people on a terminal, JSON lines otherwise, to standard error. Control
 * characters are escaped, secrets are `Secret`s that print as `[redacted]`, and a message that
 * repeats is held back, so that a dead origin fills no disk.
 */

import { writeSync } from "node:fs";
import { displayText } from "./bytes.ts";
import { type Clock, systemClock } from "./clock.ts";
import { MusicFsError, messageOf } from "./errors.ts";

/** From the gravest; a logger writes its own level and the ones before it. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Beside the message; values are numbers, texts, `Secret`s, errors. Keys are snake_case. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  /** The message is constant text: it is what repetition is counted by, with the field `origin`. */
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

export interface LogOptions {
  /** Messages of this level and graver ones are written. */
  readonly level: LogLevel;
  readonly format: "human" | "json";
  /** Gets one line without its newline. */
  readonly write: (line: string) => void;
  readonly clock?: Clock;
  /** ANSI colours in the human format. */
  readonly colour?: boolean;
}

/** One message (with one origin) is written this often in {@link REPEAT_WINDOW_MS}, then counted. */
export const REPEATS_PER_WINDOW = 5;
export const REPEAT_WINDOW_MS = 60_000;
/** Messages whose repetition is remembered; the one not seen for longest is forgotten. */
const MAX_REMEMBERED = 256;

interface Repetition {
  windowEndMs: number;
  written: number;
  heldBack: number;
}

export function createLogger(options: LogOptions): Logger {
  const { write, format, clock = systemClock, colour = false } = options;
  const gravest = LOG_LEVELS.indexOf(options.level);
  const seen = new Map<string, Repetition>();

  /** How many like it were held back before this one, or undefined when it is held back itself. */
  const admit = (key: string): number | undefined => {
    const nowMs = clock.monotonicMs();
    const known = seen.get(key);
    seen.delete(key);
    if (known !== undefined && nowMs < known.windowEndMs) {
      seen.set(key, known);
      if (known.written < REPEATS_PER_WINDOW) {
        known.written++;
        return 0;
      }
      known.heldBack++;
      return undefined;
    }
    seen.set(key, { windowEndMs: nowMs + REPEAT_WINDOW_MS, written: 1, heldBack: 0 });
    const oldest = seen.keys().next();
    if (seen.size > MAX_REMEMBERED && !oldest.done) seen.delete(oldest.value);
    return known?.heldBack ?? 0;
  };

  const say = (level: LogLevel, message: string, fields: LogFields = {}) => {
    if (LOG_LEVELS.indexOf(level) > gravest) return;
    const { origin = "" } = fields;
    const heldBack = admit(`${level} ${String(origin)} ${message}`);
    if (heldBack === undefined) return;
    const all = heldBack === 0 ? fields : { ...fields, held_back: heldBack };
    const time = new Date(clock.wallMs());
    write(
      format === "json"
        ? jsonLine(time, level, message, all)
        : humanLine(time, level, message, all, colour),
    );
  };

  return {
    error: (message, fields) => say("error", message, fields),
    warn: (message, fields) => say("warn", message, fields),
    info: (message, fields) => say("info", message, fields),
    debug: (message, fields) => say("debug", message, fields),
  };
}

/** Standard error: for people if it is a terminal, else JSON lines. */
export function standardErrorLogger(
  level: LogLevel,
  env: Readonly<Record<string, string | undefined>>,
): Logger {
  const terminal = process.stderr.isTTY === true;
  const { NO_COLOR = "" } = env;
  return createLogger({
    level,
    format: terminal ? "human" : "json",
    colour: terminal && NO_COLOR === "",
    write: writeLine,
  });
}

/** Writes in one call, so that lines of several threads do not mix. A reader that went is no error. */
function writeLine(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "EPIPE" && code !== "EAGAIN" && code !== "EIO" && code !== "ENOSPC") throw error;
  }
}

function jsonLine(time: Date, level: LogLevel, message: string, fields: LogFields): string {
  const plain: Record<string, unknown> = { time: time.toISOString(), level, message };
  for (const [key, value] of Object.entries(fields)) plain[key] = plainValue(value);
  // JSON escapes C0; DEL, C1 and bidirectional overrides could still drive a terminal.
  return JSON.stringify(plain).replace(
    /[\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const COLOURS: Readonly<Record<LogLevel, string>> = {
  error: "\x1b[31m",
  warn: "\x1b[33m",
  info: "",
  debug: "\x1b[2m",
};

function humanLine(
  time: Date,
  level: LogLevel,
  message: string,
  fields: LogFields,
  colour: boolean,
): string {
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${detail(value)}`);
  const line = `${time.toTimeString().slice(0, 8)} ${level.padEnd(5)} ${displayText(message)}${details.join("")}`;
  const start = colour ? COLOURS[level] : "";
  return start === "" ? line : `${start}${line}\x1b[0m`;
}

function detail(value: unknown): string {
  const plain = plainValue(value);
  const text = typeof plain === "string" ? plain : JSON.stringify(plain);
  return /^[^\s"=]+$/.test(text) ? displayText(text) : `"${displayText(text)}"`;
}

function plainValue(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (!(value instanceof Error)) return value;
  const code = value instanceof MusicFsError ? `${value.code}: ` : "";
  const cause = value.cause === undefined ? "" : ` (${messageOf(value.cause)})`;
  return `${code}${value.message}${cause}`;
}
