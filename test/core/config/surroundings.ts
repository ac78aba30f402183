import type { Surroundings } from "../../../src/core/config/paths.ts";

/** A user who has nothing but a home directory. */
export function someUser(changes: Partial<Surroundings> = {}): Surroundings {
  return { env: {}, uid: 1000, home: "/home/user", workingDirectory: "/work", ...changes };
}
