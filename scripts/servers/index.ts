/** Real servers for tests, demo and bench: on 127.0.0.1, ended with their scope (`await using`). */

export type { ProcessId } from "./process.ts";
export { type LoggedRequest, type S3Options, type S3Server, startS3 } from "./s3.ts";
export { type Smb, type SmbOptions, type SmbPart, startSmb } from "./smb.ts";
export { type Sshd, type SshdOptions, startSshd } from "./sshd.ts";
