/** `musicfs cache`: its subcommands. */

import type { Command } from "commander";
import { setUp as setUpClear } from "./cache/clear.ts";
import { setUpPin, setUpPrefetch } from "./cache/fetch.ts";
import { setUp as setUpStats } from "./cache/stats.ts";
import { setUp as setUpUnpin } from "./cache/unpin.ts";
import { setUp as setUpVerify } from "./cache/verify.ts";

const HELP = `
A PATH is a file or directory below the mount point, or a path of the library itself when it is written
from elsewhere. A playlist (.m3u, .m3u8) stands for the files that it names.

They work on the running mount, or on the cache itself where nothing is mounted.

Examples:
  musicfs cache stats
  musicfs cache pin /mnt/music/Favourites ~/party.m3u
  musicfs cache prefetch "Nina Simone/Pastel Blues"
  musicfs cache verify --repair`;

export function setUp(command: Command): void {
  command.addHelpText("after", HELP);
  setUpStats(command.command("stats").description("show what is kept on disk"));
  setUpVerify(command.command("verify").description("read all of it and compare checksums"));
  setUpClear(command.command("clear").description("remove what is kept, but not what is pinned"));
  setUpPin(command.command("pin").description("fetch files and never evict them"));
  setUpUnpin(command.command("unpin").description("let pinned files be evicted again"));
  setUpPrefetch(command.command("prefetch").description("fetch files"));
}
