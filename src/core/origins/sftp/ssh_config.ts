/**
 * What OpenSSH's client configuration says of a host (ssh_config(5)): the first value obtained for
 * a keyword is used, user's file before system's, `Host` blocks by pattern, `Include` expanded.
 *
 * Honoured: HostName, Port, User, IdentityFile. What would change security or routing and is not
 * supported is refused by name where it applies to the host. Everything else (ciphers, forwarding,
 * terminal, multiplexing) is passed over.
 */

import { SftpFault } from "./errors.ts";
import { matchesPatternList } from "./host_pattern.ts";

/** Files, as a parameter. */
export interface ConfigFiles {
  /** The text; undefined when there is no such file. */
  read(path: string): string | undefined;
  /** Paths that match an absolute glob, in order. */
  glob(pattern: string): readonly string[];
}

export interface SshConfigQuery {
  /** As the user names the host. */
  readonly alias: string;
  /** In order of precedence, with where relative `Include`s begin. */
  readonly sources: readonly { readonly path: string; readonly directory: string }[];
  readonly files: ConfigFiles;
  /** The user's home directory and name here. */
  readonly home: string;
  readonly localUser: string;
  /** Keywords (lower case) that the origin's own settings make irrelevant. */
  readonly overridden: ReadonlySet<string>;
}

export interface SshHost {
  /** What to connect to. */
  readonly hostName: string;
  readonly port: number | undefined;
  readonly user: string | undefined;
  /** Absolute or as written, tokens and `~` expanded, in order; `[]`: none named. */
  readonly identityFiles: readonly string[];
}

/** Keywords that are refused, with what to do in their place. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ["proxyjump", "connect directly, or open a tunnel yourself and name its local end as host"],
  ["proxycommand", "connect directly, or open a tunnel yourself and name its local end as host"],
  ["hostkeyalias", "record the key under the host's own name"],
  ["userknownhostsfile", "name the file as the origin's known_hosts"],
  ["globalknownhostsfile", "name the file as the origin's known_hosts"],
  ["knownhostscommand", "record the key in a known_hosts file"],
  ["revokedhostkeys", "mark the keys @revoked in a known_hosts file"],
  ["canonicalizehostname", "write the full host name"],
  ["bindaddress", "leave the choice of the address to the system's routes"],
  ["bindinterface", "leave the choice of the interface to the system's routes"],
]);
const HONOURED = new Set(["hostname", "port", "user", "identityfile"]);
/** Values that switch a refused keyword off. */
const OFF = new Set(["none", "no"]);
const MAX_INCLUDE_DEPTH = 16;

/** Whether a block's lines apply: for `Match` with conditions that cannot be judged, nobody knows. */
type Applies = "yes" | "no" | "unknown";

export function resolveSshHost(query: SshConfigQuery): SshHost {
  const reading = new Reading(query);
  for (const source of query.sources) reading.file(source.path, source.directory, "yes", 0);
  return reading.result();
}

class Reading {
  readonly #query: SshConfigQuery;
  readonly #first = new Map<string, string>();
  readonly #identityFiles: string[] = [];

  constructor(query: SshConfigQuery) {
    this.#query = query;
  }

