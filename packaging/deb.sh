#!/usr/bin/env bash
# Builds dist/sentinel_VERSION_ARCH.deb: a virtual environment under /opt/sentinel, units, settings as conffile.
# The package runs on the Python it was built with: DEB_PYTHON, by default the system's. `--bare` leaves the
# environment out (for tests of everything around it).
set -euo pipefail
cd "$(dirname "$0")/.."

bare=""; [ "${1:-}" = "--bare" ] && bare=yes
python=${DEB_PYTHON:-/usr/bin/python3}
out=${DEB_OUT:-dist}
version=${DEB_VERSION:-$(sed -n 's/^__version__ = "\(.*\)"/\1/p' sentinel/__init__.py)}
arch=$(dpkg --print-architecture)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"  # it becomes the root of the package
umask 022

install_venv() {
  "$python" -m venv --without-pip "$stage/opt/sentinel"
  "${PIP_PYTHON:-.venv/bin/python}" -m pip --python "$stage/opt/sentinel/bin/python" --disable-pip-version-check --quiet \
    install --constraint constraints.txt ".[plot]"
  grep -rlIF "$stage" "$stage/opt/sentinel/bin" "$stage/opt/sentinel/pyvenv.cfg" | xargs -r sed -i "s#$stage##g"
  rm -f "$stage"/opt/sentinel/bin/[Aa]ctivate*
  "$stage/opt/sentinel/bin/python" -m compileall -q -s "$stage" "$stage/opt/sentinel/lib" || true
}

lay_out() {
  install -d "$stage"/{DEBIAN,usr/bin,lib/systemd/system,usr/lib/systemd/user,usr/lib/sysusers.d,usr/lib/tmpfiles.d}
  install -d "$stage"/{etc/sentinel/rules,opt/sentinel/bin,usr/share/doc/sentinel}
  install -m 644 systemd/*.service "$stage/lib/systemd/system/"
  install -m 644 systemd/user/*.service "$stage/usr/lib/systemd/user/"
  install -m 644 systemd/sysusers.d/sentinel.conf "$stage/usr/lib/sysusers.d/"
  install -m 644 systemd/tmpfiles.d/sentinel.conf "$stage/usr/lib/tmpfiles.d/"
  ln -s /opt/sentinel/bin/sentinel "$stage/usr/bin/sentinel"
  python3 - "$stage/etc/sentinel/sentinel.toml" <<'PY'
import ast, sys
tree = ast.parse(open("sentinel/daemon/install_plan.py").read())
text = next(node.value.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "SETTINGS")
open(sys.argv[1], "w").write(text)
PY
  chmod 640 "$stage/etc/sentinel/sentinel.toml"
  echo /etc/sentinel/sentinel.toml > "$stage/DEBIAN/conffiles"
  [ ! -f LICENSE ] || install -m 644 LICENSE "$stage/usr/share/doc/sentinel/copyright"
  install -m 755 packaging/debian/* "$stage/DEBIAN/"
}

control() {
  local minor needs
  minor=$("$python" -c 'import sys; print(sys.version_info.minor)')
  needs="python3 (>= 3.$minor), python3 (<< 3.$((minor + 1))), adduser | passwd, systemd (>= 247)"
  cat > "$stage/DEBIAN/control" <<END
Package: sentinel
Version: $version
Architecture: $arch
Maintainer: The Sentinel maintainers <maintainers@sentinel.invalid>
Section: admin
Priority: optional
Depends: $needs
Description: night watch of a training machine
 Reads what ML trainings write, watches GPUs and the host, tells people when a run is doomed, and can save and stop it.
END
}

[ -n "$bare" ] || install_venv
lay_out
control
mkdir -p "$out"
dpkg-deb -Zgzip --root-owner-group --build "$stage" "$out/sentinel_${version}_${arch}.deb"
