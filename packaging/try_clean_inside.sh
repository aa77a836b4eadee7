#!/usr/bin/env bash
# The second half of try_clean.sh: runs on the clean machine, where nothing of the first half's environment is left.
set -euo pipefail
work=$1 way=$2 python=$3
began=$(date +%s.%N) last=$began
step() {
  local now; now=$(date +%s.%N)
  printf '%6.1f s  %s\n' "$(echo "$now $last" | awk '{print $1 - $2}')" "$1"
  last=$now
}
wanted() { # wait for a condition, at most so many seconds
  local what=$1 seconds=$2; shift 2
  for _ in $(seq $((seconds * 5))); do if "$@" 2>/dev/null; then return 0; fi; sleep 0.2; done
  echo "try_clean: $what did not come within $seconds s" >&2
  [ ! -f "$work/mine/out" ] || tail -20 "$work/mine/out" >&2
  exit 1
}
. /etc/os-release
echo "$PRETTY_NAME, $($python --version), $way"

cd "$work/clone"
if [ "$way" = pipx ]; then
  "$python" -m venv "$work/tools" && "$work/tools/bin/pip" install --quiet pipx
  step "pipx itself"
  "$work/tools/bin/pipx" install --quiet --python "$python" . > /dev/null
  PATH=$HOME/.local/bin:$PATH
else
  "$python" -m venv "$HOME/venv"
  "$HOME/venv/bin/pip" install --quiet .
  PATH=$HOME/venv/bin:$PATH
fi
step "install ($way)"

mkdir -p "$work/mine/runs" && cd "$work/mine"
"$python" "$work/play_slack.py" "$work" & echo $! >> "$work/pids"
wanted "the local Slack" 10 test -s "$work/port"
export SLACK_URL="slack://xoxb-1-2-abc/C0123456789?api=http://127.0.0.1:$(cat "$work/port")/api/"
cat > sentinel.toml <<END
[[watch]]
runs = "$work/mine/runs/*"            # each match is one run's folder

[[channel]]
name = "slack-nlp"
url = "env:SLACK_URL"            # or credential:NAME, file:PATH; never printed
END
sentinel check sentinel.toml
step "settings written and checked"
sentinel tell --test slack-nlp
grep -q '"method": "/api/chat.postMessage"' "$work/told"
step "a test message arrived, in Slack's shape"

sentinel run > out 2>&1 & echo $! >> "$work/pids"
wanted "the daemon" 60 test -S state/control
step "the daemon is up"
mkdir runs/first
for n in 1 2 3 4 5 6; do echo "step=$n loss=$((7 - n)).0" >> runs/first/train.log; done
wanted "the run" 30 sh -c 'sentinel status | grep -q " first "'
for n in 7 8 9 10; do echo "step=$n loss=nan" >> runs/first/train.log; done
wanted "the verdict" 60 sh -c 'sentinel status | grep -q "first .*doomed"'
step "a run is watched and judged"
wanted "the alert" 90 sh -c "tail -n +2 '$work/told' | grep -q NaN"
step "its alert arrived"
sentinel status
awk -v a="$(date +%s.%N)" -v b="$began" 'BEGIN { printf "%6.1f s  in all, of 600\n", a - b; exit (a - b > 600) }'
