/** What the help of a command ends with, by the command's path. */
export const examples: Readonly<Record<string, readonly string[]>> = {
  timonel: [
    'timonel up                          start a cluster of two nodes and point kubectl at it',
    'timonel up --name lab --nodes 3     another one beside it',
    'timonel node kill dev-2             lose a node, and watch its pods move',
    'timonel down                        stop it, keep its data',
    'timonel delete                      stop it and forget everything',
  ],
  'timonel up': [
    'timonel up',
    'timonel up --name lab --nodes 3 --port 7443',
    'timonel up --runtime simulated --nodes 20           no root, no containers',
    'timonel up --node-grace 40 --eviction-after 300     as patient as upstream',
  ],
  'timonel down': ['timonel down', 'timonel down --name lab'],
  'timonel delete': ['timonel delete --name lab'],
  'timonel status': ['timonel status', 'timonel status --name dev -o json'],
  'timonel kubeconfig': ['timonel kubeconfig > dev.yaml', 'export KUBECONFIG=$(timonel kubeconfig --path)'],
  'timonel node': ['timonel node list', 'timonel node add', 'timonel node kill dev-2', 'timonel node start dev-2'],
  'timonel node add': ['timonel node add', 'timonel node add worker --name lab'],
  'timonel node kill': ['timonel node kill dev-2', 'kubectl get nodes,pods -o wide -w'],
  'timonel image import': ['timonel image import app.tar', 'timonel image import rootfs.tar my-base --command /bin/sh'],
  'timonel image base': ['timonel image base --busybox', 'timonel image base python --include python3-flask'],
  'timonel build': ['timonel build -t hello .', 'timonel build -t hello:2 -f Dockerfile.prod --build-arg V=2 .'],
  'timonel lb': ['timonel lb list', 'timonel lb show web', 'timonel lb set web --weight version=v1:90,version=v2:10'],
  'timonel lb set': [
    'timonel lb set web --weight version=v1:90 --weight version=v2:10',
    'timonel lb set web --algorithm source-ip-hash',
    'timonel lb set web --host-port 127.0.0.1:8080:80',
  ],
  'timonel server': [
    'timonel server --name lab',
    'timonel server --only apiserver --port 7443',
    'timonel server --only scheduler --kubeconfig FILE --leader-elect',
  ],
  'timonel agent': ['timonel agent --kubeconfig FILE --containerd /run/containerd/containerd.sock'],
  'timonel completion': ['source <(timonel completion bash)'],
};
