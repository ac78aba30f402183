/** What the doctor says of one thing that a mount needs. */

/** In the order in which they are looked at and shown: what stops everything else comes first. */
export const CHECKS = [
  "configuration",
  "fuse",
  "fusermount3",
  "mount_point",
  "limits",
  "sockets",
  "cache",
  "clock",
  "credentials",
  "known_hosts",
  "origin",
] as const;
export type CheckName = (typeof CHECKS)[number];

/** `problem`: a mount, or the origin in question, does not work like this. `warning`: it works, but worse. */
export type FindingStatus = "ok" | "warning" | "problem";

export interface Finding {
  readonly check: CheckName;
  readonly status: FindingStatus;
  /** The origin it is about; undefined: all of the program. */
  readonly origin?: string;
  /** What is so, for people. */
  readonly message: string;
  /** What a person does about it; undefined exactly where the status is `ok`. */
  readonly remedy?: string;
}

/** Makes the findings of one check, about one origin or all of the program. */
export class Findings {
  readonly #about: Pick<Finding, "check" | "origin">;
  readonly #found: Finding[] = [];

  constructor(check: CheckName, origin?: string) {
    this.#about = { check, ...(origin === undefined ? {} : { origin }) };
  }

  problem(message: string, remedy: string): void {
    this.#found.push({ ...this.#about, status: "problem", message, remedy });
  }

  warning(message: string, remedy: string): void {
    this.#found.push({ ...this.#about, status: "warning", message, remedy });
  }

  /** What was found; `message` where nothing was wrong. */
  elseOk(message: string): readonly Finding[] {
    if (this.#found.length > 0) return this.#found;
    return [{ ...this.#about, status: "ok", message }];
  }
}

/** The worst of them. */
export function overallFinding(findings: readonly Finding[]): FindingStatus {
  for (const status of ["problem", "warning"] as const) {
    if (findings.some((finding) => finding.status === status)) return status;
  }
  return "ok";
}
