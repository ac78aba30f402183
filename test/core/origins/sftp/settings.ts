/** An SFTP origin's settings for tests, and surroundings that are nobody's own. */

import { ROOT_PATH } from "../../../../src/core/bytes.ts";
import type { SftpOriginSettings } from "../../../../src/core/config/config.ts";
import type { OriginId } from "../../../../src/core/origins/origin.ts";
import type { SshSurroundings } from "../../../../src/core/origins/sftp/target.ts";

export function sftpSettings(
  own: Partial<SftpOriginSettings> & Pick<SftpOriginSettings, "host" | "knownHosts">,
): SftpOriginSettings {
  return {
    id: "sftp" as OriginId,
    originType: "sftp",
    priority: 100,
    enabled: true,
    prefix: ROOT_PATH,
    exclude: [],
    operationTimeoutMs: 30_000,
    maxConcurrency: undefined,
    bandwidthLimitBytesPerSec: undefined,
    cache: true,
    pollIntervalSecs: 900,
    revalidateSecs: 60,
    index: undefined,
    indexTrust: false,
    credentials: undefined,
    port: undefined,
    user: undefined,
    path: ".",
    identityFile: undefined,
    maxConnections: 4,
    ...own,
  };
}

/** No agent, no configuration, no keys in `home` unless a test puts them there. */
export function surroundings(
  home: string,
  files: Readonly<Record<string, string>> = {},
): SshSurroundings {
  return {
    home,
    localUser: "me",
    agentSocket: undefined,
    files: { read: (path) => files[path], glob: () => [] },
  };
}
