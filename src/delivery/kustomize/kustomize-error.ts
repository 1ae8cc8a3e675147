/** What is wrong with a kustomization, and where: `k8s/overlays/prod/kustomization.yaml: images[0]: …`. */
export class KustomizeError extends Error {
  constructor(where: string, message: string, cause?: unknown) {
    super(`${where}: ${message}`, { cause });
    this.name = 'KustomizeError';
  }
}
