/** What an SSH connection that fails says to people, and what it means for the origin. */

import { messageOf } from "../../errors.ts";
import { SftpFault, shownServerText } from "./errors.ts";
import { SSH_PORT } from "./known_hosts.ts";
import type { SshTarget } from "./target.ts";

/** How far a connection has come. */
export type Phase = "connect" | "handshake" | "login" | "session" | "open";

const DOING: Readonly<Record<Phase, string>> = {
  connect: "connecting",
  handshake: "the SSH handshake",
  login: "the login",
  session: "starting SFTP",
  open: "waiting for answers",
};

const SOCKET_ERRORS: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "refuses the connection: is its SSH server running, on this port?"],
  ["EHOSTUNREACH", "cannot be reached: is it switched on and on this network?"],
  ["ENETUNREACH", "cannot be reached: this machine has no route to its network"],
  ["ETIMEDOUT", "does not answer: is it switched on, or does a firewall drop the connection?"],
  ["ECONNRESET", "closed the connection"],
  ["EPIPE", "closed the connection"],
  ["ENOTFOUND", "has no address: check the host's name"],
  ["EAI_AGAIN", "could not be looked up: does name resolution (DNS) work?"],
]);

/** SSH_DISCONNECT_TOO_MANY_CONNECTIONS (RFC 4253, 11.1). */
const TOO_MANY_CONNECTIONS = 12;

export function addressOf({ host, port }: SshTarget): string {
  return port === SSH_PORT ? host : `${host}:${port}`;
}

/** What ssh2 or a socket threw or emitted, unless it is a fault already. */
export function asFault(error: unknown, phase: Phase, target: SshTarget): SftpFault {
  if (error instanceof SftpFault) return error;
  const at = addressOf(target);
  const text = shownServerText(messageOf(error));
  const fault = (code: ConstructorParameters<typeof SftpFault>[0], message: string) =>
    new SftpFault(code, message, { cause: error });
  const { code, level } = traits(error);
  const socket = typeof code === "string" ? SOCKET_ERRORS.get(code) : undefined;
  if (socket !== undefined) return fault("connection", `${at} ${socket} (${code})`);
  if (code === TOO_MANY_CONNECTIONS) {
    return fault("overloaded", `${at} has too many connections: ${text}`);
  }
  if (typeof code === "number" && phase === "login") {
    return fault("credentials", `${at} ended the login: ${text}`);
  }
  if (level === "client-timeout") {
    return fault("timeout", `${at} no longer answers keep-alives`);
  }
  if (phase === "handshake" && text.includes("no matching")) {
    return fault("protocol", `${at} and this client have no algorithm in common: ${text}`);
  }
  if (phase === "handshake" && level === "protocol") return closed(phase, target);
  if (level === "handshake" || level === "protocol") {
    return fault("protocol", `${at} breaks the SSH protocol: ${text}`);
  }
  return fault("connection", `${at} failed during ${DOING[phase]}: ${text}`);
}

/** The server closed the connection and gave no reason. */
export function closed(phase: Phase, target: SshTarget): SftpFault {
  const at = addressOf(target);
  if (phase === "open") return new SftpFault("connection", `${at} closed the connection`);
  const hint =
    phase === "handshake" || phase === "connect"
      ? ": it may have too many logins under way (MaxStartups), refuse this address, or be no SSH server"
      : "";
  return new SftpFault("connection", `${at} closed the connection during ${DOING[phase]}${hint}`);
}

export function timedOut(phase: Phase, target: SshTarget, limitMs: number): SftpFault {
  const seconds = Math.round(limitMs / 1000);
  return new SftpFault(
    "timeout",
    `${addressOf(target)} does not answer: ${DOING[phase]} took longer than ${seconds} s`,
  );
}

function traits(error: unknown): { readonly code: unknown; readonly level: unknown } {
  const has = typeof error === "object" && error !== null;
  return {
    code: has && "code" in error ? error.code : undefined,
    level: has && "level" in error ? error.level : undefined,
  };
}
