/** The pod network of one node. */
export interface PodNetworkOptions {
  name: string;
  /** `bridge` joins the pods by the node's bridge `cni0`, which exists; `ptp` gives each its own link to the node. */
  kind: 'bridge' | 'ptp';
  /** The node's own part of the pod range, a /24: `10.244.1.0/24`. Its first address is the node's. */
  podCidr: string;
  /** Of a dual-stack cluster: a /64, `fd12:1345:1678:101::/64`. A pod's number is the same in both. */
  ipv6PodCidr?: string;
  mtu: number;
  /** Where the plugin remembers which pod has which address. */
  dataDirectory: string;
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

/** The first four bytes of the hardware addresses of a /24: the last two follow from the address. */
function hardwarePrefix(podCidr: string): string {
  const [, second = '', third = ''] = podCidr.split('.');
  return `0a:58:${hexadecimal(second)}:${hexadecimal(third)}`;
}

/** The node's own address in its IPv6 pod range. */
export function ipv6PodGateway(podCidr: string): string {
  return podCidr.replace(/::\/64$/, '::1');
}

/** The node's own address in its pod range, and the hardware address that goes with it. */
export function podGateway(podCidr: string): { address: string; hardwareAddress: string } {
  return { address: podCidr.replace(/\d+\/24$/, '1'), hardwareAddress: `${hardwarePrefix(podCidr)}:00:01` };
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
  const { kind, podCidr, ipv6PodCidr = '', mtu, dataDirectory } = options;
  const { address: gateway } = podGateway(podCidr);
  const prefix = podCidr.replace(/\.\d+\/24$/, '');
  return `#!/bin/sh
set -euC
addresses='${dataDirectory}'
prefix=${prefix} gateway=${gateway} prefix6=${ipv6PodCidr.replace(/\/64$/, '')} gateway6=${ipv6PodGateway(ipv6PodCidr)} mtu=${mtu} hardware=${hardwarePrefix(podCidr)}
${answers}
${addressing}
${hostPorts}
link() {
${linkOf[kind]}
}
link6() {
${ipv6PodCidr ? ipv6LinkOf[kind] : '  :'}
}
${commands}`;
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
  fail 11 "no address is free in $prefix.0/24"
}`;

/** The bridge's or the link's host side, then the pod's side. */
const linkOf = {
  bridge: `  ip -batch - <<EOF
link add $host mtu $mtu type veth peer name $CNI_IFNAME address $mac mtu $mtu netns $CNI_NETNS
link set $host master cni0 up
link set $host type bridge_slave hairpin on
EOF
  nsenter --net="$CNI_NETNS" ip -batch - <<EOF
link set lo up
addr add $address/24 dev $CNI_IFNAME
link set $CNI_IFNAME up
route add default via $gateway
EOF`,
  ptp: `  ip -batch - <<EOF
link add $host mtu $mtu type veth peer name $CNI_IFNAME address $mac mtu $mtu netns $CNI_NETNS
addr add $gateway/32 dev $host
link set $host up
route replace $address dev $host src $gateway
EOF
  nsenter --net="$CNI_NETNS" ip -batch - <<EOF
link set lo up
addr add $address/32 dev $CNI_IFNAME
link set $CNI_IFNAME up
route add $gateway dev $CNI_IFNAME scope link
route add default via $gateway
EOF`,
};

/** The same for IPv6, once the link is there. Nobody else has the address: the kernel need not ask around. */
const ipv6LinkOf = {
  bridge: `  nsenter --net="$CNI_NETNS" ip -batch - <<EOF
addr add $address6/64 dev $CNI_IFNAME nodad
route add default via $gateway6 dev $CNI_IFNAME
EOF`,
  ptp: `  ip -batch - <<EOF
addr add $gateway6/128 dev $host nodad
route replace $address6 dev $host
EOF
  nsenter --net="$CNI_NETNS" ip -batch - <<EOF
addr add $address6/128 dev $CNI_IFNAME nodad
route add $gateway6 dev $CNI_IFNAME
route add default via $gateway6 dev $CNI_IFNAME
EOF`,
};

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
  0.0.0.0) $each ip any '' $address ;;
  '')
    $each ip any '' $address
    [ -z "$address6" ] || $each ip6 any '' $address6
    ;;
  ::) [ -z "$address6" ] || $each ip6 any '' $address6 ;;
  *:*) [ -z "$address6" ] || $each ip6 exact "$host_address . " $address6 ;;
  *) $each ip exact "$host_address . " $address ;;
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
    host_port_table ip ipv4_addr
    [ -z "$address6" ] || host_port_table ip6 ipv6_addr
    each_port places
    echo "add element ip timonel-host-ports hairpin { $address . $address }"
    [ -z "$address6" ] || echo "add element ip6 timonel-host-ports hairpin { $address6 . $address6 }"
  } | nft -f -
}

close_ports() {
  each=close_place
  each_port places
  nft delete element ip timonel-host-ports hairpin "{ $address . $address }" 2>/dev/null || :
  [ -z "$address6" ] || nft delete element ip6 timonel-host-ports hairpin "{ $address6 . $address6 }" 2>/dev/null || :
}`;

const commands = `
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
  address=$prefix.$n address6=\${prefix6:+$prefix6$n}
  [ -z "$has_ports" ] || close_ports
  # The links go with the pod's namespace.
  exec rm -f "$own" "$addresses/$n"
fi

# Eleven letters of the id: names of links have at most fifteen.
host=veth\${CNI_CONTAINERID%"\${CNI_CONTAINERID#???????????}"}
take
address=$prefix.$n address6=\${prefix6:+$prefix6$n} mac=$hardware:$((n / 100)):$((n % 100))
if ! complaint=$({ link && link6; } 2>&1); then
  rm -f "$addresses/$n" "$addresses/$CNI_CONTAINERID"
  ip link del "$host" 2>/dev/null || :
  fail 999 "cannot link the pod: $(echo "$complaint" | tr -d '"\\\\' | tr '\\n' ' ')"
fi
[ -z "$has_ports" ] || open_ports
interfaces='{"name":"'"$host"'"},{"name":"'"$CNI_IFNAME"'","sandbox":"'"$CNI_NETNS"'"}'
ips='{"version":"4","interface":1,"address":"'"$address"'/24","gateway":"'"$gateway"'"}'
routes='{"dst":"0.0.0.0/0"}'
if [ -n "$address6" ]; then
  ips="$ips"',{"version":"6","interface":1,"address":"'"$address6"'/64","gateway":"'"$gateway6"'"}'
  routes="$routes"',{"dst":"::/0"}'
fi
echo '{"cniVersion":"0.4.0","interfaces":['"$interfaces"'],"ips":['"$ips"'],"routes":['"$routes"']}'
`;
