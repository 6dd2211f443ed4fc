#!/usr/bin/env bash
# The whole life of a second factor by curl and oathtool, against a running example server:
#   examples/json-api/curl.sh http://localhost:3000
# Node is there to read JSON, and for nothing else.
set -euo pipefail

origin=${1:?Say where the example server is, such as http://localhost:3000}
api=$origin/api/v1/two-factor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
token=''

# call STATUS METHOD ADDRESS [BODY]: the answer is in $work/answer; any other status ends the script.
call() {
  local wanted=$1 method=$2 address=$3 status
  local options=(--silent --show-error --request "$method" --cookie "$work/cookies" --cookie-jar "$work/cookies")
  options+=(--header 'Accept: application/json' --header "Second-Factor-Token: $token")
  if [ $# -gt 3 ]; then options+=(--header 'Content-Type: application/json' --data "$4"); fi
  status=$(curl "${options[@]}" --dump-header "$work/headers" --output "$work/answer" --write-out '%{http_code}' "$address")
  printf '%-4s %-40s %s %s\n' "$method" "${address#"$origin"}" "$status" "$(head -c 80 "$work/answer")"
  if [ "$status" != "$wanted" ]; then fail "$wanted was expected"; fi
  # Every answer of the API has the token that the next call sends.
  token=$(sed -n 's/^second-factor-token: *//Ip' "$work/headers" | tr -d '\r')
}

# field .NAME: what of the last answer is there.
field() { node -p "JSON.parse(require('node:fs').readFileSync(process.argv[1], 'utf8'))$1" "$work/answer"; }

expect() { [ "$(field "$1")" = "$2" ] || fail "$1 must be $2"; }

# code SECRET WHEN: each code works once, so the second one is that of the next 30 seconds.
code() { oathtool --totp --base32 --now "$2" "$1"; }

fail() { echo "Unexpected: $1" >&2; cat "$work/answer" >&2; exit 1; }

name=curl-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
password="$name has a long password"
log_in="{\"username\":\"$name\",\"password\":\"$password\"}"

call 201 POST "$origin/register" "{\"username\":\"$name\",\"email\":\"$name@service.example\",\"password\":\"$password\"}"
call 200 GET "$api/setup/me"
secret=$(field .secret)
call 200 POST "$api/enable/me" "{\"code\":\"$(code "$secret" now)\",\"name\":\"Phone\"}"
backup=$(field '.backup_codes[0]')
old=$(field '.backup_codes[1]')
call 200 POST "$api/backup-codes/me" '{"saved":true}'
call 200 GET "$api/status/me"
expect .enabled true
phone=$(field '.authenticators[0].id')
call 204 POST "$origin/logout" '{}'

call 401 POST "$origin/login" "$log_in"
expect .code second-factor-required
answer=$(field .answers.totp)
next=$(code "$secret" '30 seconds')
call 200 POST "$origin$answer" "{\"code\":\"$next\"}"
call 422 POST "$origin$answer" "{\"code\":\"$next\"}"
expect .code code-used

# Step-up: a fresh proof in a complete session, for the changes that follow.
call 200 POST "$api/verify-backup/me" "{\"code\":\"$backup\"}"
expect .return_to null
call 200 GET "$api/backup-codes/me"
expect .live false
fresh=$(field '.backup_codes[0]')
last=$(field '.backup_codes[1]')
call 200 POST "$api/backup-codes/me" '{"saved":true}'
expect .backup_codes.left 10

call 200 POST "$api/rename/me" "{\"authenticator_id\":\"$phone\",\"name\":\"Blue phone\"}"
call 200 GET "$api/setup/me"
call 200 POST "$api/enable/me" "{\"code\":\"$(code "$(field .secret)" now)\",\"name\":\"Tablet\"}"
call 200 GET "$api/status/me"
tablet=$(field ".authenticators.find(({ name }) => name === 'Tablet').id")
call 200 POST "$api/remove/me" "{\"authenticator_id\":\"$tablet\"}"
expect .authenticators.length 1
call 204 POST "$origin/logout" '{}'

call 401 POST "$origin/login" "$log_in"
call 422 POST "$api/verify-backup/me" "{\"code\":\"$old\"}"
expect .code code-wrong
call 200 POST "$api/verify-backup/me" "{\"code\":\"$fresh\"}"
call 200 POST "$api/disable/me" "{\"code\":\"$last\"}"
call 204 POST "$origin/logout" '{}'

call 200 POST "$origin/login" "$log_in"
call 200 GET "$api/status/me"
expect .enabled false
echo 'Everything went as it must.'
