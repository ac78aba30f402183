/** `musicfs unmount`. */

import type { Command } from "commander";
import { fromHere } from "../core/config/load.ts";
import { unmountAt } from "../core/mount/unmount.ts";
import { action, contextOf } from "./context.ts";
import { printJson } from "./output.ts";

const HELP = `
Examples:
  musicfs unmount /mnt/music
  musicfs unmount --lazy /mnt/music    although somebody is using it`;

export function setUp(command: Command): void {
  command
    .argument("<mountpoint>", "where it is mounted")
    .option("--lazy", "detach it at once; who uses it may finish")
    .addHelpText("after", HELP)
    .action(
      action(async (mountPoint: string, { lazy = false }: { readonly lazy?: boolean }) => {
        const { around, json } = contextOf(command);
        const path = fromHere(mountPoint, around);
        await unmountAt(path, { lazy });
        if (json) printJson({ mount_point: path });
        return undefined;
      }),
    );
}
