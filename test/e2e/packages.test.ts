import { expect } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needing } from "../support/needs.ts";

const { describe, test } = needing("root", "apt-get", "dpkg-deb", "invoke-rc.d");

const INSTALLER = join(import.meta.dir, "../../scripts/packages.sh");
const NAME = "musicfs-test-service";

/** Ports of the listening TCP sockets of this machine. */
function listeningPorts(): readonly number[] {
  return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) =>
    readFileSync(table, "latin1")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === "0A")
      .map(([, address = ""]) => Number.parseInt(address.split(":")[1] ?? "", 16)),
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

function script(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\nset -e\n${text}\n`);
  chmodSync(path, 0o755);
}

/** A Debian package whose installation starts a service that listens on `port`, as openssh-server's does. */
function buildPackage(root: string, port: number): string {
  const tree = join(root, NAME);
  mkdirSync(join(tree, "DEBIAN"), { recursive: true });
  mkdirSync(join(tree, "etc/init.d"), { recursive: true });
  writeFileSync(
    join(tree, "DEBIAN/control"),
    `Package: ${NAME}\nVersion: 1.0\nArchitecture: all\nMaintainer: MusicFS contributors <none@example.org>\nDescription: A service that listens, for a test\n`,
  );
  writeFileSync(join(tree, "DEBIAN/conffiles"), `/etc/init.d/${NAME}\n`);
  const listen = `Bun.listen({ hostname: "127.0.0.1", port: ${port}, socket: { data() {} } })`;
  const pidFile = join(root, "pid");
  script(
    join(tree, "etc/init.d", NAME),
    `### BEGIN INIT INFO
# Provides: ${NAME}
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Short-Description: listens
### END INIT INFO
case "$1" in
  start) setsid '${process.execPath}' -e '${listen}' >/dev/null 2>&1 </dev/null & echo $! >'${pidFile}' ;;
  stop) [ ! -e '${pidFile}' ] || kill "$(cat '${pidFile}')" 2>/dev/null || true; rm -f '${pidFile}' ;;
esac`,
  );
  script(
    join(tree, "DEBIAN/postinst"),
    `update-rc.d ${NAME} defaults >/dev/null\ninvoke-rc.d ${NAME} start || true`,
  );
  script(join(tree, "DEBIAN/postrm"), `update-rc.d ${NAME} remove >/dev/null || true`);
  const file = join(root, `${NAME}.deb`);
  const { exitCode, stderr } = Bun.spawnSync([
    "dpkg-deb",
    "--build",
    "--root-owner-group",
    tree,
    file,
  ]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return file;
}

describe("packages.sh with apt", () => {
  test("installs a package without starting its service: no new listener appears", async () => {
    const root = mkdtempSync(join(tmpdir(), "musicfs-service-"));
    try {
      const port = await freePort();
      const file = buildPackage(root, port);
      const list = join(root, "packages.txt");
      writeFileSync(list, `${file} test\n`);
      const policyBefore = existsSync("/usr/sbin/policy-rc.d");
      const { exitCode, stderr } = Bun.spawnSync(["sh", INSTALLER, "test", list], {
        stdin: "ignore",
        env: { ...process.env, CI: "true" },
      });
      expect(stderr.toString()).not.toContain("installation failed");
      expect(exitCode).toBe(0);
      expect(existsSync(`/etc/init.d/${NAME}`)).toBe(true);
      expect(existsSync(join(root, "pid"))).toBe(false);
      expect(listeningPorts()).not.toContain(port);
      expect(existsSync("/usr/sbin/policy-rc.d")).toBe(policyBefore);
      // Nor does it start with the machine: S links start a service, K links do not.
      const links = [
        ...new Bun.Glob(`/etc/rc[2-5].d/[SK]??${NAME}`).scanSync({ onlyFiles: false }),
      ];
      expect(links.length).toBeGreaterThan(0);
      expect(links.filter((link) => link.includes("/S"))).toEqual([]);

      // The service itself works: what kept it silent is the installer.
      Bun.spawnSync([`/etc/init.d/${NAME}`, "start"], { stdio: ["ignore", "ignore", "ignore"] });
      while (!listeningPorts().includes(port)) await Bun.sleep(10);
      Bun.spawnSync([`/etc/init.d/${NAME}`, "stop"]);
      while (listeningPorts().includes(port)) await Bun.sleep(10);
    } finally {
      Bun.spawnSync(["dpkg", "--purge", NAME]);
      rmSync(root, { recursive: true });
    }
  }, 120_000);
});
