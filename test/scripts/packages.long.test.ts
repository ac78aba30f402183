import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runScript, type ScriptResult, Stubs } from "./stubs.ts";

const SCRIPT = join(import.meta.dir, "../../scripts/packages.sh");
const TOOLS = [
  "awk",
  "cat",
  "chmod",
  "comm",
  "dirname",
  "find",
  "flock",
  "grep",
  "mktemp",
  "rm",
  "sed",
  "sort",
  "tr",
];

let root: string;
let policy: string;
let list: string;
let stubs: Stubs;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "musicfs-packages-"));
  policy = join(root, "policy-rc.d");
  list = join(root, "packages.txt");
  writeFileSync(
    list,
    "# a list\nhere  test demo  # is installed\ngone  test       # is not\nother demo\n",
  );
  stubs = new Stubs(root, TOOLS)
    .add("id", "echo 0")
    .add("systemctl")
    // Called as: dpkg-query -W -f FORMAT NAME
    .add("dpkg-query", 'case "$*" in *here) printf "install ok installed" ;; *) exit 1 ;; esac')
    .add("apt-get", `"${policy}"; echo "policy says $?" >>"${root}/policy"`);
});
afterEach(() => rmSync(root, { recursive: true }));

function run(task = "test", env: Readonly<Record<string, string>> = {}): ScriptResult {
  const command = ["/bin/sh", SCRIPT, task, list];
  return runScript(command, stubs, { MUSICFS_POLICY_RC_D: policy, TMPDIR: root, ...env });
}

function aptCalls(): readonly string[] {
  return stubs.calls().filter((call) => call.startsWith("apt-get"));
}

describe("packages.sh", () => {
  test("installs only what the task lists and the machine lacks", () => {
    expect(run().status).toBe(0);
    expect(aptCalls()).toEqual([
      expect.stringMatching(/ install --no-install-recommends --download-only gone$/),
      expect.stringMatching(/ install --no-install-recommends gone$/),
    ]);
    expect(aptCalls().join()).toContain("DPkg::Lock::Timeout=");
  });

  test("does nothing when nothing is missing", () => {
    writeFileSync(list, "here test\n");
    expect(run()).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(aptCalls()).toEqual([]);
  });

  test("fetches the package lists only when the packages cannot be fetched without", () => {
    stubs.add("apt-get", 'case "$*" in *download-only*) exit 100 ;; esac');
    expect(run().status).toBe(0);
    expect(aptCalls()[1]).toMatch(/ update$/);
    expect(aptCalls()).toHaveLength(3);
  });

  test("forbids services while it installs, and only then", () => {
    run();
    expect(readFileSync(join(root, "policy"), "utf8")).toBe("policy says 101\npolicy says 101\n");
    expect(existsSync(policy)).toBe(false);
  });

  test("leaves a policy that is there as it is", () => {
    writeFileSync(policy, "#!/bin/sh\nexit 104\n", { mode: 0o755 });
    run();
    expect(readFileSync(join(root, "policy"), "utf8")).toBe("policy says 104\npolicy says 104\n");
    expect(readFileSync(policy, "utf8")).toBe("#!/bin/sh\nexit 104\n");
  });

  test.each([
    ["fails", "exit 100"],
    ["is killed", "kill -TERM $$"],
    ["kills the script", "kill -TERM $PPID"],
  ])("removes its policy when apt %s", (_, body) => {
    stubs.add("apt-get", body);
    run();
    expect(existsSync(policy)).toBe(false);
  });

  test("names the command and goes on when the installation fails", () => {
    stubs.add("apt-get", "exit 100");
    const { status, stderr } = run();
    expect(status).toBe(0);
    expect(stderr).toContain("\n  apt-get install --no-install-recommends gone \n");
  });

  test("names the command and goes on for an ordinary user", () => {
    stubs.add("id", "echo 1000");
    const { status, stderr } = run();
    expect(status).toBe(0);
    expect(stderr).toContain("\n  sudo apt-get install --no-install-recommends gone \n");
    expect(aptCalls()).toEqual([]);
  });

  test("names the packages and goes on where there is no dpkg", () => {
    rmSync(join(stubs.path, "dpkg-query"));
    const { status, stderr } = run("demo");
    expect(status).toBe(0);
    expect(stderr).toContain("here");
  });

  describe("on a terminal", () => {
    /** Runs the script on a pseudo-terminal of script(1), with one line typed. */
    async function runOnTerminal(
      typed: string,
      env: Readonly<Record<string, string>> = {},
    ): Promise<string> {
      const child = Bun.spawn(
        ["script", "-q", "-e", "-c", `/bin/sh ${SCRIPT} test ${list}`, "/dev/null"],
        {
          env: {
            ...env,
            PATH: `${stubs.path}:/usr/bin:/bin`,
            SHELL: "/bin/sh",
            MUSICFS_POLICY_RC_D: policy,
            TMPDIR: root,
          },
          stdin: new Blob([`${typed}\n`]),
          stdout: "pipe",
        },
      );
      const [output] = await Promise.all([child.stdout.text(), child.exited]);
      return output;
    }

    test("asks before the tests' packages are installed, and installs after a yes", async () => {
      expect(await runOnTerminal("y")).toContain("missing: gone");
      expect(aptCalls()).toHaveLength(2);
    });

    test("installs nothing after a no", async () => {
      expect(await runOnTerminal("n")).toContain("Nothing was installed.");
      expect(aptCalls()).toEqual([]);
    });

    test("does not ask in continuous integration", async () => {
      expect(await runOnTerminal("n", { CI: "true" })).not.toContain("Install them now?");
      expect(aptCalls()).toHaveLength(2);
    });
  });
});
