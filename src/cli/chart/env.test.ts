import { expect, it } from 'vitest';
import { helmEnvironment } from './env.ts';

it("shows what Helm's variables mean, set or not", () => {
  const found = helmEnvironment({ HOME: '/home/me', XDG_CACHE_HOME: '/cache', HELM_REPOSITORY_CONFIG: '/r.yaml' });
  expect(found).toMatchObject({
    HELM_CACHE_HOME: '/cache/helm',
    HELM_CONFIG_HOME: '/home/me/.config/helm',
    HELM_DATA_HOME: '/home/me/.local/share/helm',
    HELM_DRIVER: 'secret',
    HELM_MAX_HISTORY: '10',
    HELM_NAMESPACE: 'default',
    HELM_PLUGINS: '/home/me/.local/share/helm/plugins',
    HELM_REGISTRY_CONFIG: '/home/me/.config/helm/registry/config.json',
    HELM_REPOSITORY_CACHE: '/cache/helm/repository',
    HELM_REPOSITORY_CONFIG: '/r.yaml',
  });
  expect(Object.keys(found)).toEqual(Object.keys(found).toSorted());
  const flags = { namespace: 'shop', kubeContext: 'kind', debug: true, kubeAsUser: 'eve', kubeAsGroup: ['a', 'b'] };
  expect(helmEnvironment({ HELM_REGISTRY_CONFIG: '/l.json', HELM_DRIVER: 'configmap' }, flags)).toMatchObject({
    ...{ HELM_NAMESPACE: 'shop', HELM_KUBECONTEXT: 'kind', HELM_DEBUG: 'true', HELM_KUBEASUSER: 'eve' },
    ...{ HELM_KUBEASGROUPS: 'a,b', HELM_REGISTRY_CONFIG: '/l.json', HELM_DRIVER: 'configmap' },
  });
});
