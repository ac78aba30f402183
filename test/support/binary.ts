/** The compiled program, as `npm run build` makes it. */

import { resolve } from "node:path";

export const BINARY = resolve(import.meta.dir, "../../dist/musicfs");
