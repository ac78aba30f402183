/**
 * What a run of tests left behind. Everything it starts inherits the mark in its environment and makes its temporary
 * files under one directory, so that nothing of anybody else on the machine is taken for a leftover.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Environment variable that marks the processes of one run. */
export const RUN_MARK = "MUSICFS_TEST_RUN";

/** The file's text; undefined where it is gone or not ours to read, as happens to entries of /proc. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Processes whose environment carries the mark, except this one; `PID command line` each. */
export function leftProcesses(mark: string): readonly string[] {
  const wanted = `${RUN_MARK}=${mark}`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => readProc(`/proc/${pid}/environ`)?.split("\0").includes(wanted) === true)
    .map((pid) => {
      const command = readProc(`/proc/${pid}/cmdline`)?.split("\0").join(" ").trim() ?? "";
      return `process ${pid} ${command}`;
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

/** Everything left by the run with this mark whose temporary directory is `directory`, one line each. */
export function leftovers(mark: string, directory: string): readonly string[] {
  return [
    ...leftProcesses(mark),
    ...leftMounts(directory, readFileSync("/proc/self/mountinfo", "utf8")),
    ...readdirSync(directory).map((name) => `file ${directory}/${name}`),
  ];
}
