/**
 * How many requests and bytes each origin has cost, today and this month, so that a user sees what
 * a bucket will be billed for. Days and months are UTC's, as in the bills of S3. Counts are kept
 * over restarts; a crash loses at most the last USAGE_SAVE_MS. One process at a time keeps a ledger:
 * the mount, or a scan while there is none.
 */

import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { USAGE_SAVE_MS } from "../limits.ts";
import type { OriginId } from "./origin.ts";

export interface UsageCounts {
  readonly requests: number;
  /** S3: answers with their headers. Other types: what reads answered. */
  readonly receivedBytes: number;
  /** S3: requests with their headers. Other types: none. */
  readonly sentBytes: number;
}

export interface OriginUsage {
  readonly today: UsageCounts;
  readonly thisMonth: UsageCounts;
}

/** Where one origin's requests and bytes are counted, by the code that makes them. */
export interface UsageMeter {
  request(): void;
  received(bytes: number): void;
  sent(bytes: number): void;
}

/** Keeps the counts between runs; the text is the ledger's own. */
export interface UsageStore {
  /** Undefined when nothing was kept yet. */
  load(): Promise<string | undefined>;
  save(text: string): Promise<void>;
}

export interface UsagePorts {
  readonly clock: Clock;
  readonly store: UsageStore;
  /** The counts go on in memory and the next change tries again. */
  readonly onSaveFailed?: (error: unknown) => void;
}

type Counts = { -readonly [Field in keyof UsageCounts]: number };

interface Entry {
  /** `YYYY-MM-DD` of `today`; its month is that of `thisMonth`. */
  day: string;
  readonly today: Counts;
  readonly thisMonth: Counts;
}

export class UsageLedger implements AsyncDisposable {
  readonly #ports: UsagePorts;
  readonly #entries: Map<string, Entry>;
  #saveTimer: Disposable | undefined;
  #saving: Promise<void> = Promise.resolve();

  private constructor(ports: UsagePorts, entries: Map<string, Entry>) {
    this.#ports = ports;
    this.#entries = entries;
  }

  /**
   * Takes up the counts kept, but for those of months gone by: origins that are no longer used are
   * forgotten with them. Text that is not a ledger's counts as none.
   */
  static async open(ports: UsagePorts): Promise<UsageLedger> {
    const kept = parse(await ports.store.load());
    const month = monthOf(dayAt(ports.clock.wallMs()));
    return new UsageLedger(
      ports,
      new Map([...kept].filter(([, { day }]) => monthOf(day) >= month)),
    );
  }

  meter(origin: OriginId): UsageMeter {
    const count = (field: keyof Counts, amount: number) => {
      const { today, thisMonth } = this.#entry(origin);
      today[field] += amount;
      thisMonth[field] += amount;
      this.#saveTimer ??= this.#ports.clock.schedule(USAGE_SAVE_MS, () => void this.#save());
    };
    return {
      request: () => count("requests", 1),
      received: (bytes) => count("receivedBytes", bytes),
      sent: (bytes) => count("sentBytes", bytes),
    };
  }

  /** As of now: zero for an origin that was not used today or this month. */
  usage(origin: OriginId): OriginUsage {
    const { today, thisMonth } = this.#entry(origin);
    return { today: { ...today }, thisMonth: { ...thisMonth } };
  }

  /** Saves what is not saved yet. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#saveTimer !== undefined) await this.#save();
    await this.#saving;
  }

  #entry(origin: OriginId): Entry {
    const day = dayAt(this.#ports.clock.wallMs());
    const entry = this.#entries.get(origin);
    // A clock set back goes on with the day it came from: counts are never lost by it.
    if (entry !== undefined && day <= entry.day) return entry;
    const sameMonth = entry !== undefined && monthOf(entry.day) === monthOf(day);
    const next = { day, today: zero(), thisMonth: sameMonth ? { ...entry.thisMonth } : zero() };
    this.#entries.set(origin, next);
    return next;
  }

  #save(): Promise<void> {
    this.#saveTimer?.[Symbol.dispose]();
    this.#saveTimer = undefined;
    const text = JSON.stringify(Object.fromEntries(this.#entries));
    this.#saving = this.#saving
      .then(() => this.#ports.store.save(text))
      .catch((error: unknown) => this.#ports.onSaveFailed?.(error));
    return this.#saving;
  }
}

/** Keeps the counts in a file of the cache directory, replaced as a whole. */
export function usageFile(cacheDir: string): UsageStore {
  const path = join(cacheDir, "usage.json");
  return {
    async load() {
      try {
        return await readFile(path, "utf8");
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
        throw error;
      }
    },
    async save(text) {
      await writeFile(`${path}.new`, text, { mode: 0o600 });
      await rename(`${path}.new`, path);
    },
  };
}

function dayAt(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, "YYYY-MM-DD".length);
}

function monthOf(day: string): string {
  return day.slice(0, "YYYY-MM".length);
}

function zero(): Counts {
  return { requests: 0, receivedBytes: 0, sentBytes: 0 };
}

function parse(text: string | undefined): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const [origin, value] of Object.entries(objectOf(text))) {
    const { day, today, thisMonth } = asRecord(value);
    if (typeof day !== "string" || !/^\d{4}-\d\d-\d\d$/.test(day)) continue;
    entries.set(origin, { day, today: counts(today), thisMonth: counts(thisMonth) });
  }
  return entries;
}

function objectOf(text: string | undefined): Readonly<Record<string, unknown>> {
  if (text === undefined) return {};
  try {
    return asRecord(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function counts(value: unknown): Counts {
  const record = asRecord(value);
  const amount = (field: keyof Counts) => {
    const found = record[field];
    return typeof found === "number" && Number.isSafeInteger(found) && found >= 0 ? found : 0;
  };
  return {
    requests: amount("requests"),
    receivedBytes: amount("receivedBytes"),
    sentBytes: amount("sentBytes"),
  };
}
