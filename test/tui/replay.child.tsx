/** Shows a scene in this terminal, with the clock standing still, until `q`: `replay.child.tsx SCENE`. */

import { watch } from "../../src/tui/watch.tsx";
import { NOW_MS, SCENES } from "./scenes.ts";

const scene = SCENES[process.argv[2] ?? ""];
if (scene === undefined) throw new Error(`there are the scenes ${Object.keys(SCENES).join(", ")}`);

await watch({
  stdin: process.stdin,
  stdout: process.stdout,
  wallMs: () => NOW_MS,
  actions: { check: async () => undefined, setEnabled: async () => undefined },
  async *updates(signal) {
    yield* scene;
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve());
    await promise;
  },
});
console.log("the view is closed");
