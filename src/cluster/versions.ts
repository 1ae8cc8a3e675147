/** The Kubernetes release whose API is served, as `/version` and node status tell it. */
export const kubernetesVersion = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.0+timonel',
} as const;
