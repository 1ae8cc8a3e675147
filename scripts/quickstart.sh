#!/usr/bin/env bash
# From nothing to a load-balanced app: installs what is missing, starts two nodes, builds the example, deploys it, calls it.
set -euo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS
say() { printf '\n\033[1m%s\033[0m\n' "$*" >&2; }

if [ "$(id -u)" != 0 ]; then
  echo "The quickstart needs root: sudo npm run quickstart" >&2
  exit 1
fi
export PATH="$PATH:/usr/sbin:/sbin"
export TIMONEL_CLUSTER=${TIMONEL_CLUSTER:-dev}

say "1. Installing what is missing and building"
bash scripts/setup.sh run
timonel=dist/timonel.js

say "2. Starting a cluster of two nodes"
"$timonel" up --nodes 2
KUBECONFIG=$("$timonel" kubeconfig --path)
export KUBECONFIG
kubectl get nodes -o wide

say "3. Building the example web app (examples/hello)"
if ! "$timonel" image list | grep -q '/python-flask:latest'; then
  "$timonel" image base python-flask --include python3-flask
fi
"$timonel" build -t hello examples/hello

say "4. Deploying three replicas and a service"
kubectl create deployment web-deployment --image=hello --replicas=3 --port=5000 --dry-run=client -o yaml | kubectl apply -f -
kubectl get service python-service >/dev/null 2>&1 ||
  kubectl expose deployment web-deployment --name=python-service --port=8000 --target-port=5000
kubectl rollout status deployment/web-deployment --timeout=60s
kubectl get pods -o wide

say "5. Calling the service"
address=$(kubectl get service python-service -o go-template='{{.spec.clusterIP}}'):8000
call() {
  node -e 'fetch(process.argv[1]).then((r) => r.text()).then((t) => process.stdout.write(t))' "http://$address"
}
# A container runs before the app in it listens: calls are made again until six have been answered.
answered=0
for _ in $(seq 60); do
  if call 2>/dev/null; then answered=$((answered + 1)); else sleep 0.5; fi
  [ "$answered" -lt 6 ] || break
done
[ "$answered" = 6 ] || { echo "The service at http://$address does not answer: kubectl describe pods" >&2; exit 1; }

say "Done in $((SECONDS - started)) seconds. What to try next:"
cat >&2 <<TEXT
  kubectl scale deployment web-deployment --replicas=10
  $timonel node add                      a third node
  $timonel node kill $TIMONEL_CLUSTER-2                lose one, and watch: kubectl get pods -o wide -w
  kubectl run client --image=python-flask --restart=Never -it --rm -- bash
  $timonel down                          stop (data is kept);  $timonel delete  forgets everything

kubectl is set to this cluster: context timonel-$TIMONEL_CLUSTER.
TEXT