  file(path: string, directory: string, applies: Applies, depth: number): void {
    if (depth > MAX_INCLUDE_DEPTH) throw refused(path, "Include", "files include each other");
    const text = this.#query.files.read(path);
    if (text === undefined) return;
    let block: Applies = applies;
    for (const [index, line] of text.split("\n").entries()) {
      const [keyword, ...values] = words(line);
      if (keyword === undefined) continue;
      const where = `${path}:${index + 1}`;
      const name = keyword.toLowerCase();
      if (name === "host") block = both(applies, this.#host(values));
      else if (name === "match") block = both(applies, this.#match(values));
      else if (block === "no") continue;
      else if (name === "include") this.#include(values, directory, block, depth);
      else this.#keyword(where, keyword, values, block);
    }
  }

  result(): SshHost {
    const { alias, localUser, home } = this.#query;
    const hostName = expand(this.#first.get("hostname") ?? alias, { h: alias });
    const port = this.#first.get("port");
    const user = this.#first.get("user");
    const tokens = {
      d: home,
      h: hostName,
      n: alias,
      p: port ?? "22",
      r: user ?? localUser,
      u: localUser,
    };
    return {
      hostName,
      port: port === undefined ? undefined : Number(port),
      user,
      identityFiles: this.#identityFiles
        .filter((file) => file.toLowerCase() !== "none")
        .map((file) => expand(file.replace(/^~(?=\/|$)/, "%d"), tokens)),
    };
  }

  #host(patterns: readonly string[]): Applies {
    return matchesPatternList(patterns, this.#query.alias) ? "yes" : "no";
  }

  /** `Match` is judged only as far as it takes to say that it does not concern the host. */
  #match(criteria: readonly string[]): Applies {
    if (criteria.length === 1 && criteria[0]?.toLowerCase() === "all") return "yes";
    const names = {
      originalhost: this.#query.alias,
      host: this.#first.get("hostname") ?? this.#query.alias,
    };
    for (let at = 0; at < criteria.length; at++) {
      const criterion = criteria[at]?.toLowerCase();
      if (criterion !== "host" && criterion !== "originalhost") continue;
      const patterns = (criteria[at + 1] ?? "").split(",");
      if (!matchesPatternList(patterns, names[criterion])) return "no";
    }
    return "unknown";
  }

  #include(paths: readonly string[], directory: string, block: Applies, depth: number): void {
    for (const path of paths) {
      const home = path.replace(/^~(?=\/)/, this.#query.home);
      const pattern = home.startsWith("/") ? home : `${directory}/${home}`;
      for (const file of this.#query.files.glob(pattern)) {
        this.file(file, directory, block, depth + 1);
      }
    }
  }

  #keyword(where: string, keyword: string, values: readonly string[], block: Applies): void {
    const name = keyword.toLowerCase();
    const advice = REFUSED.get(name);
    if (advice === undefined && !HONOURED.has(name)) return;
    if (this.#query.overridden.has(name) || this.#first.has(name)) return;
    if (block === "unknown") {
      throw refused(where, "Match", `write the settings of ${keyword} into the origin`);
    }
    const value = values[0] ?? "";
    if (name === "identityfile") {
      this.#identityFiles.push(value);
      return;
    }
    if (advice !== undefined && !OFF.has(value.toLowerCase())) {
      throw refused(where, keyword, advice);
    }
    if (name === "port" && !isPort(value)) throw refused(where, keyword, "a port is 1 to 65535");
    this.#first.set(name, value);
  }
}

function refused(where: string, keyword: string, advice: string): SftpFault {
  return new SftpFault(
    "misconfigured",
    `${where}: ${keyword} applies to the host and is not supported: ${advice}`,
  );
}

function isPort(value: string): boolean {
  return /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535;
}

function both(outer: Applies, inner: Applies): Applies {
  if (outer === "no" || inner === "no") return "no";
  return outer === "unknown" ? "unknown" : inner;
}

/** Keyword and values of a line: separated by blanks or one `=`, quoted with `"`, `#` comments. */
function words(line: string): readonly string[] {
  const [, keyword, rest] = /^\s*([^\s=#"]+)\s*=?\s*(.*)$/.exec(line) ?? [];
  if (keyword === undefined) return [];
  const found: string[] = [keyword];
  for (const [word, quoted] of (rest ?? "").matchAll(/"([^"]*)"|[^\s"]+/g)) {
    if (quoted === undefined && word.startsWith("#")) break;
    found.push(quoted ?? word);
  }
  return found;
}

/** Replaces `%x` by its token; `%%` is a percent sign, unknown ones stay. */
function expand(text: string, tokens: Readonly<Record<string, string>>): string {
  return text.replace(/%(.)/g, (whole, key: string) =>
    key === "%" ? "%" : (tokens[key] ?? whole),
  );
}
