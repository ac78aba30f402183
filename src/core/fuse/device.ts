/** All that the program uses of the FUSE device, its mounts and their connections. */

export { AbortOnDeath } from "./abort_on_death.ts";
export { abortConnection, raiseReadahead } from "./connection.ts";
export { cleanUpDeadMount } from "./dead_mount.ts";
export { type Mounted, type MountOptions, mount } from "./mount.ts";
export { backingClose, backingOpen } from "./passthrough.ts";
export { type UnmountOptions, unmount } from "./unmount.ts";
