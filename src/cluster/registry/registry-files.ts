import { join } from 'node:path';

/** Where the cluster's registry keeps what: below the cluster's data directory. */
export interface RegistryPaths {
  directory: string;
  configFile: string;
  /** htpasswd(5), bcrypt. */
  passwordFile: string;
  credentialsFile: string;
  storage: string;
  logFile: string;
}

export function registryPaths(dataDirectory: string): RegistryPaths {
  const directory = join(dataDirectory, 'registry');
  return {
    directory,
    configFile: join(directory, 'config.yml'),
    passwordFile: join(directory, 'htpasswd'),
    credentialsFile: join(directory, 'credentials.json'),
    storage: join(directory, 'storage'),
    logFile: join(directory, 'registry.log'),
  };
}

/** The configuration of distribution's registry 2.8 (https://distribution.github.io/distribution/about/configuration/). */
export function renderRegistryConfig(options: {
  paths: RegistryPaths;
  port: number;
  certificateFile: string;
  keyFile: string;
  /** Signs the state of uploads between requests. */
  secret: string;
}): string {
  const { paths, port, certificateFile, keyFile, secret } = options;
  // JSON is YAML.
  return `${JSON.stringify(
    {
      version: 0.1,
      log: { level: 'warn', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: paths.storage }, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}`, secret, tls: { certificate: certificateFile, key: keyFile } },
      auth: { htpasswd: { realm: 'timonel', path: paths.passwordFile } },
    },
    undefined,
    2,
  )}\n`;
}

/**
 * How a node's containerd reaches the registry that pods call `localhost:PORT`
 * (https://github.com/containerd/containerd/blob/main/docs/hosts.md): at the host's address, trusting the cluster's CA, with the
 * cluster's own credentials.
 */
export function renderHostsFile(options: {
  address: string;
  port: number;
  certificateAuthorityFile: string;
  authorization: string;
}): string {
  const server = JSON.stringify(`https://${options.address}:${options.port}`);
  return [
    `server = ${server}`,
    '',
    `[host.${server}]`,
    'capabilities = ["pull", "resolve"]',
    `ca = ${JSON.stringify(options.certificateAuthorityFile)}`,
    '',
    `[host.${server}.header]`,
    `authorization = ${JSON.stringify(options.authorization)}`,
    '',
  ].join('\n');
}

/** nftables: what nodes send to the host's address on the bridge reaches the registry, which listens on loopback only. */
export function renderRegistryRules(options: {
  table: string;
  bridge: string;
  hostAddress: string;
  port: number;
}): string {
  const { table, bridge, hostAddress, port } = options;
  return `add table ip ${table}
delete table ip ${table}
table ip ${table} {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "${bridge}" ip daddr ${hostAddress} tcp dport ${port} dnat to 127.0.0.1
  }
}
`;
}
