/** The pod network of one node. */
export interface PodNetworkOptions {
  name: string;
  /** `bridge` joins the pods by the node's bridge `cni0`, which exists; `ptp` gives each its own link to the node. */
  kind: 'bridge' | 'ptp';
  /**
   * The node's own parts of the pod ranges, one of a family, the cluster's default first: a /24 (`10.244.1.0/24`), a
   * /64 (`fd12:1345:1678:101::/64`). Their first addresses are the node's; a pod's number is the same in both.
   */
  podCidrs: readonly string[];
  mtu: number;
  /** Where the plugin remembers which pod has which address. */
  dataDirectory: string;
}

/** Sets ips and routes, in the order of the ranges. */
function resultScript(podCidrs: readonly string[]): string {
  const each = podCidrs.map((cidr) => {
    const [version, address, gateway, length] = cidr.includes(':')
      ? ['6', '$address6', '$gateway6', 64]
      : ['4', '$address', '$gateway', 24];
    return `{"version":"${version}","interface":1,"address":"'"${address}"'/${length}","gateway":"'"${gateway}"'"}`;
  });
  const routes = podCidrs.map((cidr) => `{"dst":"${cidr.includes(':') ? '::/0' : '0.0.0.0/0'}"}`);
  return `ips='${each.join()}'\nroutes='${routes.join()}'`;
}

/** The name of the plugin's file in containerd's directory for them. */
export const cniPluginName = 'timonel';

/** The CNI configuration list (https://www.cni.dev/docs/spec/) of a node. */
export function renderCniConfig(name: string): string {
  const plugin = { type: cniPluginName, capabilities: { portMappings: true } };
  return `${JSON.stringify({ cniVersion: '0.4.0', name, plugins: [plugin] }, undefined, 2)}\n`;
}

/**
 * containerd connects `lo` by a plugin of this name. The plugin above has done it already: this one only says so.
 */
export const loopbackPlugin = `#!/bin/sh
case $CNI_COMMAND in
VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["0.3.1","0.4.0","1.0.0","1.1.0"]}' ;;
ADD)
  lo='{"name":"lo","sandbox":"'"$CNI_NETNS"'"}'
  echo '{"cniVersion":"0.3.1","interfaces":['"$lo"'],"ips":[{"version":"4","interface":0,"address":"127.0.0.1/8"}]}'
  ;;
esac
`;

const hexadecimal = (number: string): string => Number(number).toString(16).padStart(2, '0');

/** The first four bytes of the hardware addresses in a pod range: the last two follow from the address. */
function hardwarePrefix(podCidr: string): string {
  const sixth = /:([0-9a-f]+)::\/64$/.exec(podCidr)?.[1]?.padStart(4, '0');
  if (sixth !== undefined) return `0a:58:${sixth.slice(0, 2)}:${sixth.slice(2)}`;
  const [, second = '', third = ''] = podCidr.split('.');
  return `0a:58:${hexadecimal(second)}:${hexadecimal(third)}`;
}

/** The node's own address in a pod range of its own, and the hardware address that goes with it. */
export function podGateway(podCidr: string): { address: string; hardwareAddress: string } {
  const address = podCidr.includes(':') ? podCidr.replace(/::\/64$/, '::1') : podCidr.replace(/\d+\/24$/, '1');
  return { address, hardwareAddress: `${hardwarePrefix(podCidr)}:00:01` };
}

/**
 * A CNI plugin as a shell script: address, link and host ports of a pod. The plugins that distributions bring are four
 * programs for each pod, whose starts alone cost twice of what this takes; most of this runs in the shell itself.
 *
 * An address is taken by making its file, which only one can; a file under the pod's id tells which it has. Addresses
 * are given out in turn, so that a late packet for a pod that is gone meets nobody. The hardware address follows from
 * the address: whoever takes it over is reached at once, whatever neighbours remember. Host ports are an nftables map.
 */
export function renderCniPlugin(options: PodNetworkOptions): string {
  const { kind, podCidrs, mtu, dataDirectory } = options;
  const fourth = podCidrs.find((cidr) => !cidr.includes(':'));
  const sixth = podCidrs.find((cidr) => cidr.includes(':'));
  const gatewayOf = (cidr: string | undefined): string => (cidr === undefined ? '' : podGateway(cidr).address);
  return `#!/bin/sh
set -euC
addresses='${dataDirectory}'
prefix=${fourth?.replace(/\d+\/24$/, '') ?? ''} gateway=${gatewayOf(fourth)}
prefix6=${sixth?.replace(/\/64$/, '') ?? ''} gateway6=${gatewayOf(sixth)}
mtu=${mtu} ranges='${podCidrs.join(' and ')}' hardware=${hardwarePrefix(podCidrs[0] ?? '')}
${answers}
${addressing}
${hostPorts}
link() {
${linkScript(kind, { ip: fourth !== undefined, ip6: sixth !== undefined })}
}
${commandsFor(podCidrs)}`;
}

