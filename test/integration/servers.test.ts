import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateBucketCommand, HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { type ProcessId, startS3, startSmb, startSshd } from "../../scripts/servers/index.ts";

/** Listening TCP sockets of this machine: inode and address as hexadecimal `IP:PORT`. */
function listeners(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readFileSync(table, "latin1").split("\n").slice(1)) {
      const [, address = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      if (state === "0A") found.set(inode, address);
    }
  }
  return found;
}

function socketsOf(processes: readonly ProcessId[]): readonly string[] {
  const sockets = new Set<string>();
  for (const { pid } of processes) {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) sockets.add(inode);
    }
  }
  return [...sockets];
}

/** Ports the packages' own services would listen on. */
const SERVICE_PORTS = [22, 137, 138, 139, 445, 6200, 6201, 6202, 8080, 11_211];

function servicePorts(): readonly number[] {
  const ports = [...listeners().values()].map((at) => Number.parseInt(at.split(":")[1] ?? "", 16));
  return ports.filter((port) => SERVICE_PORTS.includes(port)).sort();
}

/** Services that the machine starts when it boots. */
function enabledServices(): readonly string[] {
  const directories = ["/etc/rc2.d", "/etc/rc3.d", "/etc/systemd/system/multi-user.target.wants"];
  const all = directories.filter((path) => existsSync(path)).flatMap((path) => readdirSync(path));
  return all
    .filter((name) => /^(?!K\d\d).*(ssh|smbd|nmbd|samba|swift|memcached)/.test(name))
    .sort();
}

describe("test servers", () => {
  test("listen on 127.0.0.1 only, bring no service along and end with their scope", async () => {
    const before = { ports: servicePorts(), services: enabledServices() };
    let processes: readonly ProcessId[];
    {
      const started = await Promise.all([startSshd(), startS3(), startSmb()]);
      await using stack = new AsyncDisposableStack();
      for (const server of started) stack.use(server);
      const [sshd, s3, smb] = started;
      processes = [
        ...sshd.processes(),
        ...s3.processes(),
        ...smb.processes("smbd"),
        ...smb.processes("client"),
      ];

      const all = listeners();
      const ours = socketsOf(processes).flatMap((inode) => all.get(inode) ?? []);
      expect(ours).toHaveLength(6);
      for (const address of ours) expect(address).toStartWith("0100007F:");
      expect({ ports: servicePorts(), services: enabledServices() }).toEqual(before);
    }
    for (const { pid } of processes) {
      const alive = existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(statusOf(pid));
      expect(alive).toBe(false);
    }
  }, 180_000);
});

function statusOf(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, "latin1");
}

describe("startS3", () => {
  test("keeps its data over SIGKILL and logs each request", async () => {
    await using server = await startS3();
    const client = server.client();
    await client.send(new CreateBucketCommand({ Bucket: "music" }));
    const Body = Buffer.from("hello");
    await client.send(new PutObjectCommand({ Bucket: "music", Key: "a b", Body }));
    server.pause();
    server.resume();
    await server.kill();
    await server.restart();
    const head = await client.send(new HeadObjectCommand({ Bucket: "music", Key: "a b" }));
    client.destroy();
    expect(head.ContentLength).toBe(5);
    const put = server.requests().find(({ path }) => path.startsWith("/music/a%20b?"));
    expect(put).toMatchObject({ method: "PUT", status: 200, bytesReceived: 5 });
  }, 180_000);
});

describe("startSmb", () => {
  test("shows the share, hangs while the server is stopped, fails without a client", async () => {
    await using server = await startSmb();
    writeFileSync(join(server.shareDir, "song"), "la la");
    const cat = () => Bun.spawn(["cat", join(server.mountPoint, "song")], { stderr: "ignore" });
    expect(await cat().stdout.text()).toBe("la la");

    server.pause("smbd");
    const hung = cat();
    await Bun.sleep(300);
    expect(hung.exitCode).toBe(null);
    server.resume("smbd");
    expect(await hung.stdout.text()).toBe("la la");

    await server.kill("client");
    expect(await cat().exited).toBe(1);
    await server.restart("client");
    expect(await cat().stdout.text()).toBe("la la");

    await server.unmount();
    expect(readdirSync(server.mountPoint)).toEqual([]);
  }, 180_000);
});
