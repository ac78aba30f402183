import type { DemoOrigin } from "./origin.ts";

/** A directory of this machine. */
export function directoryOrigin(path: string): DemoOrigin {
  return {
    what: "a directory",
    flags: ["--type", "local", "--path", path],
    env: {},
    async [Symbol.asyncDispose]() {
      // It goes with the stage.
    },
  };
}
