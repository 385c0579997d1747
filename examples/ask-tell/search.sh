#!/bin/sh
# Search from anywhere with curl: create an experiment, ask for points, tell what they are worth.
# The points are measured here, in this shell; the server only chooses them and keeps the results.
# Environment: TRIMTAB_SERVER, TRIMTAB_TOKEN (if the server wants one), NAME, TRIALS.
set -eu
server=${TRIMTAB_SERVER:-http://127.0.0.1:8746}
name=${NAME:-branin}
experiments=$server/api/v1/namespaces/${TRIMTAB_NAMESPACE:-default}/experiments

# call METHOD URL [JSON]: prints the answer; an error is printed and ends the script.
call() {
	answer=$(curl -sS --retry 5 -m 60 -X "$1" -w '\n%{http_code}' -H 'Content-Type: application/json' \
		${TRIMTAB_TOKEN:+-H "Authorization: Bearer $TRIMTAB_TOKEN"} ${3:+-d "$3"} "$2")
	code=${answer##*
}
	answer=${answer%
*}
	case $code in
	2??) printf '%s\n' "$answer" ;;
	*) echo "$1 $2: $code $answer" >&2 && return 1 ;;
	esac
}

# field NAME: the first number or string of that name in the JSON on standard input.
field() {
	tr -d '\n' | sed -n 's/.*"'"$1"'"[[:space:]]*:[[:space:]]*"\{0,1\}\([^",}]*\).*/\1/p'
}

# Branin's function: three equally deep valleys, 0.397887 at the bottom.
branin() {
	awk -v x="$1" -v y="$2" 'BEGIN {
		pi = 3.14159265358979
		t = y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6
		printf "%.10g\n", t * t + 10 * (1 - 1 / (8 * pi)) * cos(x) + 10
	}'
}

call POST "$experiments" '{
	"apiVersion": "trimtab/v1", "kind": "Experiment", "metadata": {"name": "'"$name"'"},
	"spec": {
		"objectives": [{"metric": "height", "direction": "minimize"}],
		"parameters": {
			"x": {"type": "double", "min": -5, "max": 10},
			"y": {"type": "double", "min": 0, "max": 15}},
		"algorithm": {"name": "auto", "seed": 1},
		"budget": {"maxTrials": '"${TRIALS:-20}"', "parallelTrials": 1},
		"trial": {"executor": "worker"}}}' >/dev/null

while :; do
	asked=$(call POST "$experiments/$name/trials:ask" '{"workerId": "shell", "count": 1}')
	number=$(echo "$asked" | field number)
	if [ -z "$number" ]; then
		[ "$(echo "$asked" | field state)" = running ] || break
		sleep 1
		continue
	fi
	height=$(branin "$(echo "$asked" | field x)" "$(echo "$asked" | field y)")
	echo "trial $number: height=$height"
	call POST "$experiments/$name/trials/$number:tell" \
		'{"state": "succeeded", "values": {"height": '"$height"'}}' >/dev/null
done
call GET "$experiments/$name/best"
