/** Loaded before the program under test: SIGUSR2 has it collect its garbage, and say so. */

import { writeSync } from "node:fs";

process.on("SIGUSR2", () => {
  Bun.gc(true);
  writeSync(2, '{"message":"collected"}\n');
});
