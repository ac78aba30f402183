/**
 * Draws the live view for the README, from the recorded minutes that the tests look at:
 *
 *   bun scripts/picture.ts [--check]
 *
 * Writes docs/live-view.svg. With `--check` it writes nothing, and exits with 1 where the picture there is another one.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NOW_MS, SCENES } from "../test/tui/scenes.ts";
import { screenOf } from "./picture/screen.ts";
import { svgOf } from "./picture/svg.ts";

const FILE = join(import.meta.dir, "../docs/live-view.svg");
const SCENE = "failing";
const SIZE = { columns: 100, rows: 24 };

// Times of day are shown in the machine's zone.
process.env["TZ"] = "UTC";
const screen = await screenOf(SCENES[SCENE] ?? [], NOW_MS, SIZE);
const title = "musicfs health --watch: a NAS went away in the middle of a song, a bucket plays on";
const picture = svgOf({ title, screen, columns: SIZE.columns });

if (!process.argv.includes("--check")) writeFileSync(FILE, picture);
else if (readFileSync(FILE, "utf8") !== picture) {
  console.error("docs/live-view.svg shows another view: bun scripts/picture.ts draws it anew");
  process.exit(1);
}
process.exit(0);
