/** What an origin of the demonstration is, whatever plays it. */

export interface DemoOrigin extends AsyncDisposable {
  /** What it is, for people: "OpenSSH's sshd, over SFTP". */
  readonly what: string;
  /** Its type and settings as flags of `musicfs origins add`. */
  readonly flags: readonly string[];
  /** What musicfs must find in its environment to use it. */
  readonly env: Readonly<Record<string, string>>;
  /** Absent where nothing can be killed. */
  readonly server?: MortalServer;
}

export interface MortalServer {
  /** The program's name. */
  readonly name: string;
  /** SIGKILL, as a crash or a power cut would end it. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/**
 * Starts `real`; where that fails, since what it needs is neither there nor can be installed, says so with the first
 * line of the reason and starts `substitute` instead.
 */
export async function startOr<T>(
  real: () => Promise<T>,
  substitute: () => Promise<T>,
  leftOut: (reason: string) => void,
): Promise<T> {
  try {
    return await real();
  } catch (error) {
    const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    leftOut(reason);
    return await substitute();
  }
}
