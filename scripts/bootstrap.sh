#!/bin/sh
# Sets up what a task needs on a fresh machine and runs it:
#
#   sh scripts/bootstrap.sh TASK [ARGUMENT]...      TASK: check | test | build | demo | bench | …
#
# POSIX sh, because nothing else is there yet: neither the Node nor the Bun of the machine is trusted to be of any
# version. Everything after this runs on the Bun that package.json pins.
set -eu

cd "$(dirname "$0")/.."
bun=node_modules/.bin/bun

say() { printf '%s\n' "$*" >&2; }

# The pinned Bun runs, and every installed package has the version of the lockfile.
ready() {
  [ -x "$bun" ] && "$bun" --version >/dev/null 2>&1 && "$bun" scripts/toolchain.ts
}

# Packages come without their install scripts, so that no native addon is built where a C++ compiler happens to be.
# Only Bun's own script runs: it puts the binary for this processor in its place.
install() {
  if command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1; then
    say 'Installing the pinned packages with npm.'
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
    node node_modules/bun/install.js >&2
  elif command -v bun >/dev/null 2>&1; then
    say 'Installing the pinned packages with bun.'
    # Bun reads package-lock.json for the pins; --no-save keeps it from writing a lockfile of its own beside it.
    bun install --ignore-scripts --no-save >&2
    bun node_modules/bun/install.js >&2
  else
    say 'MusicFS is built with Bun, which comes through npm. Install one of them and try again:'
    say '  sudo apt-get install npm        (or https://bun.com)'
    return 1
  fi
}

task=${1:?'usage: sh scripts/bootstrap.sh TASK [ARGUMENT]...'}
shift

if [ ! -f "scripts/$task.ts" ]; then
  say "There is no task '$task': scripts/$task.ts does not exist."
  exit 2
fi

if ! ready; then
  install
  ready || { say 'The packages are installed and still differ from package-lock.json.'; exit 1; }
fi

# What Debian has to provide, where a task lists something in scripts/packages.txt.
sh scripts/packages.sh "$task"

exec "$bun" "scripts/$task.ts" "$@"
