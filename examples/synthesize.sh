#!/usr/bin/env bash
# The whole way of a table through the REST API, with curl: examples/synthesize.sh FILE OUT/ [OPTIONS-AS-JSON]
# Needs a running service (./run up) and its API key in LOOKALIKE_KEY. Exit codes are those of `lookalike synthesize`.
set -euo pipefail

if [ "$#" -lt 2 ]; then
    printf "usage: %s FILE OUT/ ['{\"target\": \"income\"}']\n" "$0" >&2
    exit 2
fi
file=$1 out=$2 options=${3:-'{}'}
url=${LOOKALIKE_URL:-http://127.0.0.1:8000}/v1
auth="Authorization: Bearer ${LOOKALIKE_KEY:?set it to an API key, as ./run up printed it}"

# call ARGUMENTS...: the body of the answer; a problem goes to standard error, and ends the script
call() {
    curl --silent --show-error --fail-with-body --header "$auth" "$@" || {
        printf '\n' >&2
        return 1
    }
}
field() {
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

mkdir -p "$out"
answer=$(call --form "options=$options;type=application/json" --form "file=@$file" "$url/synthesize") || {
    printf '%s\n' "$answer" >&2
    exit 2
}
job=$(field id <<<"$answer")
printf 'job %s\n' "$job" >&2

call --no-buffer "$url/jobs/$job/events" >&2

answer=$(call "$url/jobs/$job")
state=$(field state <<<"$answer")
if [ "$state" != finished ]; then
    printf 'expected a finished job, this one is %s\n' "$state" >&2
    exit 1
fi
release=$(call "$url/releases/$(field release_id <<<"$answer")")
report=$(field report_id <<<"$release")
call --header "Accept: application/json" --output "$out/report.json" "$url/reports/$report"
call --header "Accept: text/html" --output "$out/report.html" "$url/reports/$report"

printf 'verdict %s, report %s\n' "$(field verdict <<<"$release")" "$out/report.html"
case "$(field state <<<"$release")" in
released)
    call --header "Accept: text/csv" --output "$out/synthetic.csv" "$url/releases/$(field id <<<"$release")/data"
    printf 'data %s\n' "$out/synthetic.csv"
    ;;
in_review) exit 10 ;;
blocked | rejected) exit 11 ;;
*) exit 12 ;;
esac
