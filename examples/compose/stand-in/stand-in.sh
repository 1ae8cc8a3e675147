#!/bin/sh
# stand-in ROLE: web, database, queue, worker, proxy or migrate. Speaks HTTP on $PORT.
#   database  GET /cgi-bin/incr?KEY, /cgi-bin/get?KEY, /cgi-bin/set?KEY=VALUE; keeps them in $DATA
#   queue     GET /cgi-bin/push?TEXT, /cgi-bin/pop
#   web       says who it is; with $DATABASE (host:port) how often it was asked
#   proxy     hands each request on to $UPSTREAM (host:port)
#   worker    takes what is in $QUEUE, and counts it in $DATABASE
#   migrate   waits for nothing: sets a key of $DATABASE, and ends
role=${1:-web}
port=${PORT:-8080}
data=${DATA:-/data}
root=/tmp/www
mkdir -p "$root/cgi-bin" "$data"

program() {
  { printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\n'; cat; } >"$root/cgi-bin/$1"
  chmod 755 "$root/cgi-bin/$1"
}

serve() {
  trap 'kill $child 2>/dev/null; exit 0' TERM INT
  cd "$root" || exit 1
  httpd -f -p "$port" -h "$root" &
  child=$!
  echo "$role listens on $port"
  wait $child
}

ask() { wget -q -O- "http://$1"; }

export data
case $role in
  database)
    program get <<'P'
cat "$data/$QUERY_STRING" 2>/dev/null || echo 0
P
    program set <<'P'
echo "${QUERY_STRING#*=}" >"$data/${QUERY_STRING%%=*}"; echo ok
P
    program incr <<'P'
i=0; until mkdir /tmp/counting 2>/dev/null || [ $((i += 1)) -gt 500 ]; do sleep 0.01; done
n=$(($(cat "$data/$QUERY_STRING" 2>/dev/null || echo 0) + 1)); echo $n >"$data/.$$"; mv "$data/.$$" "$data/$QUERY_STRING"
rmdir /tmp/counting; echo $n
P
    program health <<'P'
echo ok
P
    serve ;;
  queue)
    program push <<'P'
mktemp "$data/item.XXXXXX" >/dev/null && echo ok
P
    program pop <<'P'
set -- "$data"/item.*; [ -e "$1" ] && rm "$1" && echo item
P
    serve ;;
  web)
    export DATABASE NAME
    program index.cgi <<'P'
echo "hello from ${NAME:-web}"
[ -n "$DATABASE" ] && echo "visits: $(wget -q -O- "http://$DATABASE/cgi-bin/incr?visits")"
[ -n "$SECRET_FILE" ] && echo "secret: $(wc -c <"$SECRET_FILE") bytes"
true
P
    serve ;;
  proxy)
    export UPSTREAM
    program index.cgi <<'P'
wget -q -O- "http://$UPSTREAM/"
P
    serve ;;
  worker)
    trap 'exit 0' TERM INT
    while :; do
      [ "$(ask "$QUEUE/cgi-bin/pop")" = item ] && echo "done: $(ask "$DATABASE/cgi-bin/incr?done")" || { sleep 0.2 & wait $!; }
    done ;;
  migrate)
    ask "$DATABASE/cgi-bin/set?schema=7" && echo "schema is 7" ;;
  *) exec "$@" ;;
esac