const answers = `
fail() {
  printf '{"cniVersion":"0.4.0","code":%s,"msg":"%s"}\\n' "$1" "$2"
  exit 1
}`;

const addressing = `
# Sets n: the next free number after the last one that was given out.
take() {
  n=1
  [ ! -e "$addresses/last" ] || read -r n <"$addresses/last"
  tries=0
  while [ "$tries" -lt 254 ]; do
    tries=$((tries + 1))
    n=$((n % 254 + 1))
    if [ "$n" -gt 1 ] && { echo "$CNI_CONTAINERID" >"$addresses/$n"; } 2>/dev/null; then
      echo "$n" >|"$addresses/last"
      echo "$n" >|"$addresses/$CNI_CONTAINERID"
      return
    fi
  done
  fail 11 "no address is free in $ranges"
}`;

/**
 * The host's side of the pod's link, then the pod's, which has addresses of these families. Nobody else has them: of
 * IPv6 the kernel need not ask around.
 */
function linkScript(kind: PodNetworkOptions['kind'], has: { ip: boolean; ip6: boolean }): string {
  const isBridge = kind === 'bridge';
  const [length, length6] = isBridge ? [24, 64] : [32, 128];
  const lines = (isWanted: boolean, ...all: string[]): string[] => (isWanted ? all : []);
  return [
    '  ip -batch - <<EOF',
    'link add $host mtu $mtu type veth peer name $CNI_IFNAME address $mac mtu $mtu netns $CNI_NETNS',
    ...lines(isBridge, 'link set $host master cni0 up', 'link set $host type bridge_slave hairpin on'),
    ...lines(!isBridge && has.ip, 'addr add $gateway/32 dev $host'),
    ...lines(!isBridge && has.ip6, 'addr add $gateway6/128 dev $host nodad'),
    ...lines(!isBridge, 'link set $host up'),
    ...lines(!isBridge && has.ip, 'route replace $address dev $host src $gateway'),
    ...lines(!isBridge && has.ip6, 'route replace $address6 dev $host'),
    'EOF',
    '  nsenter --net="$CNI_NETNS" ip -batch - <<EOF',
    'link set lo up',
    ...lines(has.ip, `addr add $address/${length} dev $CNI_IFNAME`),
    ...lines(has.ip6, `addr add $address6/${length6} dev $CNI_IFNAME nodad`),
    'link set $CNI_IFNAME up',
    ...lines(!isBridge && has.ip, 'route add $gateway dev $CNI_IFNAME scope link'),
    ...lines(has.ip, 'route add default via $gateway'),
    ...lines(!isBridge && has.ip6, 'route add $gateway6 dev $CNI_IFNAME'),
    ...lines(has.ip6, 'route add default via $gateway6 dev $CNI_IFNAME'),
    'EOF',
  ].join('\n');
}

