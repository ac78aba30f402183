/**
 * What is looked at while a history is played, by name. A watch states each; what a user may rely on
 * stands in docs/semantics.md.
 */

export const PROMISES = {
  "bytes of one version":
    "Bytes read belong to exactly one version that the tree showed when the file was opened; what may differ is the classes of ReadClass.",
  "one version, one content": "Where tokens are strong, a version stands for one content.",
  "unproved pages go with their handle":
    "Pages made of a replica that is not proved are dropped when the handle that brought them closes.",
  "whole reads": "A READ is answered with all the bytes that there are, or an error.",
  "well-formed": "Replies and notifications are what the kernel accepts.",
  "answered once": "Every request is answered exactly once.",
  "answered in time":
    "NFR-7.2: a READ is answered within read_deadline_ms, a directory request within two seconds.",
  "right origin first": "F-1, F-3: by class of health, then (priority, latency p50).",
  "delays of 100, 500, 2000 ms": "NFR-7.3: one origin is tried four times, so far apart.",
  "a good replica serves":
    "F-8: a read succeeds when one usable replica was good all the time; so does an open.",
  "errors are promised ones": "An application gets the errnos that are documented, and no others.",
  "absence is not deletion":
    "A file vanishes only after a successful listing of its directory without it.",
  "a sudden emptiness is held":
    "What an origin whose root became empty held stays in the tree, until a scan with --allow-empty.",
  "a watched change is seen": "S-3: within a second, without a scan or an open.",
  "an inode belongs to a path": "It stays while the name is there, and is never another's.",
  "a directory's mtime moves with its names": "Scanners may go by it.",
  "the tree is what origins hold": "Once all is well and scanned, the tree is the merge.",
  "every file can be read": "Once all is well, from end to end, with the right bytes.",
  "a scan of a good origin is complete": "S-2.",
  "all_origins_unhealthy once": "F-4: told once for each time that it becomes so.",
  "health events": "F-10: each change is told, from what was to what is.",
  "file_unavailable now and then": "F-4: at most once a minute for one file.",
  "no request after removal": "F-9: nothing reaches an origin once it was removed.",
  "a disabled origin is not asked":
    "Neither checked nor read, and not listed for longer than what runs may take.",
  "a removed origin leaves nothing": "F-9: health, priority and latency go with it.",
  "ends in time": "A stop and a change of the configuration do not wait for an origin.",
  "nothing hangs": "No application waits for ever.",
  "nothing leaks":
    "Handles, readers, queues and timers are bounded and return to zero, descriptors to what they were.",
  "the catalog is consistent": "After every end, sudden ones too.",
  "what is cached is read":
    "NFR-7.1: bytes in the cache are served, whatever their origins do, as long as the disk reads.",
  "the cache keeps its budget": "What is on disk is never more than it may take.",
  "what is pinned stays":
    "It is not evicted until it is unpinned or cleared, or another version takes its place.",
  "a cached file is of one version":
    "What its checksums prove is of the version that it is named after.",
  "no faults": "Nothing happens that the program itself calls impossible.",
} as const;

export type PromiseName = keyof typeof PROMISES;

/** Told of a promise that was broken, and how. */
export type Violate = (promise: PromiseName, detail: string) => void;
