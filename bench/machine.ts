/** Where figures come from: the machine and the versions of what was measured. */

import { readFileSync } from "node:fs";
import { arch, cpus, loadavg, release, totalmem } from "node:os";

const VERSIONS: readonly (readonly [string, ...string[]])[] = [
  ["mergerfs", "--version"],
  ["bindfs", "--version"],
  ["rclone", "version"],
  ["sshfs", "--version"],
  ["s3fs", "--version"],
  ["borg", "--version"],
  ["casync", "--version"],
  ["restic", "version"],
];

/** Lines of a Markdown list. */
export function describeMachine(directory: string): string {
  const [cpu] = cpus();
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  return [
    `${cpus().length} × ${cpu?.model.trim() ?? arch()}, ${memory}, load ${loadavg()[0]?.toFixed(1)} before the run`,
    `Linux ${release()}, ${distribution()}, files on ${fileSystemOf(directory)}`,
    `musicfs at ${output(["git", "describe", "--always", "--dirty"])}, Bun ${Bun.version}`,
    ...VERSIONS.filter(([program]) => Bun.which(program) !== null).map(
      ([program, flag]) => `${program} ${versionIn(output([program, flag ?? ""]))}`,
    ),
  ]
    .map((line) => `- ${line}`)
    .join("\n");
}

/** Some number their releases 1, 2, 3. */
function versionIn(text: string): string | undefined {
  return (/\d+(\.\d+)+/.exec(text) ?? /\b\d+\b/.exec(text))?.[0];
}

function distribution(): string {
  return /PRETTY_NAME="(.*)"/.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux";
}

function fileSystemOf(directory: string): string {
  return output(["stat", "-f", "-c", "%T", directory]);
}

function output(command: readonly string[]): string {
  const { stdout, stderr } = Bun.spawnSync([...command], { stdio: ["ignore", "pipe", "pipe"] });
  return (stdout.toString() || stderr.toString()).trim();
}
