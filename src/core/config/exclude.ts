/** What is left out of the tree unless an origin's `exclude` says otherwise. */

export const DEFAULT_EXCLUDE: readonly string[] = [
  // Written by desktops and NAS systems beside the files.
  ".DS_Store",
  "._*",
  "Thumbs.db",
  "desktop.ini",
  "@eaDir",
  "#recycle",
  "$RECYCLE.BIN",
  "System Volume Information",
  "lost+found",
  ".Trash-*",
  // Unfinished copies: browsers, rclone, rsync (`.name.XXXXXX`), Syncthing, GIO, Nextcloud.
  "*.tmp",
  "*.part",
  "*.partial",
  "*.crdownload",
  ".*.[A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9][A-Za-z0-9]",
  ".rsync-partial",
  ".stfolder",
  ".stversions",
  ".goutputstream-*",
  // Deleted files that somebody still holds open: NFS, FUSE.
  ".nfs*",
  ".fuse_hidden*",
];
