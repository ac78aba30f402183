/** A mount as a service manager starts, watches, reloads and ends it. */

import { expect } from "bun:test";
import { needing } from "../support/needs.ts";
import { ControlledLibrary } from "./support/controlled_library.ts";
import { BINARY, eventually } from "./support/musicfs.ts";

const { test: mounted } = needing("root", "fuse");

/** Binds the socket that it is given and prints each datagram on a line. */
const RECEIVER = `$| = 1; socket(S, PF_UNIX, SOCK_DGRAM, 0); bind(S, pack_sockaddr_un(shift)) or die $!;
print "listening\\n"; while (defined recv(S, $_, 4096, 0)) { s/\\n/ /g; print "$_\\n" }`;

class Receiver implements Disposable {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;
  told = "";

  constructor(path: string) {
    const command = ["perl", "-MSocket", "-e", RECEIVER, path];
    this.#child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    void this.#read();
  }

  async heard(text: string | RegExp): Promise<void> {
    await eventually(`it was told ${text}`, () => this.told.search(text) >= 0);
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }

  async #read(): Promise<void> {
    for await (const chunk of this.#child.stdout) this.told += new TextDecoder().decode(chunk);
  }
}

mounted(
  "a service manager hears when it can be used, how it is, that it lives and that it ends",
  async () => {
    using library = new ControlledLibrary("one");
    library.file("one/1.flac", "one");
    const NOTIFY_SOCKET = library.path("notify");
    using manager = new Receiver(NOTIFY_SOCKET);
    await manager.heard("listening");
    const env = { NOTIFY_SOCKET, WATCHDOG_USEC: "200000" };
    await using mount = await library.mount([], { env });
    await manager.heard(/READY=1 STATUS=\w+: \d of 1 origins healthy, \d files/);
    await manager.heard("STATUS=healthy: 1 of 1 origins healthy, 1 files");
    const lives = () => manager.told.split("WATCHDOG=1").length;
    const before = lives();
    await eventually("it lives", () => lives() > before + 2);
    const from = manager.told.length;
    mount.kill("SIGHUP");
    await eventually("it reads its configuration", () =>
      /RELOADING=1 MONOTONIC_USEC=\d+\n(?:.*\n)*READY=1/.test(manager.told.slice(from)),
    );
    expect(await mount.stop()).toBe(0);
    await manager.heard("STOPPING=1");
  },
);

mounted("a manager's socket that nobody listens on hinders nothing", async () => {
  using library = new ControlledLibrary("one");
  const env = { NOTIFY_SOCKET: library.path("nobody") };
  await using mount = await library.mount([], { env });
  expect(await mount.stop()).toBe(0);
});

/**
 * `$1` is the host's directory, `$2` the container's; `$3` and the rest mount the library in `$1`. The
 * container reads when a line comes through the pipe that it was started with.
 */
const CONTAINER = `mkfifo "$2/../orders"
mount --bind "$1" "$1"; mount --make-shared "$1"
unshare -m --propagation slave sh -c 'mount --rbind "$1" "$2"; while read -r _; do cat "$2/library/1.flac"; echo; done' \\
  sh "$1" "$2" < "$2/../orders" &
exec 3> "$2/../orders"; shift 2
for _ in 1 2; do "$@" > /dev/null; echo read >&3; sleep 1; "$BINARY" unmount --lazy "$LIBRARY"; done
exec 3>&-; wait`;

mounted(
  "a container that has the directory above sees the mount after a restart (compose.yaml)",
  async () => {
    using library = new ControlledLibrary("one");
    library.file("one/1.flac", "one");
    const host = library.directory("host");
    const LIBRARY = library.directory("host", "library");
    const mount = [BINARY, "mount", LIBRARY, "--daemon", "--config", library.configFile];
    const played = await library.run(
      [
        "unshare",
        "-m",
        "sh",
        "-ec",
        CONTAINER,
        "sh",
        host,
        library.directory("container"),
        ...mount,
      ],
      { env: { BINARY, LIBRARY } },
    );
    expect(played).toEqual({ code: 0, stdout: "one\none\n", stderr: "" });
  },
);
