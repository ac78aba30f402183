/**
 * What a run of tests left behind. Everything it starts has the run's own directory for temporary files, so that
 * nothing of anybody else on the machine is taken for a leftover.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** How long processes that were told to end may take to be gone. */
const SETTLE_MS = 3000;
const SETTLE_STEP_MS = 100;

/** What `look` finds once it finds nothing, or at last. */
export async function settled(look: () => readonly string[]): Promise<readonly string[]> {
  for (let waitedMs = 0; ; waitedMs += SETTLE_STEP_MS) {
    const left = look();
    if (left.length === 0 || waitedMs >= SETTLE_MS) return left;
    await Bun.sleep(SETTLE_STEP_MS);
  }
}

/** What `read` says; empty where a process is gone or not ours to look at. */
function ofProcess(read: () => string): string {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES" || code === "EPERM") return "";
    throw error;
  }
}

/** Processes with `directory` in their environment, command line or as a place they are in; `process PID COMMAND`. */
export function leftProcesses(directory: string): readonly string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    if (Number(pid) === process.pid) return [];
    const proc = join("/proc", pid);
    const command = ofProcess(() => readFileSync(join(proc, "cmdline"), "utf8"));
    const traces = [
      command,
      ofProcess(() => readFileSync(join(proc, "environ"), "utf8")),
      ofProcess(() => readlinkSync(join(proc, "cwd"))),
    ];
    if (!traces.some((trace) => trace.includes(directory))) return [];
    return [`process ${pid} ${command.split("\0").join(" ").trim()}`];
  });
}

/** Mounts at or below `directory`, outermost first; mountinfo writes spaces and the like as octal escapes. */
export function leftMounts(directory: string, mountinfo: string): readonly string[] {
  return mountinfo
    .split("\n")
    .map((line) => line.split(" "))
    .map((fields) => ({
      point: (fields[4] ?? "").replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
      type: fields[fields.indexOf("-") + 1] ?? "",
    }))
    .filter(({ point }) => point === directory || point.startsWith(`${directory}/`))
    .map(({ point, type }) => `mount ${point} (${type})`);
}

/** Everything left by the run whose temporary directory is `directory`, one line each. */
export function leftovers(directory: string): readonly string[] {
  return [
    ...leftProcesses(directory),
    ...leftMounts(directory, readFileSync("/proc/self/mountinfo", "utf8")),
    ...readdirSync(directory).map((name) => `file ${join(directory, name)}`),
  ];
}
