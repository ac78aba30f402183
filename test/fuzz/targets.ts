/** Everything that is fuzzed. */

import type { FuzzTarget } from "./target.ts";
import { config } from "./targets/config.ts";
import { controlRequests } from "./targets/control_requests.ts";
import { fuse } from "./targets/fuse.ts";
import { guardMessages } from "./targets/guard_messages.ts";
import { httpAnswer } from "./targets/http_answer.ts";
import { knownHosts } from "./targets/known_hosts.ts";
import { mountedRequests } from "./targets/mounted_requests.ts";
import { mountinfo } from "./targets/mountinfo.ts";
import { names } from "./targets/names.ts";
import { s3Listing } from "./targets/s3_listing.ts";
import { s3Server } from "./targets/s3_server.ts";
import { sftpReplies } from "./targets/sftp_replies.ts";
import { sftpServer } from "./targets/sftp_server.ts";
import { credentials, ownFormats } from "./targets/small_formats.ts";
import { sshConfig } from "./targets/ssh_config.ts";

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  ...[fuse, mountedRequests, config, credentials, names, mountinfo],
  ...[httpAnswer, s3Listing, s3Server, sftpReplies, sftpServer, knownHosts, sshConfig],
  ...[guardMessages, ownFormats, controlRequests],
];
