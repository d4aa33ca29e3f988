#!/usr/bin/env bash
# All that is to be known of training on this machine's GPU, in order of interest; ends within the minutes given (default 8).
# Results: results.jsonl beside this script, one line a figure. Needs nothing but an NVIDIA driver and CUDA 13's runtime libraries.
#
#   ./run.sh [MINUTES]            on CUDA0
#   DEVICE=cpu ./run.sh           with the CPU in the device's part, to try the pack itself
set -u
cd "$(dirname "$0")"
here=$PWD
export LD_LIBRARY_PATH="$here/bin${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" PATH="${PATH:-/usr/local/bin:/usr/bin:/bin}"
device=${DEVICE:-CUDA0}
# Where models are written: they take 5 GB.
work=${WORK:-$here/work}
mkdir -p "$work"
end=$((SECONDS + ${1:-8} * 60))
results=$here/results.jsonl
log=$here/log.txt
: >"$results"
: >"$log"

left() { echo $((end - SECONDS)); }
say() { printf '%4d s  %s\n' "$SECONDS" "$*" | tee -a "$log"; }
put() { printf '%s\n' "$1" >>"$results"; }
# A text as a JSON string.
quoted() { local t=${1//\\/\\\\}; t=${t//\"/\\\"}; t=${t//$'\n'/ }; t=${t//[$'\t\r']/ }; printf '"%s"' "$t"; }

say "device $device"
if command -v nvidia-smi >/dev/null; then
  put "{\"what\":\"gpu\",\"text\":$(quoted "$(nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader 2>&1)")}"
fi

# One job of the trainer: the last line that it writes is its result, or its error.
job() { # NAME FILE LIMIT
  local limit=$3
  [ "$limit" -gt "$(left)" ] && limit=$(left)
  if [ "$limit" -lt 5 ]; then
    say "$1: not measured, the time is up"
    return 1
  fi
  sed "s|DEVICE|$device|; s|WORK|$work|" "jobs/$2" >"$work/job.json"
  local began=$SECONDS out
  out=$(timeout -k 5 "$limit" bin/forja-trainer "$work/job.json" 2>>"$log" | tail -n 1)
  put "{\"what\":\"job\",\"name\":$(quoted "$1"),\"seconds\":$((SECONDS - began)),\"said\":${out:-null}}"
  say "$1: ${out:0:300}"
}

job 'devices' devices.json 60

# Every case of the device tests: gradients first.
passed=0 failed=0
for program in parity memory attention operations; do
  if [ "$device" = cpu ]; then
    # Without a device they take the CPU in a device's part.
    if timeout -k 5 "$(left)" "bin/device-$program-test" >>"$log" 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)); put "{\"what\":\"test\",\"name\":\"device-$program-test\",\"ok\":false}"; fi
    continue
  fi
  count=$("bin/device-$program-test" --cases 2>/dev/null | grep -vc '^load_backend')
  for ((at = 0; at < count; at++)); do
    # Tests take a third of the time at most.
    [ "$SECONDS" -gt $((end - ${1:-8} * 40)) ] && break
    name=$("bin/device-$program-test" --cases 2>/dev/null | grep -v '^load_backend' | sed -n "$((at + 1))p")
    out=$(timeout -k 5 60 "bin/device-$program-test" --case "$at" "$device" 2>&1)
    status=$?
    printf '%s\n' "$out" >>"$log"
    if [ $status = 0 ]; then passed=$((passed + 1)); continue; fi
    failed=$((failed + 1))
    put "{\"what\":\"test\",\"name\":$(quoted "device-$program-test: $name"),\"ok\":false,\"status\":$status,\"said\":$(quoted "$(tail -n 4 <<<"$out")")}"
    say "FAILED device-$program-test: $name ($status)"
  done
done
put "{\"what\":\"tests\",\"passed\":$passed,\"failed\":$failed}"
say "device tests: $passed passed, $failed failed"

# Random weights at real dimensions, the smaller first: a figure is there soon.
for shape in $(cat jobs/shapes); do
  if [ "$(left)" -lt 20 ]; then
    say "$shape: not measured, the time is up"
    continue
  fi
  if [ ! -e "$work/$shape.gguf" ]; then
    say "writing $shape"
    timeout -k 5 "$(left)" bin/forja-fixtures "$work" --large "$shape" >>"$log" 2>&1 || { say "$shape could not be written"; continue; }
  fi
  for file in jobs/"$shape".*.json; do
    name=${file#jobs/}
    job "${name%.json}" "$name" 120
  done
done

# PyTorch with the same shapes on the same card, where it is installed.
if python3 -c 'import torch, transformers, peft' >/dev/null 2>&1; then
  torch_device=cuda
  [ "$device" = cpu ] && torch_device=cpu
  while read -r shape options; do
    [ "$(left)" -lt 20 ] && break
    # shellcheck disable=SC2086 -- options are words
    out=$(timeout -k 5 "$(left)" python3 pytorch/train.py --shape "$shape" $options --device "$torch_device" --steps 5 2>>"$log" | tail -n 1)
    put "{\"what\":\"pytorch\",\"shape\":\"$shape\",\"options\":$(quoted "$options"),\"said\":${out:-null}}"
    say "PyTorch $shape $options: ${out:0:200}"
  done <jobs/pytorch
else
  put '{"what":"pytorch","said":null}'
  say 'PyTorch, transformers and peft are not installed here'
fi
say "done: $(wc -l <"$results") results in results.jsonl"
[ "$failed" = 0 ]