const hostPorts = `
# The value of one field of the JSON object in $mapping, whose name containerd writes with a capital letter.
field() {
  value=\${mapping#*'"'$1'":'}
  [ "$value" != "$mapping" ] || value=\${mapping#*'"'$2'":'}
  [ "$value" != "$mapping" ] || value=
  value=\${value%%,*}
  value=\${value#'"'}
  value=\${value%'"'}
}

# Calls $1 for each port mapping in the configuration, with hostPort, port, protocol and hostAddress set.
each_port() {
  mappings=\${config#*'"portMappings":['}
  mappings=\${mappings%%']'*}
  while :; do
    case $mappings in *'{'*'}'*) ;; *) return 0 ;; esac
    mapping=\${mappings#*'{'}
    mapping=\${mapping%%'}'*}
    mappings=\${mappings#*'}'}
    field HostPort hostPort; host_port=$value
    field ContainerPort containerPort; port=$value
    field Protocol protocol; protocol=$value
    field HostIP hostIP; host_address=$value
    "$1"
  done
}

# The table of family $1, whose addresses are of type $2.
host_port_table() {
  cat <<EOF
add table $1 timonel-host-ports
add map $1 timonel-host-ports any { type inet_proto . inet_service : $2 . inet_service; }
add map $1 timonel-host-ports exact { type $2 . inet_proto . inet_service : $2 . inet_service; }
add set $1 timonel-host-ports hairpin { type $2 . $2; }
add chain $1 timonel-host-ports translate
add chain $1 timonel-host-ports prerouting { type nat hook prerouting priority -95; }
add chain $1 timonel-host-ports output { type nat hook output priority -95; }
add chain $1 timonel-host-ports postrouting { type nat hook postrouting priority 105; }
flush chain $1 timonel-host-ports translate
flush chain $1 timonel-host-ports prerouting
flush chain $1 timonel-host-ports output
flush chain $1 timonel-host-ports postrouting
add rule $1 timonel-host-ports translate dnat to $1 daddr . meta l4proto . th dport map @exact
add rule $1 timonel-host-ports translate dnat to meta l4proto . th dport map @any
add rule $1 timonel-host-ports prerouting fib daddr type local jump translate
add rule $1 timonel-host-ports output fib daddr type local jump translate
add rule $1 timonel-host-ports postrouting $1 saddr . $1 daddr @hairpin masquerade
EOF
  [ $1 = ip6 ] || echo 'add rule ip timonel-host-ports postrouting ip saddr 127.0.0.0/8 ct status dnat masquerade'
}

# Calls $each for each place where the mapping is: family, map, what comes before the port there, the pod's address.
places() {
  case $host_address in
  0.0.0.0) [ -z "$address" ] || $each ip any '' $address ;;
  '')
    [ -z "$address" ] || $each ip any '' $address
    [ -z "$address6" ] || $each ip6 any '' $address6
    ;;
  ::) [ -z "$address6" ] || $each ip6 any '' $address6 ;;
  *:*) [ -z "$address6" ] || $each ip6 exact "$host_address . " $address6 ;;
  *) [ -z "$address" ] || $each ip exact "$host_address . " $address ;;
  esac
}

open_place() {
  echo "add element $1 timonel-host-ports $2 { $3$protocol . $host_port : $4 . $port }"
}

close_place() {
  nft delete element $1 timonel-host-ports $2 "{ $3$protocol . $host_port }" 2>/dev/null || :
}

open_ports() {
  each=open_place
  {
    [ -z "$address" ] || host_port_table ip ipv4_addr
    [ -z "$address6" ] || host_port_table ip6 ipv6_addr
    each_port places
    [ -z "$address" ] || echo "add element ip timonel-host-ports hairpin { $address . $address }"
    [ -z "$address6" ] || echo "add element ip6 timonel-host-ports hairpin { $address6 . $address6 }"
  } | nft -f -
}

close_ports() {
  each=close_place
  each_port places
  [ -z "$address" ] || nft delete element ip timonel-host-ports hairpin "{ $address . $address }" 2>/dev/null || :
  [ -z "$address6" ] || nft delete element ip6 timonel-host-ports hairpin "{ $address6 . $address6 }" 2>/dev/null || :
}`;

const commandsFor = (podCidrs: readonly string[]): string => `
case $CNI_COMMAND in
VERSION)
  echo '{"cniVersion":"1.0.0","supportedVersions":["0.3.1","0.4.0","1.0.0","1.1.0"]}'
  exit 0
  ;;
ADD | DEL) ;;
*) exit 0 ;;
esac

IFS= read -r config || :
has_ports=
case $config in *'"portMappings":['*'{'*) has_ports=1 ;; esac

if [ "$CNI_COMMAND" = DEL ]; then
  own="$addresses/$CNI_CONTAINERID"
  [ -e "$own" ] || exit 0
  read -r n <"$own"
  address=\${prefix:+$prefix$n} address6=\${prefix6:+$prefix6$n}
  [ -z "$has_ports" ] || close_ports
  # The links go with the pod's namespace.
  exec rm -f "$own" "$addresses/$n"
fi

# Eleven letters of the id: names of links have at most fifteen.
host=veth\${CNI_CONTAINERID%"\${CNI_CONTAINERID#???????????}"}
take
address=\${prefix:+$prefix$n} address6=\${prefix6:+$prefix6$n} mac=$hardware:$((n / 100)):$((n % 100))
if ! complaint=$(link 2>&1); then
  rm -f "$addresses/$n" "$addresses/$CNI_CONTAINERID"
  ip link del "$host" 2>/dev/null || :
  fail 999 "cannot link the pod: $(echo "$complaint" | tr -d '"\\\\' | tr '\\n' ' ')"
fi
[ -z "$has_ports" ] || open_ports
interfaces='{"name":"'"$host"'"},{"name":"'"$CNI_IFNAME"'","sandbox":"'"$CNI_NETNS"'"}'
${resultScript(podCidrs)}
echo '{"cniVersion":"0.4.0","interfaces":['"$interfaces"'],"ips":['"$ips"'],"routes":['"$routes"']}'
`;
