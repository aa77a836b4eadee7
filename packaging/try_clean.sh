#!/usr/bin/env bash
# A new user on a clean machine, by the README alone: install, a Slack-shaped test message (to a local server that plays
# Slack), a watched run that turns to NaN and is told. Prints what each step took; fails if one does not work.
#
#   packaging/try_clean.sh                      here, with the system's python3, a fresh home and environment
#   packaging/try_clean.sh --root FOLDER        in a root made by debootstrap (needs root), such as Ubuntu 24.04's
#   packaging/try_clean.sh --pipx               with pipx instead of venv and pip
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
root="" way=pip python=${PYTHON:-/usr/bin/python3}
while [ $# -gt 0 ]; do
  case $1 in
    --root) root=$2; shift 2 ;;
    --pipx) way=pipx; shift ;;
    --inside) shift; break ;;
    *) echo "try_clean.sh: unknown word $1" >&2; exit 2 ;;
  esac
done

# What lets pip reach its index from here; nothing else of this environment is taken along.
passed=$(env | grep -E '^(PIP_|SSL_CERT|REQUESTS_CA|[a-z]*_proxy=|[A-Z]*_PROXY=)' | grep -v '^PIP_CONSTRAINT' || true)

enter() { # run the second half in a clean environment, in the root if one was named
  local home=$1; shift
  mapfile -t carry <<< "$passed"
  [ -n "$passed" ] || carry=()
  local clean=(env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 HOME="$home" "${carry[@]}")
  if [ -n "$root" ]; then chroot "$root" "${clean[@]}" "$@"; else "${clean[@]}" "$@"; fi
}

work=$(mktemp -d "${root:-}/tmp/sentinel-clean-XXXXXX")
cleanup() {
  [ ! -f "$work/pids" ] || xargs -r kill < "$work/pids" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
mkdir "$work/home" "$work/clone"
git -C "$here" ls-files -z | (cd "$here" && xargs -0 cp --parents -t "$work/clone" 2>/dev/null) || true
if [ -n "$root" ]; then
  # The way to the index is this machine's: resolver and trusted authorities.
  cp -L --remove-destination /etc/resolv.conf "$root/etc/resolv.conf"
  cp -L --remove-destination /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
fi
inside=${work#"$root"}
cp "$here/packaging/try_clean_inside.sh" "$here/packaging/play_slack.py" "$work/"
enter "$inside/home" bash "$inside/try_clean_inside.sh" "$inside" "$way" "$python"
