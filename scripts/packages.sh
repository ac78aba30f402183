#!/bin/sh
# Installs the Debian packages that a task uses and that are missing:
#
#   sh scripts/packages.sh TASK [LIST]      LIST: default scripts/packages.txt beside this file
#
# As root it installs them with apt; before the tests it asks first, if it runs on a terminal. Otherwise, and when the
# installation fails, it names the command to run and goes on: a test whose program is missing is skipped and says so.
# No service is started by it, and none that it brought starts at the next boot.
set -eu

task=${1:?'usage: sh scripts/packages.sh TASK [LIST]'}
list=${2:-$(dirname "$0")/packages.txt}
# Where invoke-rc.d and deb-systemd-invoke ask whether they may start a service.
policy=${MUSICFS_POLICY_RC_D:-/usr/sbin/policy-rc.d}
own_policy=no
links=

say() { printf '%s\n' "$*" >&2; }

missing() {
  awk -v task="$task" '{ sub(/#.*/, "") } { for (i = 2; i <= NF; i++) if ($i == task) print $1 }' "$list" |
    while read -r name; do
      status=$(dpkg-query -W -f='${Status}' "$name" 2>/dev/null) || status=
      [ "$status" = 'install ok installed' ] || printf '%s ' "$name"
    done
}

# Local address and port of every listening TCP socket.
listeners() {
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { print $2 }' | sort -u
}

# Links by which systemd or init would start a service at boot.
enabled_services() {
  find /etc/systemd/system -type l -path '*.wants/*' 2>/dev/null
  find /etc/rc[2-5].d -name 'S*' 2>/dev/null
}

forbid_services() {
  [ -e "$policy" ] && return
  own_policy=yes
  printf '#!/bin/sh\n# There only while musicfs installs packages: they start no service.\nexit 101\n' >"$policy"
  chmod 0755 "$policy"
}

clean_up() {
  [ "$own_policy" = no ] || rm -f "$policy"
  own_policy=no
  [ -z "$links" ] || rm -f "$links"
}

# Services that the packages enabled are disabled again; those of packages that were there before are not touched.
disable_new_services() {
  enabled_services | sort | comm -13 "$links" - | while read -r link; do
    [ -L "$link" ] || continue
    name=${link##*/}
    case $link in
      /etc/rc*) name=${name#S[0-9][0-9]} && update-rc.d "$name" disable ;;
      *) systemctl disable "$name" ;;
    esac >/dev/null 2>&1 9<&- && say "Left disabled: $name"
  done
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 "$@" </dev/null >&2 9<&-
}

install() {
  # One at a time: the first to finish would allow services again while another still installs.
  exec 9<"$(dirname "$0")"
  flock 9
  wanted=$(missing)
  [ -n "$wanted" ] || return 0
  links=$(mktemp)
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  enabled_services | sort >"$links"
  before=$(listeners)
  forbid_services

  # The package lists are fetched only where those at hand do not lead to the packages.
  # shellcheck disable=SC2086  # one word per package
  apt install --no-install-recommends --download-only $wanted || apt update || return 1
  # shellcheck disable=SC2086
  apt install --no-install-recommends $wanted || return 1

  disable_new_services
  new=$(listeners | while read -r socket; do
    printf '%s\n' "$before" | grep -qxF "$socket" || printf '%s ' "$socket"
  done)
  [ -z "$new" ] || say "Note: new listening sockets appeared meanwhile (see /proc/net/tcp): $new"
  clean_up
}

advise() {
  say "$1 Install with:"
  say "  ${2}apt-get install --no-install-recommends $wanted"
  say 'Going on without them: what needs them is left out, and says so.'
}

# Asks only where somebody is there to answer.
agreed() {
  [ "$task" = test ] && [ -t 0 ] && [ -t 2 ] && [ -z "${CI:-}" ] || return 0
  printf 'The tests use these Debian packages, which are missing: %s\nInstall them now? [Y/n] ' "$wanted" >&2
  read -r answer || return 1
  case $answer in '' | [Yy]*) return 0 ;; *) return 1 ;; esac
}

command -v dpkg-query >/dev/null 2>&1 || {
  say "Not a Debian system; '$task' uses what these packages bring, where it is there: $(sed 's/ .*//; /^#/d' "$list" | tr '\n' ' ')"
  exit 0
}

wanted=$(missing)
[ -n "$wanted" ] || exit 0

if [ "$(id -u)" != 0 ]; then
  advise 'Some Debian packages are missing.' 'sudo '
elif ! agreed; then
  advise 'Nothing was installed.' ''
else
  say "Installing Debian packages: $wanted"
  install || advise 'The installation failed.' ''
fi
