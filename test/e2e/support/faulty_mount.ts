/**
 * A mount whose first origin fails as its parent says: `bun faulty_mount.ts CONFIG`. Each line on
 * standard input is a JSON array of faults that replace those before it; its end unmounts. Says
 * "ready" when the tree can be used, and then the origins' health as a JSON line whenever it changes.
 */

import { createInterface } from "node:readline";
import { systemClock } from "../../../src/core/clock.ts";
import { parseConfig } from "../../../src/core/config/parse.ts";
import { resolveConfig } from "../../../src/core/config/resolve.ts";
import { EventBus } from "../../../src/core/events.ts";
import { standardErrorLogger } from "../../../src/core/log.ts";
import { Library } from "../../../src/core/mount/library.ts";
import { unmountAt } from "../../../src/core/mount/unmount.ts";
import { type Fault, FaultPlan } from "../../../src/core/origins/wrappers/faults.ts";

const [file = ""] = process.argv.slice(2);
const around = {
  env: process.env,
  uid: process.getuid?.() ?? 0,
  home: process.env["HOME"],
  workingDirectory: "/",
};
const config = resolveConfig(await parseConfig(await Bun.file(file).text(), file), around);
const plan = new FaultPlan(systemClock);
const preferred = config.origins[0]?.id;
const log = standardErrorLogger("info", process.env);
const library = await Library.start({
  config,
  events: new EventBus(),
  log,
  requireAll: false,
  originExtras: (id) => (id === preferred ? { faults: plan } : {}),
});
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  plan.clear();
  for (const fault of JSON.parse(line) as readonly Fault[]) plan.add({ fault });
  console.log("set");
}
await unmountAt(library.mountPoint, { lazy: true });
await library.ended;
await library.stop();
process.exit(0);
