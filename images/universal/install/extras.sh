#!/usr/bin/env bash
# Part of the image's build: what neither Debian nor npm has, through mise, as far as EXTRAS says. What is
# left out is written to /opt/codex/left-out, one line each with the reason, and verify.sh tells it.
set -euo pipefail

left_out=/opt/codex/left-out
: > $left_out
case $EXTRAS in auto | all | none) ;; *) echo "EXTRAS is “$EXTRAS”: it is auto, all or none." >&2; exit 1 ;; esac

. /etc/profile.d/codex-universal.sh
if [ -s /tmp/build/ca.pem ]; then export SSL_CERT_FILE=/tmp/build/ca.pem; fi
export MISE_CACHE_DIR=/tmp/mise-cache MISE_YES=1
cd /

leave_out() { # WHAT WHY
  printf '%s\t%s\n' "$1" "$2" | tee -a $left_out
  if [ "$EXTRAS" = all ]; then echo "With EXTRAS=all something left out is a failure." >&2; exit 1; fi
}

reason() {
  sed -n 's/^.*Failed to install [^ ]* //p' | head -n 1 | cut -c -200 | grep . || echo 'mise did not end in time'
}

for tool in $EXTRA_TOOLS; do
  if [ "$EXTRAS" = none ]; then leave_out "$tool" 'EXTRAS=none'; continue; fi
  if ! said=$(timeout 600 mise install "$tool" 2>&1); then
    leave_out "$tool" "$(reason <<< "$said")"
    continue
  fi
  while read -r folder; do
    for program in "$folder"/*; do
      if [ -f "$program" ] && [ -x "$program" ]; then ln -sf "$program" /usr/local/bin/; fi
    done
  done < <(mise bin-paths "$tool")
done

# As a task would: what setup_universal.sh fetches is installed from then on.
for tool in $EXTRA_VERSIONS; do
  if [ "$EXTRAS" = none ]; then leave_out "$tool" 'EXTRAS=none'; continue; fi
  language=${tool%%@*} before=$(readlink "/opt/codex/current/${tool%%@*}" || true)
  if said=$(env "CODEX_ENV_${language^^}_VERSION=${tool#*@}" bash --login /opt/codex/setup_universal.sh 2>&1); then
    # The default stays what Debian and npm have.
    if [ -n "$before" ]; then ln -sfn "$before" "/opt/codex/current/$language"; fi
  else
    leave_out "$tool" "$(tail -n 1 <<< "$said")"
  fi
done
rm -rf /tmp/mise-cache ~/.cache
