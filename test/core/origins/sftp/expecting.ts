/** What tests of the SFTP origin expect in words of their own. */

import { expect } from "bun:test";
import { MusicFsError } from "../../../../src/core/errors.ts";

/** The failure a promise rejects with; anything else fails the test. */
export async function failure(promise: Promise<unknown>): Promise<MusicFsError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof MusicFsError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

/** Waits for what happens in the background, for up to two seconds. */
export async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !holds(); tries++) await Bun.sleep(5);
  expect(holds()).toBeTrue();
}
