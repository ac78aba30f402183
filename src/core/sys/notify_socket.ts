/**
 * The service manager's socket, to which a service tells how it is (sd_notify(3)): datagrams of
 * `NAME=VALUE` lines to the unix socket that `NOTIFY_SOCKET` names, where a leading `@` stands for the
 * abstract namespace.
 */

import { libc } from "./libc.ts";
import { Memory } from "./memory.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** `struct sockaddr_un`: u16 family, then the path. */
const PATH_AT = 2;
const PATH_BYTES = 108;

export class NotifySocket implements Disposable {
  readonly #address: Memory;
  #fd: number;

  private constructor(address: Memory, fd: number) {
    this.#address = address;
    this.#fd = fd;
  }

  /** Undefined for a name that can be no socket's, or when there are no descriptors left. */
  static open(name: string): NotifySocket | undefined {
    const path = Buffer.from(name);
    if (!/^[/@]./s.test(name) || path.byteLength > PATH_BYTES) return undefined;
    const fd = libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return undefined;
    const address = new Memory(PATH_AT + path.byteLength);
    address.view.setUint16(0, AF_UNIX, true);
    address.bytes.set(path, PATH_AT);
    if (name.startsWith("@")) address.bytes[PATH_AT] = 0;
    return new NotifySocket(address, fd);
  }

  /** Sends these lines in one datagram; false when nobody takes it, which is the manager's affair. */
  send(...lines: readonly string[]): boolean {
    if (this.#fd < 0) return false;
    const text = Buffer.from(lines.join("\n"));
    const message = new Memory(Math.max(1, text.byteLength));
    message.bytes.set(text);
    const { address, sizeBytes } = this.#address;
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const length = text.byteLength;
    return libc().sendto(this.#fd, message.address, length, flags, address, sizeBytes) === length;
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }
}
