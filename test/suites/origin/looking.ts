/** How the suite looks at an origin. */

import { expect } from "bun:test";
import { readdirSync } from "node:fs";
import {
  type ByteName,
  type BytePath,
  isValidName,
  nameFromText,
  ROOT_PATH,
} from "../../../src/core/bytes.ts";
import { type ErrorCode, MusicFsError, OriginError } from "../../../src/core/errors.ts";
import type { DirEntry, Origin } from "../../../src/core/origins/origin.ts";

export const path = (text: string) => nameFromText(text) as string as BytePath;
export const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Bytes that differ everywhere: a stretch read from the wrong place never fits by chance. */
export function patterned(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = 0x9e3779b9 ^ length;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export async function listAll(
  origin: Origin,
  directory = ROOT_PATH,
): Promise<Map<ByteName, DirEntry>> {
  const entries = new Map<ByteName, DirEntry>();
  for await (const page of origin.list(directory)) {
    for (const entry of page) {
      expect(entries.has(entry.name)).toBeFalse();
      expect(isValidName(entry.name)).toBeTrue();
      entries.set(entry.name, entry);
    }
  }
  return entries;
}

export async function readAll(origin: Origin, at: BytePath, length: number): Promise<Uint8Array> {
  const into = new Uint8Array(length);
  const read = await origin.read(at, 0, into);
  return into.subarray(0, read);
}

/** The code a promise rejects with; what is not of the contract fails the test. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | "resolved"> {
  try {
    await promise;
    return "resolved";
  } catch (error) {
    if (!(error instanceof MusicFsError)) throw error;
    expect(error instanceof OriginError || error.code === "cancelled").toBeTrue();
    return error.code;
  }
}

export function descriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Waits for what is let go of in the background. */
export async function eventually(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 100 && !holds(); tries++) await Bun.sleep(10);
  expect(holds()).toBeTrue();
}
