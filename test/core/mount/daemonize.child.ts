/** What `daemonize.test.ts` starts; says how it went as its argument tells it to. */

import { OwnError } from "../../../src/core/errors.ts";
import { daemonStarter } from "../../../src/core/mount/daemonize.ts";

const starter = daemonStarter();
if (process.env["MUSICFS_READY_FD"] !== undefined) throw new Error("still in the environment");
switch (process.argv[2]) {
  case "ready":
    starter?.ready();
    starter?.failed(new Error("too late to count"));
    setTimeout(() => process.exit(), 20_000);
    break;
  case "failed":
    console.log("to standard output");
    console.error("to standard error");
    starter?.failed(new OwnError("busy", "in use"));
    break;
  case "exit":
    process.exit(7);
    break;
  case "kill":
    process.kill(process.pid, "SIGKILL");
}
