/** Versions of TLS, the oldest first, by the names that nginx and OpenSSL have for them. */
export const tlsVersions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
export type TlsVersion = (typeof tlsVersions)[number];

/** How clients are met, whatever they ask for. */
export interface EntranceSettings {
  /** Who is in front of the proxy tells the truth about its clients (X-Forwarded-…). */
  trustsForwarded: boolean;
  /** Connections begin by saying whose they are (the PROXY protocol). */
  speaksProxy: boolean;
  /** Addresses and CIDRs of what is in front of the proxy; empty: all. */
  trustedProxies: readonly string[];
  /** The status of redirects to TLS. */
  redirectCode: number;
  /** The oldest and the newest version of TLS. */
  versions: { min: TlsVersion; max: TlsVersion };
  /** OpenSSL's list for TLS 1.2 and before; undefined: OpenSSL's choice. */
  ciphers: string | undefined;
}

export const plainEntrance: EntranceSettings = {
  ...{ trustsForwarded: false, speaksProxy: false, trustedProxies: [], redirectCode: 308 },
  ...{ versions: { min: 'TLSv1.2', max: 'TLSv1.3' }, ciphers: undefined },
};
