/** Exit codes of every command (docs/configuration.md); `health` has its own meanings of 1 to 3. */

import { MusicFsError } from "../core/errors.ts";

export const EXIT = {
  done: 0,
  failed: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** Some origin failed or was held. */
  partly: 3,
  /** Another process holds the lock. */
  busy: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof MusicFsError)) return EXIT.failed;
  if (error.code === "usage" || error.code === "config") return EXIT.usage;
  return error.code === "busy" ? EXIT.busy : EXIT.failed;
}
